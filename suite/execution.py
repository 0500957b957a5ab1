"""One run, from its specification to its committed results."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

from algorithms import ALGORITHMS, Algorithm, Episodes, Metrics, Problem
from environments import TaskFamily, make_family
from suite.protocol import CountedTasks, NonFiniteError, meta_test
from suite.provenance import provenance
from suite.settings import load_settings
from suite.spec import RunSpec
from suite.store import LEASE_SECONDS, RunFolder
from suite.streams import algorithm_streams


class BudgetError(Exception):
    """The budget does not cover a single iteration."""


class DivergedError(Exception):
    """Training produced a number that is not finite; the message names algorithm, iteration and quantity."""


Report = Callable[[int, int], None]
"""Called after each iteration with environment steps and gradient steps done."""


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
    evaluations: list[pd.DataFrame] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, spec: RunSpec, device: torch.device) -> Trainer:
        """Build everything that a run needs from its specification."""
        family = make_family(spec.environment, **spec.environment_options)
        split = family.sample_tasks(spec.seed)
        kind = ALGORITHMS[spec.algorithm]
        problem = Problem(
            observation_size=family.spec.observation_size,
            action_size=family.spec.action_size,
            task_size=family.spec.task_size,
            horizon=family.spec.horizon,
            train_tasks=len(split.train),
            budget=spec.budget,
            task_vectors=split.train if kind.reads_task_vectors else None,
        )
        settings = load_settings(spec.algorithm, spec.settings)
        return cls(
            spec=spec,
            family=family,
            algorithm=kind(settings, problem, algorithm_streams(spec.seed), device),
            train=CountedTasks(family, split.train, spec.seed, "environment"),
            test=CountedTasks(family, split.test, spec.seed, "evaluation environment"),
        )

    def run(self, report: Report = lambda environment_steps, gradient_steps: None) -> None:
        """Evaluate untrained, then train, evaluating at the end of the iteration that reaches a mark, and at the end.

        Raises
        ------
        BudgetError
            If the first iteration would exceed the budget.
        DivergedError
            If an observation, a reward or a logged quantity is not finite.
        """
        algorithm, spec = self.algorithm, self.spec
        if algorithm.next_iteration_steps > spec.budget:
            raise BudgetError(
                f"budget: {spec.budget} environment steps do not cover the first iteration of {spec.algorithm}, "
                f"which takes up to {algorithm.next_iteration_steps}"
            )
        self.evaluate({})
        marks = [spec.budget * (mark + 1) / spec.evaluations for mark in range(spec.evaluations)]
        metrics: Metrics = {}
        while self.train.steps + algorithm.next_iteration_steps <= spec.budget:
            metrics = self.iterate()
            report(self.train.steps, algorithm.gradient_steps)
            if marks and self.train.steps >= marks[0]:
                self.evaluate(metrics)
                marks = [mark for mark in marks if mark > self.train.steps]
        if self.training[-1]["environment_steps"] < self.train.steps:
            self.evaluate(metrics)
        self.train.close()
        self.test.close()

    def iterate(self) -> Metrics:
        """Run one iteration and check that what it logs is finite."""
        self.iterations += 1
        begun, sampling = time.perf_counter(), self.train.seconds
        with self._diverging():
            metrics = self.algorithm.meta_train(self.train)
        for quantity, value in metrics.items():
            if not math.isfinite(value):
                raise DivergedError(f"{self.spec.algorithm}: iteration {self.iterations}: {quantity} is {value}")
        self.seconds["updating"] += time.perf_counter() - begun - (self.train.seconds - sampling)
        return metrics

    def evaluate(self, metrics: Metrics) -> Episodes:
        """Meta-test the algorithm as it stands, and note where training is."""
        begun = time.perf_counter()
        with self._diverging():
            episodes = meta_test(self.algorithm, self.test, self.spec.exploration_episodes)
        self.seconds["evaluating"] += time.perf_counter() - begun
        counters = {
            "environment_steps": self.train.steps,
            "gradient_steps": self.algorithm.gradient_steps,
        }
        self.evaluations.append(
            pd.DataFrame(
                {
                    **counters,
                    "task": episodes.tasks,
                    "episode": np.zeros_like(episodes.tasks),
                    "return": episodes.rewards.sum(axis=1),
                    "success": episodes.success,
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
                **metrics,
            }
        )
        return episodes

    @contextmanager
    def _diverging(self) -> Iterator[None]:
        try:
            yield
        except NonFiniteError as error:
            raise DivergedError(f"{self.spec.algorithm}: iteration {self.iterations}: {error} is not finite") from error


@contextmanager
def _heartbeat(folder: RunFolder) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(LEASE_SECONDS / 6):
            folder.heartbeat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def execute(spec: RunSpec, folder: RunFolder, device: torch.device) -> None:
    """Run a claimed run to its end and commit its results.

    Raises
    ------
    BudgetError, DivergedError
        As `Trainer.run`.
    """
    torch.set_num_threads(1)
    begun = time.perf_counter()
    last = 0.0

    def report(environment_steps: int, gradient_steps: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last >= 0.5:
            last = now
            folder.write_progress(
                {
                    "environment_steps": environment_steps,
                    "gradient_steps": gradient_steps,
                    "budget": spec.budget,
                    "seconds": now - begun,
                }
            )

    with _heartbeat(folder):
        trainer = Trainer.of(spec, device)
        trainer.run(report)
        folder.write_table("evaluations", pd.concat(trainer.evaluations, ignore_index=True))
        folder.write_table("training", pd.DataFrame(trainer.training))
        folder.write_provenance(provenance(spec, device, time.perf_counter() - begun))
        folder.commit()
