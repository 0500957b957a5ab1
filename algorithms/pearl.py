"""PEARL: probabilistic embeddings for actor-critic meta-RL (Rakelly et al., ICML 2019), on soft actor-critic.

Symbols follow the paper: context c, latent task variable z, encoder q_phi(z|c), critics Q_theta, value V_psi, policy
pi_theta(a|s, z); parameters are named after their network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from algorithms.context import Auxiliary, ContextEncoder
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal, kl_to_standard_normal
from algorithms.interface import Algorithm, Episodes, MetaTestAgent, Metrics, Stateful, Streams, Tasks
from algorithms.networks import (
    MLP,
    Arithmetic,
    Initialiser,
    TanhGaussianPolicy,
    fan_in_uniform,
    fan_out_uniform,
    fan_out_uniform_policy,
    xavier_normal,
    xavier_uniform,
)
from algorithms.noise import own_draws, spawned, task_normals
from algorithms.optimisation import Adam, FlatParameters
from algorithms.pearl_settings import PEARLDeclaration, PEARLSettings
from algorithms.replay import EpisodeTable
from algorithms.ring import replay_of
from algorithms.rollouts import run_steps
from algorithms.sac import bellman_target, critic_loss, policy_loss, policy_penalty, soft_value, value_loss
from algorithms.scaling import LEAST_DEVIATION, Standardisation
from algorithms.updates import ConditionedActor, mean_of_updates
from environments import FloatArray, IntArray

Infer = Callable[[IntArray], Tensor]
"""Draws a z for each of some tasks, (tasks, latent_size)."""


class Inference(NamedTuple):
    """One update's knowledge of its tasks."""

    posterior: DiagonalNormal
    auxiliary: Auxiliary


class CriticStep(NamedTuple):
    """The data that encoder and critics learn from in one update."""

    q_loss: Tensor
    kl: Tensor
    inference: Inference
    s: Tensor  # (tasks * batch, observation_size)
    z: Tensor  # (tasks * batch, latent_size)


