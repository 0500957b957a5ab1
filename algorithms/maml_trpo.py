"""MAML: model-agnostic meta-learning (Finn et al., ICML 2017) for reinforcement learning, with TRPO outside.

Symbols follow the paper: initial parameters theta, step size alpha, adapted parameters theta'_i of task i. The inner
step is vanilla policy gradient; the outer step (Schulman et al., 2015) raises the likelihood-ratio surrogate of the
adapted policies through the inner step, under a bound on their mean KL divergence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from algorithms.advantages import (
    LinearFeatureBaseline,
    centred_over_variance,
    discounted_sums,
    generalised_advantages,
    likelihood_ratio,
    masked_mean,
    shrunken_baseline,
    standardised,
)
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Actor, Algorithm, Episodes, MetaTestAgent, Metrics, Stateful, Streams, Tasks
from algorithms.maml_trpo_settings import Difference, MAMLTRPODeclaration, MAMLTRPOSettings
from algorithms.networks import MLP, GaussianPolicy, xavier_uniform
from algorithms.noise import EpisodeNoise, task_normals
from algorithms.optimisation import FlatParameters
from algorithms.rollouts import run_episodes, waves
from algorithms.trust_region import Outcome, TrustRegion, trust_region_step
from environments import BoolArray, FloatArray, IntArray


class Batch(NamedTuple):
    """Transitions of several tasks, or of one where the first axis is mapped over."""

    observations: Tensor  # (tasks, rows, observation_size), zero beyond an episode's end
    actions: Tensor  # (tasks, rows, action_size), as drawn, before clipping
    advantages: Tensor  # (tasks, rows), zero beyond an episode's end
    present: Tensor  # (tasks, rows), 0 beyond an episode's end


class Sampled(NamedTuple):
    """What an iteration samples in some tasks."""

    inner: list[Batch]  # one before each inner step
    outer: Batch  # after the last
    before: FloatArray  # (episodes,) returns before the first inner step
    after: FloatArray  # (episodes,) returns after the last

    @staticmethod
    def join(waves: Sequence[Sampled]) -> Sampled:
        """Put the tasks of several waves side by side."""

        def batch(parts: Sequence[Batch]) -> Batch:
            return Batch(*(torch.cat(column) for column in zip(*parts, strict=True)))

        return Sampled(
            [batch(parts) for parts in zip(*(wave.inner for wave in waves), strict=True)],
            batch([wave.outer for wave in waves]),
            np.concatenate([wave.before for wave in waves]),
            np.concatenate([wave.after for wave in waves]),
        )


def policy_gradient_loss(pi: DiagonalNormal, batch: Batch) -> Tensor:
    """-E[log pi(a|s) A] (MAML, Eq. 5, as a policy gradient)."""
    return -masked_mean(pi.log_probability(batch.actions) * batch.advantages, batch.present)


def surrogate_loss(pi: DiagonalNormal, old: DiagonalNormal, batch: Batch) -> Tensor:
    """-E[pi(a|s) / pi_old(a|s) A] (Schulman et al., 2015, Eq. 14)."""
    ratio = likelihood_ratio(pi.log_probability(batch.actions), old.log_probability(batch.actions))
    return -masked_mean(ratio * batch.advantages, batch.present)


class MAMLTRPO(MAMLTRPODeclaration, Algorithm):
    """MAML with a policy-gradient step inside and a trust-region step outside."""

    renamed: ClassVar[Mapping[str, str]] = {"theta": "policy"}
    settings: MAMLTRPOSettings

    def __init__(self, settings: MAMLTRPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        sizes = [problem.observation_size, *settings.hidden_sizes, problem.action_size]
        self.policy = GaussianPolicy(sizes, self.initial).to(device)
        self.policy_parameters = FlatParameters(self.policy)  # theta
        # garage's Gaussian MLP baseline, whose weights stay as they are drawn.
        self.untrained_baseline = MLP(
            [problem.observation_size, 32, 32, 1], self.initial, initialise=xavier_uniform, activation=torch.tanh
        )

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Those of the first."""
        return self.first_iteration_steps(self.settings, self.problem)

    @property
    def smallest_iteration_steps(self) -> int:
        """The same of a single task: the last iteration takes as many as the budget has left."""
        return self.settings.rollouts * (self.settings.inner_steps + 1) * self.problem.horizon

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Sample, adapt and sample again in a batch of tasks (MAML, Algorithm 3), then step theta."""
        chosen = self.exploration.integers(self.problem.train_tasks, size=self.settings.meta_batch)
        fitting = waves(len(chosen), self.smallest_iteration_steps, tasks)
        sampled = Sampled.join([self.sample(tasks, chosen[some]) for some in fitting])
        metrics = self.outer_step(sampled.inner, sampled.outer)
        before, after = float(sampled.before.mean()), float(sampled.after.mean())
        return {"return_before_adaptation": before, "return_after_adaptation": after, **metrics}

    def sample(self, tasks: Tasks, chosen: IntArray) -> Sampled:
        """Sample in some tasks before each of their inner steps, and after the last."""
        theta = self.policy_parameters.vector.expand(len(chosen), -1)  # (tasks, parameters)
        batches, returns = [], []
        for step in range(self.settings.inner_steps + 1):
            batch, of_episodes = self.collect(tasks, chosen, theta)
            batches.append(batch)
            returns.append(of_episodes)
            if step < self.settings.inner_steps:
                theta = vmap(self.inner_step)(theta, batch)
        return Sampled(batches[:-1], batches[-1], returns[0], returns[-1])

    def collect(self, tasks: Tasks, chosen: IntArray, theta: Tensor) -> tuple[Batch, FloatArray]:
        """Roll out each task's own policy several times; return the transitions and the episodes' returns."""
        rollouts = self.settings.rollouts
        copies = np.repeat(chosen, rollouts)  # the copies of a task side by side
        noise = self.exploration.standard_normal((len(copies), self.problem.horizon, self.problem.action_size))
        actor = ParametersActor(self, theta, noise)
        limits = np.full(len(copies), self.problem.horizon)
        episodes = run_episodes(tasks, actor, copies, limits, observe=False)
        return self.batch([(episodes, actor.drawn)], len(chosen)), episodes.rewards.sum(axis=1)

    def batch(self, rollouts: Sequence[tuple[Episodes, FloatArray]], tasks: int) -> Batch:
        """Give the transitions of some episodes, with the actions as drawn, their advantages.

        An episode is a problem of finite horizon: nothing is left at its end, and the baseline knows the time.
        """

        def by_task(values: FloatArray, time: int) -> FloatArray:
            padding = [(0, 0), (0, time - values.shape[1]), *([(0, 0)] * (values.ndim - 2))]
            return np.pad(values, padding).reshape(tasks, -1, time, *values.shape[2:])

        published, horizon = self.settings.as_published, self.problem.horizon
        u = np.concatenate([by_task(drawn, horizon) for _, drawn in rollouts], axis=1)
        r = np.concatenate([by_task(e.rewards, horizon) for e, _ in rollouts], axis=1)
        lengths = np.concatenate([e.lengths.reshape(tasks, -1) for e, _ in rollouts], axis=1)
        present = np.arange(horizon) < lengths[..., None]  # (tasks, rollouts, time)
        s = np.concatenate([by_task(e.observations[:, :-1], horizon) for e, _ in rollouts], axis=1)
        s = s * present[..., None]
        counted = np.ones_like(present) if "values-of-padding" in published else present
        values = np.where(counted, self.baseline(s, r, present), 0.0)
        values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=2)
        advantages = generalised_advantages(
            r, values, counted, discount=self.settings.discount, decay=self.settings.gae_decay
        )
        scaled = centred_over_variance if "advantages-over-variance" in published else standardised
        advantages = scaled(advantages, present, axes=(1, 2))
        return Batch(*(self.tensor(values).flatten(1, 2) for values in (s, u, advantages, present)))

    def baseline(self, s: FloatArray, r: FloatArray, present: BoolArray) -> FloatArray:
        """Predict the returns of each task from its own episodes, (tasks, rollouts, time)."""
        if "untrained-baseline" in self.settings.as_published:
            with torch.inference_mode():
                s_ = torch.as_tensor(s, dtype=torch.get_default_dtype())
                untrained: FloatArray = self.untrained_baseline(s_)[..., 0].double().numpy()
            return untrained
        returns = discounted_sums(r, self.settings.discount)
        if "small-ridge" in self.settings.as_published:
            linear = LinearFeatureBaseline()
            linear.fit(s, returns, present)
            return linear(s)
        return shrunken_baseline(s, returns, present)

    # The losses of one task, as functions of a parameter vector

    def distribution(self, theta: Tensor, observations: Tensor) -> DiagonalNormal:
        """pi_theta(.|s)."""
        parameters = self.policy_parameters.named(theta)
        distribution: DiagonalNormal = functional_call(self.policy, parameters, (observations,))
        return distribution

    def inner_step(self, theta: Tensor, batch: Batch) -> Tensor:
        """Take one gradient step: theta' = theta - alpha grad L(theta)."""

        def loss(theta: Tensor) -> Tensor:
            return policy_gradient_loss(self.distribution(theta, batch.observations), batch)

        adapted: Tensor = theta - self.settings.inner_rate * grad(loss)(theta)
        return adapted

    def task_outcome(self, theta: Tensor, inner: Sequence[Batch], outer: Batch, old: DiagonalNormal) -> Outcome:
        """Outer loss of one task's adapted policy, and its divergence from the one that sampled `outer`."""
        for batch in inner:
            theta = self.inner_step(theta, batch)
        pi = self.distribution(theta, outer.observations)
        divergence = pi.divergence_from(old)
        kl = divergence.mean() if self._published("kl-over-padding") else masked_mean(divergence, outer.present)
        if self._published("vpg-outer-loss"):
            return Outcome(policy_gradient_loss(pi, outer), kl)
        return Outcome(surrogate_loss(pi, old, outer), kl)

    def _published(self, difference: Difference) -> bool:
        return difference in self.settings.as_published

    # The outer step

    def outer_step(self, inner: Sequence[Batch], outer: Batch) -> Metrics:
        """Step theta by TRPO on the mean of all tasks' surrogates."""
        settings, theta = self.settings, self.policy_parameters.vector.clone()

        def adapt(theta: Tensor, inner: Sequence[Batch]) -> Tensor:
            for batch in inner:
                theta = self.inner_step(theta, batch)
            return theta

        with torch.no_grad():
            old = vmap(self.distribution)(vmap(adapt, in_dims=(None, 0))(theta, inner), outer.observations)

        def outcome(theta: Tensor) -> Outcome:
            outcomes = vmap(self.task_outcome, in_dims=(None, 0, 0, 0))(theta, inner, outer, old)
            return Outcome(outcomes.loss.mean(), outcomes.kl.mean())

        region = TrustRegion(
            settings.max_kl,
            settings.conjugate_gradient_steps,
            settings.damping,
            settings.backtracks,
            settings.backtrack_ratio,
        )
        stepped = trust_region_step(outcome, theta, region)
        self.policy_parameters.vector.copy_(stepped.parameters)
        self.gradient_steps += 1
        return {
            "loss_before": stepped.loss_before,
            "loss_after": stepped.loss,
            "kl": stepped.kl,
            "step_fraction": stepped.fraction,
            "gradient_norm": stepped.gradient_norm,
            "log_deviation": float(self.policy.deviation.log_deviations.detach().mean()),
        }

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MAMLAgent:
        """Make an agent whose parameters are theta in every task."""
        return MAMLAgent(self, generators)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {"policy": self.policy_parameters}


