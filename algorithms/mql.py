"""MQL: meta-Q-learning (Fakoor et al., ICLR 2020).

Meta-training is TD3 (Fujimoto et al., 2018) on the data of all tasks, with a context variable: a GRU's summary of the
last few steps of the episode. Meta-testing fits copies of the networks to a new task: first on its own transitions,
then on the meta-training replay, each transition weighted by how much it looks like the new task's (a propensity
score), near the meta-trained parameters by as much as these weights leave few effective samples. Symbols follow the
paper: beta, ESS, lambda. Sizes and schedules: Table 6 of the TCL-PEARL paper, which is the code base's walker command
(run_script.py:73-83) but for the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.history import HistoryReplay, RecentTransitions, preceded
from algorithms.interface import Actor, Algorithm, Episodes, MetaTestAgent, Metrics, Stateful, Streams, Tasks
from algorithms.mql_adaptation import Adaptation, adapted_actor, target_noise
from algorithms.mql_settings import Difference, MQLDeclaration, MQLSettings
from algorithms.networks import Arithmetic
from algorithms.noise import EpisodeNoise, spawned, task_normals
from algorithms.optimisation import Adam
from algorithms.rollouts import run_episodes, run_steps, waves
from algorithms.td3 import Batch, Networks, Sizes, actor_loss, critic_loss, td3_target
from algorithms.updates import mean_of_updates
from environments import BoolArray, FloatArray, Step


class MQL(MQLDeclaration, Algorithm):
    """Meta-Q-learning."""

    settings: MQLSettings

    def __init__(self, settings: MQLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        sizes = Sizes(
            problem.observation_size, problem.action_size, settings.context_size, tuple(settings.network_sizes)
        )
        arithmetic = Arithmetic(plain_autograd=settings.plain_autograd)
        self.networks = Networks(sizes, self.initial, device, arithmetic)
        self.actor_adam = Adam(settings.learning_rate, self.networks.actor_parameters)
        self.critic_adam = Adam(settings.learning_rate, self.networks.critic_parameters)
        leading = int(self.differs("random-first-step"))
        self.replay = HistoryReplay(problem, settings.history, device, leading, settings.replay_size)
        self.recent: RecentTransitions | None = None
        if self.differs("task-balanced-negatives"):
            self.recent = RecentTransitions(problem.train_tasks, settings.snapshot, device)

    def differs(self, difference: Difference) -> bool:
        """Return whether something is done as in the published code."""
        return difference in self.settings.as_published

    @property
    def warm(self) -> bool:
        """True if there is any data."""
        return self.replay.count > 0

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Warm-up of every training task at first, then one episode in each of the sampled tasks."""
        return self._warmup_steps + self.settings.tasks_per_iteration * self.problem.horizon

    @property
    def smallest_iteration_steps(self) -> int:
        """The same with one episode: the last iteration takes as many as the budget has left."""
        return self._warmup_steps + self.problem.horizon

    @property
    def _warmup_steps(self) -> int:
        return 0 if self.warm else self.settings.warmup_steps * self.problem.train_tasks

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Collect in some tasks, then update on the data of all: MQL's multi-task objective."""
        settings, horizon = self.settings, self.problem.horizon
        if not self.warm:
            everything = np.arange(self.problem.train_tasks)
            for episodes in run_steps(tasks, lambda: RandomActor(self), everything, settings.warmup_steps, horizon):
                self.store(episodes, self.first_actions(len(everything), self.normals(len(everything))))
        chosen = self.exploration.integers(self.problem.train_tasks, size=settings.tasks_per_iteration)
        for some in waves(len(chosen), horizon, tasks):
            wave = chosen[some]
            explorer = MQLAgent(self, len(wave), self.normals(len(wave)))
            episodes = run_episodes(tasks, explorer, wave, np.full(len(wave), horizon))
            self.store(episodes, explorer.first_actions[-1])
        return mean_of_updates(self.update, settings.updates)

    def normals(self, copies: int) -> Callable[..., FloatArray]:
        """Return what draws exploration noise of some shape for each of several copies."""
        return lambda *shape: self.exploration.standard_normal((copies, *shape))

    def first_actions(self, copies: int, normals: Callable[..., FloatArray]) -> FloatArray | None:
        """Draw the actions that published histories begin with and nobody takes, (copies, action_size)."""
        if not self.differs("random-first-step"):
            return None
        return (self.settings.exploration_noise * normals(self.problem.action_size)).clip(-1.0, 1.0)

    def store(self, episodes: Episodes, first_actions: FloatArray | None) -> list[int]:
        """Keep some episodes, with the actions that their histories begin with; return where in `replay.steps`."""
        begun = self.replay.count
        starts = self.replay.append(episodes if first_actions is None else preceded(episodes, first_actions))
        if self.recent is not None:
            for task, length in zip(episodes.tasks.tolist(), episodes.lengths.tolist(), strict=True):
                self.recent.append(task, begun, length)
                begun += length
        return starts

    def auxiliary(self, network: Literal["actor", "critics"]) -> Auxiliary:
        """Return the loss that the context of the actor, or of the critics, learns from beside TD3: none."""
        return Auxiliary.nothing(self.device)

    def critic_loss(self, batch: Batch) -> Tensor:
        """Compute TD3's loss of the critics on some transitions."""
        settings, networks = self.settings, self.networks
        with torch.no_grad():
            noise = target_noise(settings, batch.actions.shape, self.generator)
            y = td3_target(networks.target_actor, networks.target_critics, batch, noise, settings.discount)
        return critic_loss(networks.critics, batch, y, torch.ones(len(y), device=self.device))

    def actor_loss(self, batch: Batch) -> Tensor:
        """Compute TD3's loss of the actor on some transitions."""
        weights = torch.ones(len(batch.rewards), device=self.device)
        return actor_loss(self.networks.actor, self.networks.critics, batch, weights)

    def update(self) -> dict[str, Tensor]:
        """Take one TD3 step of the critics, and of the actor when it is its turn."""
        settings, networks = self.settings, self.networks
        batch = self.replay.sample(settings.batch, self.generator)
        of_critics = self.critic_loss(batch)
        auxiliary = self.auxiliary("critics")
        self.critic_adam.step(of_critics + auxiliary.loss)
        metrics = {"critic_loss": of_critics.detach(), **auxiliary.metrics}
        if self.gradient_steps % settings.policy_delay == 0:
            of_actor = self.actor_loss(batch)
            auxiliary = self.auxiliary("actor")
            self.actor_adam.step(of_actor + auxiliary.loss)
            networks.average(settings.target_rate)
            metrics |= {"actor_loss": of_actor.detach(), **auxiliary.metrics}
        self.gradient_steps += 1
        return metrics

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MQLAgent:
        """Make an agent with the meta-trained actor."""
        noisy = not self.differs("one-noiseless-episode")
        return MQLAgent(self, len(generators), partial(task_normals, generators), generators, noisy=noisy)

    def adaptation(self, generators: Sequence[np.random.Generator]) -> Adaptation:
        """Prepare to fit copies of all networks to as many new tasks as there are generators."""
        return Adaptation(self.settings, self.networks, self.replay, self.recent, self.problem.horizon, generators)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        networks = self.networks
        return {
            "actor": networks.actor_parameters,
            "target_actor": networks.target_actor_parameters,
            "critics": networks.critic_parameters,
            "target_critics": networks.target_critic_parameters,
            "actor_adam": self.actor_adam,
            "critic_adam": self.critic_adam,
            "replay": self.replay,
            **({"recent": self.recent} if self.recent is not None else {}),
        }


