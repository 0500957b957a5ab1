"""Speeds measured in seconds instead of hours: an iteration of which most steps are not simulated."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from algorithms import Algorithm
from algorithms.peers.process import PeerError
from environments import BoolArray, FloatArray, IntArray, Step
from suite.execute.forecast import Speeds, alike
from suite.execute.measured import Speed
from suite.failures import FailedRunError
from suite.plan.budget_check import uncovered
from suite.spec import RunSpec
from suite.training.protocol import CountedTasks, TaskView, tested
from suite.training.threads import limit_threads
from suite.training.trainer import Trainer


class Clock(NamedTuple):
    """A clock by which speeds are measured."""

    now: Callable[[], float]
    timer: int
    """Number of the timer that rings by it."""
    signal: signal.Signals
    """Signal with which that timer rings."""


def wall_clock() -> Clock:
    """Return the clock that a user sees."""
    return Clock(time.perf_counter, signal.ITIMER_REAL, signal.SIGALRM)


def processor_clock() -> Clock:
    """Return the processor seconds of this process, which other work on the machine disturbs less."""
    return Clock(time.process_time, signal.ITIMER_PROF, signal.SIGPROF)


class _OutOfTimeError(BaseException):
    """Time is up: no error, so that nothing on the way that catches errors keeps it."""


class _Sampled(CountedTasks):
    """Tasks of which only some steps are simulated; the others repeat the last, so that warm-up passes quickly.

    Where tasks end episodes early, those that are not simulated end at the length that the simulated ones suggest.
    """

    def __init__(self, tasks: CountedTasks, now: Callable[[], float]) -> None:
        super().__init__(tasks.family, tasks.vectors, tasks.seed, tasks.stream_name)
        self.now = now
        self.allowed = 0.0
        """Seconds of simulation after which steps are repeated."""
        self.simulating = self.resetting = self.acting = 0.0
        """Seconds spent in steps, in resets, and between them within an episode: by the policy."""
        self.asked = 0
        """Steps asked for, simulated or not."""
        self.begun = 0
        """Episodes."""
        self._ended = 0
        """Simulated steps that ended an episode."""
        self._ages: IntArray = np.zeros(0, np.int64)  # (copies,) steps of each copy's episode
        self.reset_costs: list[float] = []
        """Seconds a copy of each reset."""
        self._last: Step | None = None
        self._left = 0.0

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start episodes; always simulated."""
        begun = self.now()
        observations = super().reset(tasks)
        self._last, self._left = None, self.now()
        self.resetting += self._left - begun
        self.reset_costs.append((self._left - begun) / len(tasks))
        self.begun += len(tasks)
        self._ages = np.zeros(len(tasks), np.int64)
        return observations

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step, or repeat the last step."""
        begun = self.now()
        self.acting += begun - self._left
        self._ages += active
        if self._last is None or self.simulating < self.allowed:
            step = self._last = super().step(actions, active)
            self._ended += int((step.terminated & active).sum())
        else:
            step = self._last._replace(terminated=active & (self._ages >= round(self.length)))
        self._left = self.now()
        self.simulating += self._left - begun
        self.asked += int(active.sum())
        return step

    @property
    def length(self) -> float:
        """Steps of an episode on average, as if each were its last with the share of the simulated ones that were."""
        horizon, ending = self.family.spec.horizon, self._ended / max(1, self.steps)
        return (1 - (1 - ending) ** horizon) / ending if ending else float(horizon)

    def costs(self) -> tuple[float, float]:
        """Return the seconds that a step takes, and a reset; the first one built the simulation."""
        return self.simulating / self.steps, median(self.reset_costs[1:] or self.reset_costs)

    def clock(self) -> float:
        """Return the time, without that spent on simulation and on waiting for actions."""
        return self.now() - self.simulating - self.resetting - self.acting


def measure(spec: RunSpec, device: torch.device, seconds: float, clock: Clock | None = None) -> Speed | None:
    """Measure the speed of a run, in about so many seconds of a clock; None if they did not suffice."""
    clock = clock or wall_clock()
    limit_threads(spec.threads)
    trainer = Trainer.of(spec, device)
    train, algorithm = _Sampled(trainer.train, clock.now), trainer.algorithm
    first, taken = algorithm.next_iteration_steps, 1.0
    readings = [(train.clock(), algorithm.gradient_steps, 0)]
    with _alarm(0.6 * seconds, clock):
        for share in (0.1, 0.2):  # the first iteration warms up; the second is like all others, if there is time for it
            announced = algorithm.next_iteration_steps
            if len(readings) > 1 and announced > spec.budget - train.steps:
                break  # the run's last iteration would be a smaller one
            train.allowed = train.simulating + share * seconds
            algorithm.meta_train(TaskView(train, spec.budget))
            readings.append((train.clock(), algorithm.gradient_steps, train.asked))
            taken = (train.asked - readings[-2][2]) / announced  # less than it may be, where episodes end early
    complete = len(readings) - 1
    if complete < 2:
        readings.append((train.clock(), algorithm.gradient_steps, train.asked))
    spans = [(end[0] - begin[0], end[1] - begin[1]) for begin, end in pairwise(readings)]
    updating, updates = next((span for span in reversed(spans) if span[1]), (0.0, 0))
    train.close()
    following = algorithm.next_iteration_steps  # without warm-up, also where the first was left within its updates
    if not complete:  # an algorithm that was left within an iteration is no longer sound
        algorithm = Trainer.of(spec, device).algorithm
    if not updates or not train.steps:
        return None
    if (tested := _evaluation(spec, algorithm, _Sampled(trainer.test, clock.now), 0.4 * seconds, clock)) is None:
        return None
    update = updating / updates
    usual = max(1.0, taken * following)
    iterations = 1 + max(0.0, spec.budget - (readings[1][2] if complete else first)) // usual
    updates_each = spans[complete - 1][1] if complete else int(spec.settings.get("updates", updates))
    step, reset = train.costs()
    sampled = spec.budget * (step + (train.begun * reset + train.acting) / train.asked)
    return Speed((sampled + update * updates_each * iterations) / spec.budget, tested, spec.budget / iterations)


def _evaluation(spec: RunSpec, algorithm: Algorithm, test: _Sampled, seconds: float, clock: Clock) -> float | None:
    """Measure the seconds of one evaluation; None if they did not suffice."""
    test.allowed = 0.5 * seconds
    adapting: float | None = None
    with _alarm(seconds, clock):
        test.reset(np.arange(len(test.vectors)))  # builds the simulation
        begun = test.clock()
        tested(algorithm, test, spec)
        adapting = test.clock() - begun
    test.close()
    if adapting is None or not test.steps:
        return None
    if (test_by := spec.stepwise_test) is not None:
        rounds = 1 + (test_by.adaptations if algorithm.adapts else 0)
        episodes = len(test.vectors) * rounds * test_by.steps / test.family.spec.horizon
    else:
        episodes = len(test.vectors) * (1 + (spec.exploration_episodes if algorithm.adapts else 0))
    step, reset = test.costs()
    return episodes * (reset + test.length * (step + test.acting / test.asked)) + adapting


def calibrate(specs: Sequence[RunSpec], speeds: Speeds, device: torch.device, seconds: float = 60.0) -> int:
    """Measure what nothing is known of, sharing the seconds; return how many remain unknown."""
    import_module("torch._dynamo")  # gradients of functions load it; an alarm amid that would leave half of it behind
    hopeless = uncovered(specs)
    unknown = [spec for spec in specs if speeds.seconds(spec) is None and spec.run not in hopeless]
    kinds = {alike(spec): spec for spec in speeds.longest_first(unknown)}
    deadline = time.monotonic() + seconds
    for number, spec in enumerate(kinds.values()):
        share = max(1.0, (deadline - time.monotonic()) / (len(kinds) - number))
        with suppress(FailedRunError, PeerError):  # so would the run
            if (measured := measure(spec, device, share)) is not None:
                speeds.calibrate(spec, measured)
    return sum(speeds.seconds(spec) is None for spec in specs)


@contextmanager
def _alarm(seconds: float, clock: Clock) -> Iterator[None]:
    """Leave the block after some seconds, wherever it is."""
    wanted = True

    def ring(*_: object) -> None:
        if wanted:
            raise _OutOfTimeError

    before = signal.signal(clock.signal, ring)
    # Again every second: an exception within a finaliser or a callback of the collector is swallowed.
    signal.setitimer(clock.timer, seconds, 1.0)
    try:
        yield
    except _OutOfTimeError:
        pass
    finally:
        wanted = False
        signal.setitimer(clock.timer, 0.0)
        signal.signal(clock.signal, before)
