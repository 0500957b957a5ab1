"""One run in memory: meta-training, evaluations at fixed marks, and a state to go on from."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from algorithms import Algorithm, Metrics, Problem, State, load_algorithm
from algorithms.interface import AppendOnly
from environments import TaskFamily, TaskSplit, make_family
from suite.errors import in_one_line
from suite.failures import FailedRunError, Kind
from suite.plan.settings import load_settings
from suite.spec import RunSpec
from suite.store.record import ADAPTATIONS, EVALUATION_COLUMNS
from suite.training import failures as failures  # they are registered
from suite.training.protocol import BudgetError, CountedTasks, NonFiniteError, Scores, TaskView, tested
from suite.training.streams import algorithm_streams


class DivergedError(FailedRunError):
    """Training produced a number that is not finite; the message names algorithm, iteration and quantity."""

    kind: ClassVar[Kind] = "diverged"


class WrongNumberError(FailedRunError):
    """A metric or counter that is no number; the message names it."""

    kind: ClassVar[Kind] = "error"


MOST_STEPS = 2**63 - 1
"""More do not fit into a table."""

COUNTERS = (
    "environment_steps",
    "gradient_steps",
    "meta_test_steps",
    "seconds_sampling",
    "seconds_updating",
    "seconds_evaluating",
)
"""Columns of the training table that are not the algorithm's."""


