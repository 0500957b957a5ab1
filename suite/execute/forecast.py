"""How long runs will take, from speeds measured on this machine."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from contextlib import suppress
from statistics import median
from typing import NamedTuple

from environments import family_spec
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.runs import CorruptRunError, Store


class Speeds:
    """Seconds that a step of meta-training takes, with its share of updates and evaluations.

    Measured by finished runs and by calibration; known for the same settings on the same environment, or else on
    environments of the same kind and sizes. Other settings say nothing: networks differ by orders of magnitude.
    """

    def __init__(self, store: Store) -> None:
        self.path = store.results / "speeds.json"
        self._measured: dict[str, list[float]] = {}
        for folder in store.folders():
            if folder.state == "done":
                try:
                    spec, last = folder.spec(), folder.training().iloc[-1]
                    seconds = float(folder.provenance()["seconds_total"])
                    self.add(spec, seconds / float(last["environment_steps"]))
                except (CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
                    continue  # named by whoever reads the results
        self._calibrated: dict[str, float] = {}
        with suppress(OSError, ValueError, AttributeError, TypeError):  # none yet, or damaged: to be measured again
            self._calibrated = {key: float(value) for key, value in json.loads(self.path.read_text()).items()}

    def add(self, spec: RunSpec, seconds_a_step: float) -> None:
        """Take note of a finished run."""
        for key in _keys(spec):
            self._measured.setdefault(key, []).append(seconds_a_step)

    def calibrate(self, spec: RunSpec, seconds_a_step: float) -> None:
        """Take note of a measurement, for later commands too."""
        self._calibrated |= dict.fromkeys(_keys(spec), seconds_a_step)
        write_json(self.path, self._calibrated)

    def seconds(self, spec: RunSpec) -> float | None:
        """Forecast a whole run; None if nothing like it was measured."""
        for key in _keys(spec):
            if key in self._measured:
                return spec.budget * median(self._measured[key])
        for key in _keys(spec):
            if key in self._calibrated:
                return spec.budget * self._calibrated[key]
        return None

    def longest_first(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        """Order runs so that the last to end are not the longest; those not yet measured come first, by budget."""
        return sorted(specs, key=lambda spec: (-(self.seconds(spec) or float("inf")), -spec.budget))


def alike(spec: RunSpec) -> str:
    """Name all runs that are taken to be as fast as this one."""
    return _keys(spec)[1]


def _keys(spec: RunSpec) -> tuple[str, str]:
    """Name what a run's speed depends on: its environment, or another of the same sizes."""
    family = family_spec(spec.environment, **spec.protocol)
    sizes = f"{family.kind} {family.observation_size} {family.action_size} {family.horizon}"
    settings = json.dumps(spec.settings, sort_keys=True)
    return f"{spec.algorithm} {spec.environment} {settings}", f"{spec.algorithm} {sizes} {settings}"


class Forecast(NamedTuple):
    """What is left of a plan."""

    hours: float
    """Of one worker for all."""
    elapsed: float
    """Hours until the last ends, with the given machines and workers."""
    unknown: int
    """Runs of which nothing is known; not part of the hours."""

    def text(self, machines: int, workers: int) -> str:
        """Say it in words."""
        if not self.hours:
            text = "nothing is left to forecast" if not self.unknown else "no forecast yet"
        else:
            where = "this machine" if machines == 1 else f"{machines} machines like this one"
            text = f"forecast: {self.elapsed:.2f} h on {where} ({workers} workers), {self.hours:.2f} h of one worker"
        return text + (f"; {self.unknown} runs without a speed: --calibrate measures it" if self.unknown else "")


def forecast(specs: Sequence[RunSpec], speeds: Speeds, workers: int) -> Forecast:
    """Forecast some runs on some workers, longest first."""
    seconds = [speeds.seconds(spec) for spec in speeds.longest_first(specs)]
    known = [value for value in seconds if value is not None]
    ends = [0.0] * workers
    for value in known:
        heapq.heappush(ends, heapq.heappop(ends) + value)
    return Forecast(sum(known) / 3600, max(ends) / 3600, len(seconds) - len(known))