class ParametersActor(Actor):
    """Acts with one parameter vector a task, in one or several copies of each, for the length of an episode."""

    def __init__(self, algorithm: MAMLTRPO, theta: Tensor, noise: FloatArray | None) -> None:
        self.algorithm, self.theta = algorithm, theta  # (tasks, parameters)
        self.noise = EpisodeNoise(noise)  # (copies, time, action_size); None for the mean
        self.taken: list[FloatArray] = []

    @property
    def drawn(self) -> FloatArray:
        """The actions before clipping, (copies, time, action_size)."""
        return np.stack(self.taken, axis=1)

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        algorithm = self.algorithm
        with torch.inference_mode():
            s = algorithm.tensor(observations)
            pi = vmap(algorithm.distribution)(self.theta, s.view(len(self.theta), -1, s.shape[1]))
            u = pi.means.flatten(0, 1)
            if (noise := self.noise.next()) is not None:
                u = u + pi.log_deviations.flatten(0, 1).exp() * algorithm.tensor(noise)
            self.taken.append(u.double().cpu().numpy())
        return self.taken[-1].clip(-1.0, 1.0)


class MAMLAgent(MetaTestAgent):
    """Explores with theta, takes the inner steps on all exploration episodes, then acts with the mean of theta'."""

    def __init__(self, algorithm: MAMLTRPO, generators: Sequence[np.random.Generator]) -> None:
        self.algorithm, self.generators = algorithm, generators
        self.theta = algorithm.policy_parameters.vector.expand(len(generators), -1).clone()
        self.exploring = True
        self.actors: list[ParametersActor] = []

    def begin_episode(self) -> None:
        """Draw the noise of an exploration episode; none after it."""
        problem, noise = self.algorithm.problem, None
        if self.exploring:
            noise = task_normals(self.generators, problem.horizon, problem.action_size)
        self.actors.append(ParametersActor(self.algorithm, self.theta, noise))

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return self.actors[-1].act(observations)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Take the inner steps in every task."""
        self.exploring = False
        if not exploration:
            return
        rollouts = [(episodes, actor.drawn) for episodes, actor in zip(exploration, self.actors, strict=True)]
        batch = self.algorithm.batch(rollouts, len(self.theta))
        with torch.no_grad():
            for _ in range(self.algorithm.settings.inner_steps):
                self.theta = vmap(self.algorithm.inner_step)(self.theta, batch)