class PEARL(PEARLDeclaration, Algorithm):
    """PEARL as its paper describes it."""

    settings: PEARLSettings

    def __init__(self, settings: PEARLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        initial = self.initial
        initialise, initialise_policy = fan_in_uniform, fan_in_uniform
        if "xavier-initialisation" in settings.as_published:
            initialise, initialise_policy = xavier_normal, xavier_uniform
        if "fan-out-initialisation" in settings.as_published:
            initialise, initialise_policy = fan_out_uniform, fan_out_uniform_policy
        s, a, z = problem.observation_size, problem.action_size, settings.latent_size
        row = s + a + 1 + (s if settings.next_observations_in_context else 0)
        hidden = settings.network_sizes
        arithmetic = Arithmetic(settings.precision, settings.plain_autograd)
        mlp = partial(MLP, generator=initial, initialise=initialise, arithmetic=arithmetic)
        with own_draws(initial):
            self.encoder = self.make_encoder(row, initialise, arithmetic).to(device)
        self.critics = mlp([s + a + z, *hidden, 1], members=2).to(device)
        self.value = mlp([s + z, *hidden, 1]).to(device)
        self.target_value = mlp([s + z, *hidden, 1]).to(device)
        bound = 1e-6 if "bounded-density" in settings.as_published else 0.0
        self.policy = TanhGaussianPolicy([s + z, *hidden, a], initial, initialise_policy, bound, arithmetic).to(device)
        if "twin-critics-initialised-alike" in settings.as_published:
            for parameter in self.critics.parameters():
                parameter.data[1] = parameter.data[0]

        self.encoder_parameters = FlatParameters(self.encoder)  # phi
        self.critic_parameters = FlatParameters(self.critics)  # theta of Q1 and Q2 (qf1, qf2)
        self.value_parameters = FlatParameters(self.value)  # psi
        self.target_value_parameters = FlatParameters(self.target_value)  # psi, averaged
        self.policy_parameters = FlatParameters(self.policy)  # theta of pi
        self.target_value_parameters.average(self.value_parameters, 1.0)
        self.critic_adam = Adam(settings.learning_rate, self.encoder_parameters, self.critic_parameters)
        self.value_adam = Adam(settings.learning_rate, self.value_parameters)
        self.policy_adam = Adam(settings.learning_rate, self.policy_parameters)

        self.scale = Standardisation(s, LEAST_DEVIATION)
        first_episode = min(settings.warmup_steps, problem.horizon)
        at_once = max(settings.prior_steps + settings.posterior_steps, first_episode)
        self.replay = replay_of(problem, a, settings.replay_size, at_once, device)
        self.episodes = EpisodeTable(problem.train_tasks, device)
        self.contexts = EpisodeTable(problem.train_tasks, device)

    def make_encoder(self, row_size: int, initialise: Initialiser, arithmetic: Arithmetic) -> nn.Module:
        """Make q_phi(z|c); the place for a recurrent encoder, or one with attention.

        It is called with contexts (tasks, rows, row_size), and with a mask (tasks, rows) that is 0 for padding where
        there is any, and returns a `DiagonalNormal` of (tasks, latent_size). Its buffers are saved with its parameters.
        What torch's own modules draw at first comes from the run's seed; when it is called, it draws from
        `self.generator` or not at all.

        Parameters
        ----------
        row_size : of a transition as the encoder reads it: observation, action, reward, and the next observation if it
            is part of the context.
        """
        settings = self.settings
        return ContextEncoder(
            row_size, settings.encoder_sizes, settings.latent_size, self.initial, initialise, arithmetic
        )

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Warm-up of every training task at first, then prior and posterior steps of the sampled tasks."""
        warmup = 0 if self.replay.used else self.settings.warmup_steps * self.problem.train_tasks
        return warmup + self.settings.tasks_per_iteration * (self.settings.prior_steps + self.settings.posterior_steps)

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Collect with prior and posterior z (PEARL, Algorithm 1, lines 4-10), then update (lines 11-19)."""
        settings = self.settings
        if not self.replay.used:
            self.warm_up(tasks)
        chosen = self.exploration.integers(self.problem.train_tasks, size=settings.tasks_per_iteration)
        for some in without_repetition(chosen):
            for task in some.tolist():
                self.contexts.clear(task)
            self.collect(tasks, some, settings.prior_steps, repeat(self.prior), into_context=True)
            inferences: Iterator[Infer] = repeat(self.posterior)
            if "prior-first" in settings.as_published:
                inferences = chain([self.prior], inferences)
            self.collect(tasks, some, settings.posterior_steps, inferences, into_context=False)
        return mean_of_updates(self.update, settings.updates)

    def warm_up(self, tasks: Tasks) -> None:
        """Fill the replay of every training task with the untrained policy."""
        everything = np.arange(self.problem.train_tasks)
        first = list(self.rollouts(tasks, everything, self.settings.warmup_steps, repeat(self.prior)))
        if self.settings.standardise_observations:
            self.scale.fit_episodes(first)
        for episodes in first:
            self.store(episodes, into_context=True)

    def collect(
        self, tasks: Tasks, chosen: IntArray, steps: int, inferences: Iterator[Infer], *, into_context: bool
    ) -> None:
        """Roll out in the chosen tasks and store the episodes."""
        for episodes in self.rollouts(tasks, chosen, steps, inferences):
            self.store(episodes, into_context=into_context)

    def rollouts(self, tasks: Tasks, chosen: IntArray, steps: int, inferences: Iterator[Infer]) -> Iterator[Episodes]:
        """Spend `steps` steps in each of the chosen tasks, with the next inference's z for every episode."""

        def actor() -> ConditionedActor:
            z = next(inferences)(chosen)
            noise = self.exploration.standard_normal((len(chosen), self.problem.horizon, self.problem.action_size))
            return ConditionedActor(self.policy, self.scale, z, noise)

        return run_steps(tasks, actor, chosen, steps, self.problem.horizon)

    def store(self, episodes: Episodes, *, into_context: bool) -> None:
        """Put episodes into the replay, and into their tasks' contexts if they were explored with the prior."""
        starts = self.replay.append(replace(episodes, observations=self.scale(episodes.observations)))
        for table in (self.episodes, self.contexts):
            table.forget(self.replay.forgotten)
        self.episodes.append(episodes, starts)
        if into_context:
            self.contexts.append(episodes, starts)

    def prior(self, chosen: IntArray) -> Tensor:
        """Draw z ~ N(0, I) for each chosen task."""
        return self.tensor(self.exploration.standard_normal((len(chosen), self.settings.latent_size)))

    def posterior(self, chosen: IntArray) -> Tensor:
        """Draw z ~ q(z|c) for each chosen task."""
        with torch.no_grad():
            return self.infer(torch.as_tensor(chosen, device=self.device)).posterior.sample(self.generator)

    def infer(self, tasks: Tensor) -> Inference:
        """Infer q(z|c) from random rows of each task's context."""
        rows = self.contexts.sample(tasks, self.settings.context_batch, self.generator)
        return Inference(self.encoder(self.context(rows)), Auxiliary.nothing(self.device))

    def context(self, rows: Tensor) -> Tensor:
        """Gather what the encoder reads at some rows of the replay."""
        return self.replay.context(
            rows,
            reward_scale=self.settings.context_reward_scale,
            next_observations=self.settings.next_observations_in_context,
        )

    def critic_step(self) -> CriticStep:
        """Compute (Q(s, a, z) - (r + discount V'(s', z)))^2 and KL(q(z|c) || N(0, I)) on some tasks."""
        settings, generator = self.settings, self.generator
        tasks = torch.randint(self.problem.train_tasks, (settings.meta_batch,), device=self.device, generator=generator)
        batch = self.replay.transitions(self.episodes.sample(tasks, settings.batch, generator))
        s, a, r, terminated, s_next = (column.flatten(0, 1) for column in batch)
        inference = self.infer(tasks)
        z = inference.posterior.sample(generator).repeat_interleave(settings.batch, dim=0)
        with torch.no_grad():
            v_next = self.target_value(s_next, z)
            y = bellman_target(r, terminated, v_next, reward_scale=settings.reward_scale, discount=settings.discount)
        q_loss = critic_loss(self.critics(s, a, z), y)
        return CriticStep(q_loss, kl_to_standard_normal(inference.posterior), inference, s, z)

    def update(self) -> dict[str, Tensor]:
        """One gradient step on encoder and critics, then on the value, then on the policy."""
        settings, generator = self.settings, self.generator

        # Encoder and critics: the critics' loss + beta KL.
        q_loss, kl, inference, s, z = self.critic_step()
        self.critic_adam.step(q_loss + settings.kl_weight * kl + inference.auxiliary.loss)

        # Value: (V(s, z) - (min Q(s, a', z) - alpha log pi(a'|s, z)))^2 with a' ~ pi; from here on z has no gradient.
        z = z.detach()
        s_z = torch.cat([s, z], dim=1)
        drawn = self.policy.sample(s_z, generator)
        v_drawn = soft_value(self.critics.lowest(s, drawn.actions, z), drawn.log_probabilities, settings.entropy_weight)
        v_loss = value_loss(self.value(s_z), v_drawn)
        self.value_adam.step(v_loss)
        self.target_value_parameters.average(self.value_parameters, settings.target_rate)

        # Policy: alpha log pi(a'|s, z) - min Q(s, a', z).
        pi_loss, penalty = policy_loss(v_drawn), policy_penalty(drawn)
        if "regularisers-without-gradient" in settings.as_published:
            penalty = penalty.detach()
        self.policy_adam.step(pi_loss + settings.policy_regularisation * penalty)

        self.gradient_steps += 1
        return {
            "critic_loss": q_loss.detach(),
            "value_loss": v_loss.detach(),
            "policy_loss": pi_loss.detach(),
            "kl": kl.detach(),
            "posterior_variance": inference.posterior.std.detach().square().mean(),
            **inference.auxiliary.metrics,
        }

    # Meta-testing

    def meta_test(
        self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None
    ) -> PEARLAgent:
        """Make an agent whose belief is the prior."""
        return PEARLAgent(self, generators)

    def encode(self, exploration: Sequence[Episodes]) -> DiagonalNormal:
        """Infer q(z|c) from whole episodes, one row of each copy's transitions after the other."""
        rows, mask = [], []
        for episodes in exploration:
            s = self.scale(episodes.observations)  # (copies, time + 1, observation_size)
            columns = [s[:, :-1], episodes.actions, self.settings.context_reward_scale * episodes.rewards[..., None]]
            if self.settings.next_observations_in_context:
                columns.append(s[:, 1:])
            rows.append(np.concatenate(columns, axis=-1))
            mask.append(np.arange(episodes.rewards.shape[1]) < episodes.lengths[:, None])
        with torch.no_grad():
            posterior: DiagonalNormal = self.encoder(
                self.tensor(np.concatenate(rows, axis=1)), self.tensor(np.concatenate(mask, axis=1))
            )
        return posterior

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {
            "encoder": self.encoder_parameters,
            "critics": self.critic_parameters,
            "value": self.value_parameters,
            "target_value": self.target_value_parameters,
            "policy": self.policy_parameters,
            "critic_adam": self.critic_adam,
            "value_adam": self.value_adam,
            "policy_adam": self.policy_adam,
            "scale": self.scale,
            "replay": self.replay,
            "episodes": self.episodes,
            "contexts": self.contexts,
        }


def without_repetition(chosen: IntArray) -> list[IntArray]:
    """Split tasks that were drawn with replacement: those that come first, those that come a second time, and so on."""
    nth = np.array([np.count_nonzero(chosen[:draw] == task) for draw, task in enumerate(chosen)])
    return [chosen[nth == n] for n in range(nth.max() + 1)]


class PEARLAgent(MetaTestAgent):
    """A prior z for each exploration episode, then one posterior z, as both code bases do (oyster sac.py)."""

    def __init__(self, algorithm: PEARL, generators: Sequence[np.random.Generator]) -> None:
        self.algorithm, self.generators = algorithm, generators
        self.z: Tensor | None = None

    def begin_episode(self) -> None:
        """Draw z from the prior until the agent has adapted."""
        algorithm, problem = self.algorithm, self.algorithm.problem
        exploring = self.z is None
        z = self._draw(algorithm.settings.latent_size) if self.z is None else self.z
        noise = None
        if exploring or "sampled-test-actions" in algorithm.settings.as_published:
            noise = task_normals(self.generators, problem.horizon, problem.action_size)
        self.actor = ConditionedActor(algorithm.policy, algorithm.scale, z, noise, spawned(self.generators))

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return self.actor.act(observations)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Infer z from all transitions explored; where there are none, the belief stays the prior."""
        size = self.algorithm.settings.latent_size
        if exploration:
            posterior = self.algorithm.encode(exploration)
        else:
            nothing = self.algorithm.tensor(np.zeros((len(self.generators), size)))
            posterior = DiagonalNormal(nothing, nothing)  # the prior, N(0, I)
        self.z = posterior.means
        if self.algorithm.settings.test_posterior == "sample":
            self.z = posterior.means + posterior.std * self._draw(size)

    def _draw(self, size: int) -> Tensor:
        return self.algorithm.tensor(task_normals(self.generators, size))
