"""The forecast of how much runs take: by speeds measured on this machine, else by those that come with the suite."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from statistics import median
from typing import Any, NamedTuple

from suite.durations import duration, size
from suite.execute.machine import device_name
from suite.execute.measured import Speed, known_by, measured_speeds
from suite.execute.reference import Estimate, Reference, read
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.runs import Store
from suite.training.provenance import processor

RUN_FILES = 100_000
"""Bytes of a finished run's tables and texts, roughly."""


class Speeds:
    """Speeds of runs on this machine.

    Measured are those of finished runs and of calibration: they count for the same settings on the same environment, or
    else on environments of the same kind and sizes. Runs of other machines, which a store may hold, say nothing. What
    nothing was measured of is estimated from the costs that come with the suite.
    """

    def __init__(self, store: Store) -> None:
        self.path = store.results / "speeds.json"
        self.device = device_name()
        self.machine = f"{processor()}, {self.device}"
        self.reference = Reference(read())
        self._measured: dict[str, list[Speed]] = {}
        self._seconds: dict[tuple[str, int, int], float] = {}
        self._estimates: dict[tuple[str, int, int], Estimate] = {}
        for each in measured_speeds(store):
            if each.machine == self.machine:
                for key in each.keys:
                    self._measured.setdefault(key, []).append(each.speed)
        self._all_calibrated: dict[str, Any] = {}
        self._calibrated: dict[str, Speed] = {}
        with suppress(OSError, ValueError, AttributeError, TypeError):  # none yet, or damaged: to be measured again
            self._all_calibrated = dict(json.loads(self.path.read_text(encoding="utf-8")))
            here = self._all_calibrated.get(self.machine, {})
            self._calibrated = {key: Speed.checked(*value) for key, value in here.items()}

    def calibrate(self, spec: RunSpec, speed: Speed) -> None:
        """Take note of a measurement, for later commands too."""
        self._calibrated |= dict.fromkeys(known_by(spec), speed)
        self._estimates.clear()
        write_json(self.path, self._all_calibrated | {self.machine: self._calibrated})

    def seconds(self, spec: RunSpec) -> float | None:
        """Return how long a whole run takes; None if nothing like it was measured here."""
        return self._here(spec, known_by(spec))

    def _here(self, spec: RunSpec, keys: tuple[str, str]) -> float | None:
        for key in keys:
            if key in self._measured:
                like = (key, spec.budget, spec.evaluations)  # all that `Speed.of` asks of a run: once for all seeds
                if like not in self._seconds:
                    self._seconds[like] = median(speed.of(spec) for speed in self._measured[key])
                return self._seconds[like]
        for key in keys:
            if key in self._calibrated:
                return self._calibrated[key].of(spec)
        return None

    def estimate(self, spec: RunSpec) -> Estimate:
        """Estimate a whole run."""
        keys = known_by(spec)
        like = (keys[0], spec.budget, spec.evaluations)
        if like not in self._estimates:
            if (here := self._here(spec, keys)) is None:
                self._estimates[like] = self.reference.estimate(spec, keys[1])
            else:
                self._estimates[like] = Estimate(here, here, here, self.reference.cost(spec, keys[1]), "measured")
        return self._estimates[like]

    def longest_first(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        """Order runs so that the last to end are not the longest; a guess counts as long as it may be."""
        return sorted(specs, key=lambda spec: -self.estimate(spec).high)


def alike(spec: RunSpec) -> str:
    """Name all runs that are taken to be as fast as this one."""
    return known_by(spec)[1]


class Forecast(NamedTuple):
    """The time, memory and disk that some runs take."""

    seconds: float
    """Seconds of one worker for all."""
    elapsed: tuple[float, float]
    """Seconds until the last ends, at least and at most."""
    memory: int
    """Bytes of the largest runs, as many as there are workers on a machine."""
    disk: int
    """Bytes of what all runs leave behind, and of the checkpoints of those that are executed at once."""
    sources: Counter[str]
    """The number of runs of each `Estimate.source`."""
    device: str
    """Device that runs are executed on: `cpu`, or the name of an accelerator."""

    def text(self, where: str, workers: int) -> str:
        """Write it in words.

        Parameters
        ----------
        where : such as "on this machine".
        workers : runs at once.
        """
        if not self.sources:
            return "nothing is left to forecast"
        workers = min(workers, self.sources.total())
        about = "" if self.sources["measured"] == self.sources.total() else "about "
        text = f"forecast: {about}{duration(*self.elapsed)} {where}"
        if workers > 1:
            text += f" ({workers} runs at once; one after the other {about}{duration(self.seconds)})"
        return "\n".join([f"{text}; {size(self.memory)} of memory, {size(self.disk)} of disk", *self._reservations()])

    def _reservations(self) -> Iterable[str]:
        found = []
        if shipped := self.sources["shipped"]:
            found.append(f"{shipped} by speeds that come with the suite, scaled to this processor")
        if guessed := self.sources["guess"]:
            found.append(f"{guessed} by a rough guess, as nothing like them was measured")
        if found:
            yield f"of {self.sources.total()} runs {'; '.join(found)} (`suite plan --calibrate` measures here)"
        if found and self.device != "cpu":
            yield f"those are speeds of processors: on {self.device} large networks are many times as fast"


def forecast(specs: Sequence[RunSpec], speeds: Speeds, workers: int, machines: int = 1) -> Forecast:
    """Forecast some runs on some workers of all machines together, longest first."""
    found = [(spec, speeds.estimate(spec)) for spec in specs]
    at_once, everywhere = -(-workers // machines), min(workers, len(found))
    memory = heapq.nlargest(at_once, (each.cost.memory_of(spec) for spec, each in found))
    checkpoints = heapq.nlargest(everywhere, (each.cost.checkpoint_of(spec) for spec, each in found))
    return Forecast(
        seconds=sum(each.seconds for _, each in found),
        elapsed=(elapsed((each.low for _, each in found), workers), elapsed((each.high for _, each in found), workers)),
        memory=sum(memory),
        disk=sum(checkpoints) + sum(each.cost.kept + RUN_FILES for _, each in found),
        sources=Counter(each.source for _, each in found),
        device=speeds.device,
    )


def elapsed(seconds: Iterable[float], workers: int) -> float:
    """Return the seconds until the last of some runs ends, if workers take the longest first."""
    ends = [0.0] * workers
    for value in sorted(seconds, reverse=True):
        heapq.heappush(ends, heapq.heappop(ends) + value)
    return max(ends)