class RandomActor(Actor):
    """Acts uniformly at random."""

    def __init__(self, algorithm: MQL) -> None:
        self.algorithm = algorithm

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        size = (len(observations), self.algorithm.problem.action_size)
        return self.algorithm.exploration.uniform(-1.0, 1.0, size)


class MQLAgent(MetaTestAgent):
    """Acts on the last steps of the episode: with noise while it explores, then with adapted copies of the actor.

    Parameters
    ----------
    algorithm : whose actor acts.
    copies : how many act side by side.
    normals : draws from N(0, 1) for every copy, given a shape.
    generators : one a task, for its adaptation.
    noisy : whether exploration has noise.
    """

    def __init__(
        self,
        algorithm: MQL,
        copies: int,
        normals: Callable[..., FloatArray],
        generators: Sequence[np.random.Generator] = (),
        *,
        noisy: bool = True,
    ) -> None:
        self.algorithm, self.copies, self.normals, self.generators = algorithm, copies, normals, generators
        self.exploring, self.noisy = True, noisy
        self.first_actions: list[FloatArray | None] = []  # of each episode
        self.theta: Tensor | None = None  # (tasks, parameters) once adapted

    def begin_episode(self) -> None:
        """Forget the episode before; draw the noise of an exploration episode (copies, horizon, action_size)."""
        problem, settings = self.algorithm.problem, self.algorithm.settings
        row = problem.observation_size + problem.action_size + 1
        # Published histories are padded while exploring only.
        padding = 0 if self.algorithm.replay.leading and not self.exploring else settings.history
        self.history = torch.zeros(self.copies, padding, row, device=self.algorithm.device)
        noisy = self.exploring and self.noisy
        noise = self.normals(problem.horizon, problem.action_size) if noisy else None
        self.draws = EpisodeNoise(noise, spawned(self.generators))
        self.first_actions.append(self.algorithm.first_actions(self.copies, self.normals))
        self.begun = False

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        algorithm = self.algorithm
        if not self.begun and (first := self.first_actions[-1]) is not None:
            self.remember(algorithm.tensor(np.concatenate([observations, first, np.zeros((self.copies, 1))], axis=1)))
        self.begun = True
        with torch.inference_mode():
            s = algorithm.tensor(observations)
            if self.theta is None:
                a = algorithm.networks.actor(s, self.history)
            else:

                def act(theta: Tensor, s: Tensor, history: Tensor) -> Tensor:
                    return adapted_actor(algorithm.networks, theta)(s[None], history[None])[0]

                a = vmap(act)(self.theta, s, self.history)
            if (noise := self.draws.next()) is not None:
                a = (a + algorithm.settings.exploration_noise * algorithm.tensor(noise)).clamp(-1.0, 1.0)
            self.seen = torch.cat([s, a], dim=1)
            actions: FloatArray = a.double().cpu().numpy()
        return actions

    def observe(self, step: Step, active: BoolArray) -> None:
        """Append the step to the history; a copy that did not take it does not act again in this episode."""
        self.remember(torch.cat([self.seen, self.algorithm.tensor(step.rewards[:, None])], dim=1))

    def remember(self, rows: Tensor) -> None:
        """Append a step (copies, observation + action + reward) to the histories."""
        self.history = torch.cat([self.history, rows[:, None]], dim=1)[:, -self.algorithm.settings.history :]

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Fit copies of the networks to each task; before any meta-training there is no replay to learn from."""
        self.exploring = False
        episodes = [
            episode if first is None else preceded(episode, first)
            for episode, first in zip(exploration, self.first_actions, strict=True)
        ]
        if self.algorithm.differs("one-noiseless-episode"):
            episodes = episodes[:1]
        if episodes and self.algorithm.warm and self.algorithm.settings.meta_test != "nothing":
            self.theta = self.algorithm.adaptation(self.generators).run(episodes)
