"""A two-task family for tests, and what runs an algorithm on it without the suite's files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from algorithms import Algorithm, Episodes, Problem, load_algorithm
from environments import BoolArray, FamilySpec, FloatArray, IntArray, Simulation, Step, TaskFamily, TaskSplit
from suite.training.protocol import CountedTasks, meta_test
from suite.training.streams import algorithm_streams

HORIZON = 8


class TwoDirections(TaskFamily):
    """A point on a line, rewarded by its velocity times the task's direction, 1 or -1.

    A policy that does not adapt scores 0 on average over the two tasks, whatever it does; a perfect one HORIZON.
    With an `edge`, an episode ends when the point is beyond it.
    """

    spec = FamilySpec(
        name="two-directions",
        kind="toy",
        observation_size=1,
        action_size=1,
        task_size=1,
        horizon=HORIZON,
        exploration_episodes=2,
        train_tasks=2,
        test_tasks=2,
        success="",
        revision=1,
    )

    def __init__(self, edge: float = np.inf) -> None:
        self.edge = edge

    def sample_tasks(self, seed: int) -> TaskSplit:
        directions = np.array([[1.0], [-1.0]])
        return TaskSplit(directions, directions)

    def simulation(self, copies: int) -> Simulation:
        return _TwoDirectionsSimulation(copies, self.edge)


class _TwoDirectionsSimulation(Simulation):
    def __init__(self, copies: int, edge: float) -> None:
        self.copies, self.edge = copies, edge
        self.x, self.directions = np.zeros(copies), np.zeros(copies)

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        self.directions[copies] = tasks[:, 0]
        self.x[copies] = [0.1 * generator.standard_normal() for generator in generators]
        return self.x[copies, None]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        velocity = np.where(active, actions[:, 0].clip(-1.0, 1.0), 0.0)
        self.x += 0.1 * velocity
        ended = active & (np.abs(self.x) > self.edge)
        return Step(self.x[:, None].copy(), self.directions * velocity, ended, np.zeros_like(ended))

    def render(self, copy: int, width: int, height: int) -> Any:
        raise NotImplementedError


def make(name: str, family: TaskFamily, settings: dict[str, Any], seed: int = 0, budget: int = 10_000) -> Algorithm:
    kind = load_algorithm(name)
    split = family.sample_tasks(seed)
    problem = Problem(
        observation_size=family.spec.observation_size,
        action_size=family.spec.action_size,
        task_size=family.spec.task_size,
        horizon=family.spec.horizon,
        train_tasks=len(split.train),
        budget=budget,
        task_vectors=split.train if kind.reads_task_vectors else None,
    )
    return kind(kind.Settings(**settings), problem, algorithm_streams(seed), torch.device("cpu"))


def train_tasks(family: TaskFamily, seed: int = 0) -> CountedTasks:
    return CountedTasks(family, family.sample_tasks(seed).train, seed, "environment")


def evaluate(algorithm: Algorithm, family: TaskFamily, indices: Sequence[int] | None = None, seed: int = 0) -> Episodes:
    tasks = CountedTasks(family, family.sample_tasks(seed).test, seed, "evaluation environment")
    chosen = None if indices is None else np.array(indices)
    return meta_test(algorithm, tasks, family.spec.exploration_episodes, chosen)


def meta_train(algorithm: Algorithm, family: TaskFamily, budget: int, seed: int = 0) -> None:
    tasks = train_tasks(family, seed)
    while tasks.steps + algorithm.next_iteration_steps <= budget:
        algorithm.meta_train(tasks)


def mean_return(algorithm: Algorithm, family: TaskFamily, seed: int = 0) -> float:
    return float(evaluate(algorithm, family, seed=seed).rewards.sum(axis=1).mean())


def flattened(state: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(state, dict):
        return {
            key: value for name, part in state.items() for key, value in flattened(part, f"{prefix}/{name}").items()
        }
    return {prefix: state}


def assert_same_state(first: Any, second: Any) -> None:
    first, second = flattened(first), flattened(second)
    assert first.keys() == second.keys()
    for name, value in first.items():
        same = torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        assert same, name
