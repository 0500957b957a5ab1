"""The oracle of MAML's paper: TRPO on observation and task vector, as MAML-TRPO trains without an inner step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from algorithms.declaration import Problem
from algorithms.interface import Actor, Metrics, Streams, Tasks
from algorithms.maml_trpo import MAMLTRPO, MAMLAgent
from algorithms.oracle_trpo_settings import OracleTRPODeclaration, OracleTRPOSettings
from environments import BoolArray, FloatArray, IntArray, Step


def told(observations: FloatArray, vectors: FloatArray) -> FloatArray:
    """Append to each copy's observation what it is told, (copies, observation_size + task_size)."""
    return np.concatenate([observations, vectors], axis=1)


def given(vectors: FloatArray | None) -> FloatArray:
    """Return the task vectors, without which there is no oracle."""
    if vectors is None:
        raise ValueError("task_vectors: an oracle must be told the tasks")
    return vectors


class ToldTasks:
    """Tasks whose observations end with the task vector."""

    def __init__(self, tasks: Tasks, vectors: FloatArray) -> None:
        self.tasks, self.vectors = tasks, vectors  # (train_tasks, task_size)
        self.of_copies = vectors[:0]

    @property
    def left(self) -> int:
        """Environment steps that the budget still has."""
        return self.tasks.left

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start one episode in each of the tasks."""
        self.of_copies = self.vectors[tasks]
        return told(self.tasks.reset(tasks), self.of_copies)

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step the active copies."""
        step = self.tasks.step(actions, active)
        return step._replace(observations=told(step.observations, self.of_copies))


class OracleTRPO(OracleTRPODeclaration, MAMLTRPO):
    """TRPO on observation and task vector."""

    settings: OracleTRPOSettings

    def __init__(self, settings: OracleTRPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        seen = replace(problem, observation_size=problem.observation_size + problem.task_size)
        super().__init__(settings, seen, streams, device)

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Sample in a batch of tasks, then step."""
        return super().meta_train(ToldTasks(tasks, given(self.problem.task_vectors)))

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MAMLAgent:
        """Make an agent that is told the task, and does not adapt."""
        return OracleAgent(self, generators, given(task_vectors))


class ToldActor(Actor):
    """Shows an actor what each copy is told."""

    def __init__(self, actor: Actor, vectors: FloatArray) -> None:
        self.actor, self.vectors = actor, vectors  # (copies, task_size)

    def begin_episode(self) -> None:
        """Announce that every copy has been reset."""
        self.actor.begin_episode()

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return self.actor.act(told(observations, self.vectors))


class OracleAgent(MAMLAgent):
    """Acts with theta on the observation and the task vector: by its mean, or sampled where it explores."""

    def __init__(self, algorithm: OracleTRPO, generators: Sequence[np.random.Generator], vectors: FloatArray) -> None:
        super().__init__(algorithm, generators)
        self.exploring = False
        self.vectors = vectors  # (tasks, task_size)

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return super().act(told(observations, self.vectors))

    def explorer(self, tasks: IntArray, copies: int) -> Actor:
        """Make what acts in some tasks, several copies of each."""
        return ToldActor(super().explorer(tasks, copies), np.repeat(self.vectors[tasks], copies, axis=0))
