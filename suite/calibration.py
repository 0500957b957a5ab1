"""Speeds measured in seconds instead of hours: an iteration of which most steps are not simulated."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from environments import BoolArray, FloatArray, IntArray, Step
from suite.execution import Trainer
from suite.forecast import Speeds, alike
from suite.protocol import CountedTasks
from suite.spec import RunSpec


class _OutOfTimeError(Exception):
    pass


class _Sampled:
    """Tasks of which only some steps are simulated; the others repeat the last, so that warm-up passes quickly."""

    def __init__(self, tasks: CountedTasks, seconds: float) -> None:
        self.tasks, self.limit = tasks, seconds
        self.repeated = 0
        self._last: Step | None = None

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start episodes; simulated, for their number is small."""
        self._last = None
        return self.tasks.reset(tasks)

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step, or repeat the last step."""
        if self._last is None or self.tasks.seconds < self.limit:
            self._last = self.tasks.step(actions, active)
        else:
            self.repeated += int(active.sum())
        return self._last


def measure(spec: RunSpec, device: torch.device, seconds: float) -> float | None:
    """Measure the seconds that a step of a run takes, in about so many seconds; None if they did not suffice."""
    trainer = Trainer.of(spec, device)
    sampled = _Sampled(trainer.train, seconds / 4)
    algorithm = trainer.algorithm
    first = algorithm.next_iteration_steps
    begun = time.perf_counter()
    with _alarm(seconds):
        algorithm.meta_train(sampled)
    elapsed = time.perf_counter() - begun
    updates, simulated = algorithm.gradient_steps, trainer.train.steps
    trainer.train.close()
    if not updates or not simulated:
        return None
    step = trainer.train.seconds / simulated
    # The steps that were repeated cost about nothing; what was not simulation was updates.
    update = max(0.0, elapsed - trainer.train.seconds) / updates
    usual = max(1, algorithm.next_iteration_steps)
    iterations = 1 + max(0, spec.budget - first) // usual
    updates_each = int(spec.settings.get("updates", updates))
    family = trainer.family.spec
    tested = (1 + spec.evaluations) * family.test_tasks * family.horizon * (1 + spec.exploration_episodes)
    return (step * (spec.budget + tested) + update * updates_each * iterations) / spec.budget


def calibrate(specs: Sequence[RunSpec], speeds: Speeds, device: torch.device, seconds: float = 60.0) -> int:
    """Measure what nothing is known of, sharing the seconds; return how many remain unknown."""
    kinds = {alike(spec): spec for spec in speeds.longest_first(specs) if speeds.seconds(spec) is None}
    deadline = time.monotonic() + seconds
    for number, spec in enumerate(kinds.values()):
        share = max(1.0, (deadline - time.monotonic()) / (len(kinds) - number))
        if (measured := measure(spec, device, share)) is not None:
            speeds.calibrate(spec, measured)
    return sum(speeds.seconds(spec) is None for spec in specs)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Leave the block after some seconds, wherever it is."""

    def ring(*_: object) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _OutOfTimeError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