def next_mark(spec: RunSpec, steps: int) -> int | None:
    """Return the number of steps at which the next evaluation is due; None if all marks lie behind.

    Marks divide the budget into equal shares; one that falls between two steps is reached with the later.
    """
    number = steps * spec.evaluations // spec.budget + 1
    return -(-spec.budget * number // spec.evaluations) if number <= spec.evaluations else None


def _number(value: Any) -> float:
    """Take a value as a number, as those of numpy and of torch are; raises whatever its type does where it is none."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
    elif isinstance(value, str | bytes | bytearray | memoryview) or np.asarray(value).dtype.kind in "cSU":
        raise TypeError("text and complex numbers are none")
    return float(value)


def _shown(value: object) -> str:
    """Return a value as it prints, shortened to a line; its type where it cannot be printed."""
    try:
        return in_one_line(repr(value))[:60]
    except Exception:  # more digits than Python prints, or of a user's own type
        return f"a {type(value).__name__}"


@contextmanager
def _without_global_draws(algorithm: str) -> Iterator[None]:
    """Refuse an algorithm that draws from torch's global generator: no seed decides it, and no checkpoint keeps it."""
    before = torch.get_rng_state()
    yield
    if not torch.equal(before, torch.get_rng_state()):
        raise ValueError(
            f"{algorithm}: draws from torch's global generator, as dropout and first weights of torch's modules do; "
            "no seed of the run decides it: draw from self.generator, and make modules inside "
            "algorithms.noise.own_draws(self.initial)"
        )


@dataclass
class Trainer:
    """Meta-trains one algorithm and evaluates it at fixed marks."""

    spec: RunSpec
    family: TaskFamily
    algorithm: Algorithm
    train: CountedTasks
    test: CountedTasks
    seconds: dict[str, float] = field(default_factory=lambda: {"updating": 0.0, "evaluating": 0.0})
    iterations: int = 0
    metrics: Metrics = field(default_factory=dict)
    """Metrics of the last iteration."""
    evaluations: list[pd.DataFrame] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, spec: RunSpec, device: torch.device) -> Trainer:
        """Build everything that a run needs from its specification."""
        family = make_family(spec.environment, **spec.protocol, **spec.environment_options)
        split = family.sample_tasks(spec.seed)
        if not isinstance(split, TaskSplit):
            given = type(split).__name__
            raise ValueError(f"task family {family.spec.name}: sample_tasks must give a TaskSplit, not a {given}")
        train = CountedTasks(family, split.train, spec.seed, "environment")
        test = CountedTasks(family, split.test, spec.seed, "evaluation environment")
        for what, tasks, count in (("train", train, family.spec.train_tasks), ("test", test, family.spec.test_tasks)):
            if len(tasks.vectors) != count:
                raise ValueError(f"task family {family.spec.name}: gave {len(tasks.vectors)} {what} tasks, not {count}")
        kind = load_algorithm(spec.algorithm)
        problem = Problem(
            observation_size=family.spec.observation_size,
            action_size=family.spec.action_size,
            task_size=family.spec.task_size,
            horizon=family.spec.horizon,
            train_tasks=len(train.vectors),
            budget=spec.budget,
            task_vectors=train.vectors.copy() if kind.reads_task_vectors else None,
        )
        settings = load_settings(spec.algorithm, spec.settings)
        with _without_global_draws(spec.algorithm):
            algorithm = kind(settings, problem, algorithm_streams(spec.seed), device)
        return cls(
            spec=spec,
            family=family,
            algorithm=algorithm,
            train=train,
            test=test,
        )

    def run(self, between: Callable[[], None] = lambda: None) -> None:
        """Evaluate untrained, then train, evaluating at the end of the iteration that reaches a mark, and at the end.

        The last iteration may be smaller than the others, so that the budget is spent and never exceeded; an algorithm
        that is `finished` leaves the rest of it. Goes on from where the state that was loaded stood.

        Parameters
        ----------
        between : called whenever the state is one to go on from; may raise to stop.

        Raises
        ------
        BudgetError
            If an iteration would exceed the budget.
        DivergedError
            If an observation, a reward or a logged quantity is not finite.
        """
        algorithm, spec = self.algorithm, self.spec
        if not self.evaluations:
            if algorithm.next_iteration_steps > spec.budget:
                raise BudgetError(
                    f"budget: {spec.budget} environment steps do not cover the first iteration of {spec.algorithm}, "
                    f"which takes up to {algorithm.next_iteration_steps}"
                )
            self.evaluate()
            between()
        while not algorithm.finished and algorithm.smallest_iteration_steps <= spec.budget - self.train.steps:
            mark = next_mark(spec, self.train.steps)
            self.iterate()
            if mark is not None and self.train.steps >= mark:
                self.evaluate()
            between()
        if self.training[-1]["environment_steps"] < self.train.steps:
            self.evaluate()
        self.train.close()
        self.test.close()

    def iterate(self) -> None:
        """Run one iteration and check that what it logs are numbers, and finite.

        Raises
        ------
        WrongNumberError
            If a metric, or the count of gradient steps, is no number.
        DivergedError
            If a metric is not finite.
        """
        self.iterations += 1
        begun, sampling = time.perf_counter(), self.train.seconds
        with self._checked():
            metrics = self.algorithm.meta_train(TaskView(self.train, self.spec.budget))
        self.metrics = self._numbers(metrics)
        for quantity, value in self.metrics.items():
            if not math.isfinite(value):
                raise DivergedError(f"{self.spec.algorithm}: iteration {self.iterations}: {quantity} is {value}")
        self.algorithm.gradient_steps = self.gradient_steps
        self.seconds["updating"] += time.perf_counter() - begun - (self.train.seconds - sampling)

    @property
    def gradient_steps(self) -> int:
        """The algorithm's count; raises `WrongNumberError` if that is no whole number, has fallen or is too large."""
        counted: Any = self.algorithm.gradient_steps
        before = self.training[-1]["gradient_steps"] if self.training else 0
        try:
            steps = operator.index(counted)
        except Exception as error:  # of a user's own type, whatever it raises
            what = f"{self.spec.algorithm}: gradient_steps is {_shown(counted)}"
            raise WrongNumberError(f"{what}: must be a whole number") from error
        if not before <= steps <= MOST_STEPS:
            what = f"{self.spec.algorithm}: gradient_steps is {_shown(counted)}"
            raise WrongNumberError(f"{what}: must not fall (it was {before}), nor exceed {MOST_STEPS}")
        return steps

    def _numbers(self, metrics: Any) -> Metrics:
        """Take what an iteration returned as numbers: those of numpy and of torch are."""
        where = f"{self.spec.algorithm}: iteration {self.iterations}"
        if not isinstance(metrics, Mapping):
            raise WrongNumberError(f"{where}: metrics must be a dict, not a {type(metrics).__name__}")
        numbers = {}
        for name, value in metrics.items():
            if not isinstance(name, str) or name in COUNTERS or not name.strip() or not name.isprintable():
                what, taken = f"{where}: metric {_shown(name)}", ", ".join(COUNTERS)
                raise WrongNumberError(f"{what}: must be named by a string that can be seen, and by none of {taken}")
            try:
                numbers[name] = _number(value)
            except Exception as error:  # of a user's own type, whatever it raises
                what = f"{where}: metric {name!r} is {_shown(value)}"
                raise WrongNumberError(f"{what}: must be a number ({in_one_line(error)})") from error
        return numbers

    def evaluate(self) -> Scores:
        """Meta-test the algorithm as it stands, and note where training is."""
        begun = time.perf_counter()
        with self._checked():
            with np.errstate(over="ignore"):
                scores = tested(self.algorithm, self.test, self.spec)
            if not np.isfinite(scores.returns).all():  # a sum of finite rewards may not be
                raise NonFiniteError("a return")
        self.seconds["evaluating"] += time.perf_counter() - begun
        counters = {"environment_steps": self.train.steps, "gradient_steps": self.gradient_steps}
        self.evaluations.append(
            pd.DataFrame(
                {
                    **counters,
                    "task": scores.tasks,
                    "episode": np.zeros_like(scores.tasks),
                    "return": scores.returns,
                    "success": scores.success,
                    **({} if scores.adaptations is None else {ADAPTATIONS: scores.adaptations}),
                    **scores.metrics,
                }
            )
        )
        self.training.append(
            {
                **counters,
                "meta_test_steps": self.test.steps,
                "seconds_sampling": self.train.seconds,
                "seconds_updating": self.seconds["updating"],
                "seconds_evaluating": self.seconds["evaluating"],
                **self.metrics,
                **self._numbers(self.algorithm.measured()),
            }
        )
        return scores

    def state(self) -> State:
        """Return everything needed to go on bit for bit."""
        return {
            "algorithm": self.algorithm.state(),
            "train": self.train.state(),
            "test": self.test.state(),
            "seconds": dict(self.seconds),
            "iterations": self.iterations,
            "metrics": dict(self.metrics),
            "evaluations": {
                name: torch.from_numpy(values.to_numpy(copy=True)).as_subclass(AppendOnly)
                for name, values in pd.concat(self.evaluations, ignore_index=True).items()
            },
            "training": [dict(row) for row in self.training],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.algorithm.load_state(state["algorithm"])
        self.train.load_state(state["train"])
        self.test.load_state(state["test"])
        self.seconds = dict(state["seconds"])
        self.iterations = state["iterations"]
        self.metrics = dict(state["metrics"])
        further = [ADAPTATIONS] if self.spec.stepwise_test else self.test.family.spec.metrics
        names = [*EVALUATION_COLUMNS, *further]
        columns = {name: state["evaluations"][name].as_subclass(torch.Tensor).numpy() for name in names}
        self.evaluations = [pd.DataFrame(columns)]
        self.training = [dict(row) for row in state["training"]]

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            with _without_global_draws(self.spec.algorithm):
                yield
        except NonFiniteError as error:
            raise DivergedError(f"{self.spec.algorithm}: iteration {self.iterations}: {error} is not finite") from error
