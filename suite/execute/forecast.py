"""The forecast of how long runs will take, from speeds measured on this machine."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from environments import family_spec
from suite.execute.machine import device_name
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from suite.training.provenance import processor

if TYPE_CHECKING:
    import pandas as pd


class Speed(NamedTuple):
    """The parts of a run's time."""

    step: float
    """Seconds of an environment step of meta-training, with its share of updates."""
    evaluation: float
    """Seconds of an evaluation."""
    iteration: float = 1.0
    """Environment steps of an iteration on average, after which there is one evaluation at most."""

    def of(self, spec: RunSpec) -> float:
        """Return the seconds of a whole run."""
        evaluations = 1 + min(spec.evaluations, round(spec.budget / self.iteration))
        return spec.budget * self.step + evaluations * self.evaluation

    @classmethod
    def measured(cls, spec: RunSpec, seconds: float, training: pd.DataFrame) -> Speed:
        """Return the speed of a finished run."""
        steps, evaluating = (float(training[name].iloc[-1]) for name in ("environment_steps", "seconds_evaluating"))
        trained = len(training) - 1  # evaluations but the first, which was untrained
        iteration = steps / trained if trained < spec.evaluations else 1.0  # fewer than asked for: one an iteration
        return cls((seconds - evaluating) / steps, evaluating / len(training), iteration)


class Speeds:
    """Speeds that were measured on this machine, by finished runs and by calibration.

    Known for the same settings on the same environment, or else on environments of the same kind and sizes. Other
    settings say nothing: networks differ by orders of magnitude. Nor do other machines, whose runs a store may hold.
    """

    def __init__(self, store: Store) -> None:
        self.path = store.results / "speeds.json"
        self.machine = f"{processor()}, {device_name()}"
        self._measured: dict[str, list[Speed]] = {}
        for folder in store.records():
            if folder.state == "done":
                try:
                    origin = folder.provenance()
                    if f"{origin['machine']['processor']}, {origin['device']}" == self.machine:
                        spec, seconds = folder.spec(), float(origin["seconds_total"])
                        self.add(spec, Speed.measured(spec, seconds, folder.training()))
                except (CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
                    continue  # named by whoever reads the results
        self._all_calibrated: dict[str, Any] = {}
        self._calibrated: dict[str, Speed] = {}
        with suppress(OSError, ValueError, AttributeError, TypeError):  # none yet, or damaged: to be measured again
            self._all_calibrated = dict(json.loads(self.path.read_text(encoding="utf-8")))
            here = self._all_calibrated.get(self.machine, {})
            self._calibrated = {key: Speed(*map(float, value)) for key, value in here.items()}

    def add(self, spec: RunSpec, speed: Speed) -> None:
        """Take note of a finished run."""
        for key in _keys(spec):
            self._measured.setdefault(key, []).append(speed)

    def calibrate(self, spec: RunSpec, speed: Speed) -> None:
        """Take note of a measurement, for later commands too."""
        self._calibrated |= dict.fromkeys(_keys(spec), speed)
        write_json(self.path, self._all_calibrated | {self.machine: self._calibrated})

    def seconds(self, spec: RunSpec) -> float | None:
        """Forecast a whole run; None if nothing like it was measured."""
        for key in _keys(spec):
            if key in self._measured:
                return median(speed.of(spec) for speed in self._measured[key])
        for key in _keys(spec):
            if key in self._calibrated:
                return self._calibrated[key].of(spec)
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
    tasks = f"{family.train_tasks} {family.test_tasks} {family.exploration_episodes}"
    sizes = f"{family.kind} {family.observation_size} {family.action_size} {family.horizon} {tasks}"
    chosen = [spec.protocol, spec.environment_options, spec.settings, *([spec.threads] if spec.threads > 1 else [])]
    rest = json.dumps(chosen, sort_keys=True)
    return f"{spec.algorithm} {spec.environment} {rest}", f"{spec.algorithm} {sizes} {rest}"


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
    seconds = [speeds.seconds(spec) for spec in speeds.longest_first(specs)]
    known = [value for value in seconds if value is not None]
    ends = [0.0] * workers
    for value in known:
        heapq.heappush(ends, heapq.heappop(ends) + value)
    return Forecast(sum(known) / 3600, max(ends) / 3600, len(seconds) - len(known))
