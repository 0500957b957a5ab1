"""A complete algorithm: learn where good constant actions lie, try K of them in a new task, repeat the best one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from algorithms import Algorithm, Count, Episodes, MetaTestAgent, Metrics, Problem, Streams, Tasks, run_episodes
from algorithms.scaling import Standardisation


@dataclass(frozen=True)
class BestOfKSettings:
    episodes: Count = 20  # tasks tried an iteration, one constant action each
    elite: Count = 10  # how many of them, best returns first, the proposal is fitted to


class ConstantActions(MetaTestAgent):
    best: np.ndarray | None = None

    def __init__(self, proposal: Standardisation, generators: Sequence[np.random.Generator]) -> None:
        self.proposal, self.generators = proposal, generators

    def begin_episode(self) -> None:
        noise = np.stack([g.standard_normal(len(self.proposal.mean)) for g in self.generators])
        drawn = np.clip(self.proposal.mean + self.proposal.deviation * noise, -1.0, 1.0)
        self.actions = drawn if self.best is None else self.best

    def act(self, observations: np.ndarray) -> np.ndarray:
        return self.actions

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        self.best = np.tile(self.proposal.mean, (len(self.generators), 1))  # if nothing was tried
        if exploration:
            returns = np.stack([episodes.rewards.sum(axis=1) for episodes in exploration])  # (episode, task)
            tried = np.stack([episodes.actions[:, 0] for episodes in exploration])  # (episode, task, action)
            self.best = tried[returns.argmax(axis=0), np.arange(returns.shape[1])]


class BestOfK(Algorithm):
    name, revision, Settings = "best-of-k", 1, BestOfKSettings

    def __init__(self, settings: BestOfKSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        self.proposal = Standardisation(problem.action_size)  # mean and deviation of what is tried

    next_iteration_steps = property(lambda self: self.settings.episodes * self.problem.horizon)
    parts = property(lambda self: {"proposal": self.proposal})

    def meta_train(self, tasks: Tasks) -> Metrics:
        chosen = self.exploration.integers(self.problem.train_tasks, size=self.settings.episodes)
        actor = ConstantActions(self.proposal, [self.exploration] * len(chosen))
        episodes = run_episodes(tasks, actor, chosen, np.full(len(chosen), self.problem.horizon))
        returns = episodes.rewards.sum(axis=1)
        self.proposal.fit(episodes.actions[returns.argsort()[-self.settings.elite :], 0])
        return {"return": float(returns.mean())}

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: object = None) -> ConstantActions:
        return ConstantActions(self.proposal, generators)
