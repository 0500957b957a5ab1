"""The forecast of how long runs will take, from speeds measured on this machine."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from contextlib import suppress
from statistics import median
from typing import Any, NamedTuple

from suite.execute.machine import device_name
from suite.execute.measured import Speed, known_by, measured_speeds
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.runs import Store
from suite.training.provenance import processor


class Speeds:
    """Speeds that were measured on this machine, by finished runs and by calibration.

    Known for the same settings on the same environment, or else on environments of the same kind and sizes. Other
    settings say nothing: networks differ by orders of magnitude. Nor do other machines, whose runs a store may hold.
    """

    def __init__(self, store: Store) -> None:
        self.path = store.results / "speeds.json"
        self.machine = f"{processor()}, {device_name()}"
        self._measured: dict[str, list[Speed]] = {}
        self._forecast: dict[tuple[str, int, int], float] = {}
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
        write_json(self.path, self._all_calibrated | {self.machine: self._calibrated})

    def seconds(self, spec: RunSpec) -> float | None:
        """Forecast a whole run; None if nothing like it was measured."""
        keys = known_by(spec)
        for key in keys:
            if key in self._measured:
                like = (key, spec.budget, spec.evaluations)  # all that `Speed.of` asks of a run: once for all seeds
                if like not in self._forecast:
                    self._forecast[like] = median(speed.of(spec) for speed in self._measured[key])
                return self._forecast[like]
        for key in keys:
            if key in self._calibrated:
                return self._calibrated[key].of(spec)
        return None

    def longest_first(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        """Order runs so that the last to end are not the longest; those not yet measured come first, by budget."""
        return sorted(specs, key=lambda spec: (-(self.seconds(spec) or float("inf")), -spec.budget))


def alike(spec: RunSpec) -> str:
    """Name all runs that are taken to be as fast as this one."""
    return known_by(spec)[1]


class Forecast(NamedTuple):
    """The remainder of a plan."""

    hours: float
    """Hours of one worker for all."""
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
        return text + (f"; {self.unknown} runs without a speed here: --calibrate measures it" if self.unknown else "")


def forecast(specs: Sequence[RunSpec], speeds: Speeds, workers: int) -> Forecast:
    """Forecast some runs on some workers, longest first."""
    seconds = [speeds.seconds(spec) for spec in specs]
    known = sorted((value for value in seconds if value is not None), reverse=True)
    ends = [0.0] * workers
    for value in known:
        heapq.heappush(ends, heapq.heappop(ends) + value)
    return Forecast(sum(known) / 3600, max(ends) / 3600, len(seconds) - len(known))
