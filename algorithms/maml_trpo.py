"""MAML: model-agnostic meta-learning (Finn et al., ICML 2017) for reinforcement learning, with TRPO outside.

Symbols follow the paper: initial parameters theta, step size alpha, adapted parameters theta'_i of task i. The inner
step is vanilla policy gradient; the outer step (Schulman et al., 2015) raises the likelihood-ratio surrogate of the
adapted policies through the inner step, under a bound on their mean KL divergence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vjp, vmap

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
from algorithms.interface import Actor, Algorithm, Episodes, Metrics, Stateful, StepwiseAgent, Streams, Tasks
from algorithms.maml_trpo_settings import MAMLTRPODeclaration, MAMLTRPOSettings
from algorithms.networks import MLP, GaussianPolicy, xavier_uniform
from algorithms.noise import EpisodeNoise, spawned, task_normals
from algorithms.optimisation import Adam, FlatParameters
from algorithms.rollouts import run_at_least, run_episodes, waves
from algorithms.trust_region import Outcome, Surroundings, TrustRegion, trust_region_step
from environments import BoolArray, FloatArray, IntArray

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu}

IN_CACHE = 2**20
"""Numbers of a hidden layer, over all transitions of the tasks that the outer step takes at once on a processor."""


class Batch(NamedTuple):
    """Transitions of several tasks, or of one where the first axis is mapped over."""

    observations: Tensor  # (tasks, rows, observation_size), zero beyond an episode's end
    actions: Tensor  # (tasks, rows, action_size), as drawn, before clipping
    advantages: Tensor  # (tasks, rows), zero beyond an episode's end
    mask: Tensor  # (tasks, rows), 0 beyond an episode's end


class Rollouts(NamedTuple):
    """Episodes of some tasks, as many of each, side by side."""

    tasks: IntArray  # (tasks,) their places in the batch
    episodes: Episodes  # one a copy, the copies of a task side by side
    drawn: FloatArray  # (copies, time, action_size), the actions as drawn


class Sampled(NamedTuple):
    """The samples of an iteration in some tasks."""

    inner: list[Batch]  # one before each inner step
    outer: Batch  # after the last
    before: FloatArray  # (episodes,) returns before the first inner step
    after: FloatArray  # (episodes,) returns after the last

    @staticmethod
    def join(waves: Sequence[Sampled]) -> Sampled:
        """Put the tasks of several waves side by side."""

        def batch(parts: Sequence[Batch]) -> Batch:
            rows = max(part.mask.shape[1] for part in parts)
            return Batch(*(torch.cat([filled(each, rows) for each in column]) for column in zip(*parts, strict=True)))

        return Sampled(
            [batch(parts) for parts in zip(*(wave.inner for wave in waves), strict=True)],
            batch([wave.outer for wave in waves]),
            np.concatenate([wave.before for wave in waves]),
            np.concatenate([wave.after for wave in waves]),
        )


def filled(column: Tensor, rows: int) -> Tensor:
    """Append zeros to the rows of (tasks, rows, ...) until there are so many."""
    return torch.cat([column, column.new_zeros(len(column), rows - column.shape[1], *column.shape[2:])], dim=1)


def policy_gradient_loss(pi: DiagonalNormal, batch: Batch) -> Tensor:
    """-E[log pi(a|s) A] (MAML, Eq. 5, as a policy gradient)."""
    return -masked_mean(pi.log_probability(batch.actions) * batch.advantages, batch.mask)


def surrogate_loss(pi: DiagonalNormal, old: DiagonalNormal, batch: Batch) -> Tensor:
    """-E[pi(a|s) / pi_old(a|s) A] (Schulman et al., 2015, Eq. 14)."""
    ratio = likelihood_ratio(pi.log_probability(batch.actions), old.log_probability(batch.actions))
    return -masked_mean(ratio * batch.advantages, batch.mask)


class MAMLTRPO(MAMLTRPODeclaration, Algorithm):
    """MAML with a policy-gradient step inside and a trust-region step outside."""

    settings: MAMLTRPOSettings

    def __init__(self, settings: MAMLTRPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        sizes = [problem.observation_size, *settings.hidden_sizes, problem.action_size]
        shared = "shared-deviation" in settings.as_published
        activation = ACTIVATIONS[settings.activation]
        self.policy = GaussianPolicy(sizes, self.initial, shared_std=shared, activation=activation).to(device)
        self.policy_parameters = FlatParameters(self.policy)  # theta
        self.adam = Adam(settings.outer_rate, self.policy_parameters) if settings.outer_optimiser == "adam" else None
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
        return self.task_steps(self.settings, self.problem)

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Sample, adapt and sample again in a batch of tasks (MAML, Algorithm 3), then step theta."""
        chosen = self.exploration.integers(self.problem.train_tasks, size=self.settings.meta_batch)
        fitting = waves(len(chosen), self.smallest_iteration_steps, tasks)
        sampled = Sampled.join([self.sample(tasks, chosen[some]) for some in fitting])
        metrics = self.outer_step(sampled.inner, sampled.outer)
        before, after = float(sampled.before.mean()), float(sampled.after.mean())
        log_deviation = float(self.policy.deviation.log_deviations.detach().mean())
        returns = {"return_before_adaptation": before, "return_after_adaptation": after}
        return {**returns, **metrics, "log_deviation": log_deviation}

    def sample(self, tasks: Tasks, chosen: IntArray) -> Sampled:
        """Sample in some tasks before each of their inner steps, and after the last."""
        theta = self.policy_parameters.vector.expand(len(chosen), -1)  # (tasks, parameters)
        batches, returns = [], []
        for step in range(self.settings.inner_steps + 1):
            batch, of_episodes = self.collect(tasks, chosen, theta)
            batches.append(batch)
            returns.append(of_episodes)
            if step < self.settings.inner_steps:
                theta = self.adapted(theta, batch, self.settings.inner_rate)
        return Sampled(batches[:-1], batches[-1], returns[0], returns[-1])

    def collect(self, tasks: Tasks, chosen: IntArray, theta: Tensor) -> tuple[Batch, FloatArray]:
        """Roll out each task's own policy several times; return the transitions and the episodes' returns."""
        settings, problem = self.settings, self.problem
        actors: list[ParametersActor] = []

        def actor(some: IntArray, copies: int) -> ParametersActor:
            noise = self.exploration.standard_normal((len(some) * copies, problem.horizon, problem.action_size))
            actors.append(ParametersActor(self, theta[torch.as_tensor(some)], noise))
            return actors[-1]

        if settings.batch_steps:
            sampled = list(run_at_least(tasks, actor, chosen, settings.batch_steps, problem.horizon))
        else:
            everywhere, copies = np.arange(len(chosen)), np.repeat(chosen, settings.rollouts)
            limits = np.full(len(copies), problem.horizon)
            first = actor(everywhere, settings.rollouts)
            sampled = [(everywhere, run_episodes(tasks, first, copies, limits, observe=False))]
        rollouts = [Rollouts(*each, made.drawn) for each, made in zip(sampled, actors, strict=True)]
        returns = [episodes.rewards.sum(axis=1)[episodes.lengths > 0] for _, episodes, _ in rollouts]
        return self.batch(rollouts, len(chosen)), np.concatenate(returns)

    def batch(self, rollouts: Sequence[Rollouts], tasks: int) -> Batch:
        """Give the transitions of some episodes, with the actions as drawn, their advantages.

        An episode is a problem of finite horizon: nothing is left at its end, and the baseline knows the time.
        """
        published = self.settings.as_published
        horizon = max(self.problem.horizon, *(each.drawn.shape[1] for each in rollouts))

        def by_task(values: FloatArray | IntArray, some: IntArray, *shape: int) -> Any:
            """Give (tasks, copies, *shape) of (some tasks x copies, ...), zero beyond an episode's end."""
            whole: Any = np.zeros((tasks, len(values) // len(some), *shape), values.dtype)
            part = values.reshape(len(some), -1, *values.shape[1:])
            whole[(some, slice(None), *(slice(size) for size in part.shape[2:]))] = part
            return whole

        u = np.concatenate([by_task(each.drawn, each.tasks, horizon, each.drawn.shape[2]) for each in rollouts], axis=1)
        r = np.concatenate([by_task(each.episodes.rewards, each.tasks, horizon) for each in rollouts], axis=1)
        lengths = np.concatenate([by_task(each.episodes.lengths, each.tasks) for each in rollouts], axis=1)
        seen = [(each.episodes.observations[:, :-1], each.tasks) for each in rollouts]
        s = np.concatenate([by_task(values, some, horizon, values.shape[2]) for values, some in seen], axis=1)
        if self.settings.common_baseline:
            u, r, lengths, s = (values.reshape(1, -1, *values.shape[2:]) for values in (u, r, lengths, s))
        mask = np.arange(horizon) < lengths[..., None]  # (tasks, rollouts, time)
        s = s * mask[..., None]
        counted = np.ones_like(mask) if "values-of-padding" in published else mask
        returns = discounted_sums(r, self.settings.discount)
        values = np.where(counted, self.baseline(s, returns, mask), 0.0)
        values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=2)
        advantages = generalised_advantages(
            r, values, counted, discount=self.settings.discount, decay=self.settings.gae_decay
        )
        if "advantages-over-variance" in published:
            advantages = centred_over_variance(advantages, mask, axes=(1, 2))
        else:
            size = np.sqrt(np.square(returns).mean(axis=(1, 2), where=mask, keepdims=True))
            advantages = standardised(advantages, mask, axes=(1, 2), added=1e-8 * np.where(size > 0.0, size, 1.0))
        columns: list[Any] = [c.reshape(len(mask), -1, *c.shape[3:]) for c in (s, u, advantages, mask)]
        return Batch(*map(self.tensor, columns if self.counts_padding else packed(columns)))

    def baseline(self, s: FloatArray, returns: FloatArray, mask: BoolArray) -> FloatArray:
        """Predict the returns of each task from its own episodes, (tasks, rollouts, time)."""
        if "untrained-baseline" in self.settings.as_published:
            with torch.inference_mode():
                s_ = torch.as_tensor(s, dtype=torch.get_default_dtype())
                untrained: FloatArray = self.untrained_baseline(s_)[..., 0].double().numpy()
            return untrained
        if "small-ridge" in self.settings.as_published:
            linear = LinearFeatureBaseline()
            linear.fit(s, returns, mask)
            return linear(s)
        return shrunken_baseline(s, returns, mask)

    @property
    def counts_padding(self) -> bool:
        """True if the mean divergence counts what follows an early end."""
        return "kl-over-padding" in self.settings.as_published

    # The losses of one task, as functions of a parameter vector

    def distribution(self, theta: Tensor, observations: Tensor) -> DiagonalNormal:
        """pi_theta(.|s)."""
        parameters = self.policy_parameters.named(theta)
        distribution: DiagonalNormal = functional_call(self.policy, parameters, (observations,))
        return distribution

    def inner_step(self, theta: Tensor, batch: Batch, rate: float | None = None) -> Tensor:
        """Take one gradient step: theta' = theta - alpha grad L(theta); alpha is `inner_rate` by default."""

        def loss(theta: Tensor) -> Tensor:
            return policy_gradient_loss(self.distribution(theta, batch.observations), batch)

        adapted: Tensor = theta - (self.settings.inner_rate if rate is None else rate) * grad(loss)(theta)
        return adapted

    def adapted(self, theta: Tensor, batch: Batch, rate: float) -> Tensor:
        """Take one gradient step in every task, from parameters (tasks, parameters)."""
        stepped = [
            vmap(partial(self.inner_step, rate=rate))(theta[some], part(batch, some))
            for some in self.groups(batch.mask)
        ]
        return torch.cat(stepped)

    def groups(self, mask: Tensor) -> Sequence[Tensor]:
        """Split tasks into as many at once as a processor's cache holds."""
        tasks, rows = mask.shape
        of_a_task = rows * max(self.settings.hidden_sizes)
        at_once = max(1, IN_CACHE // of_a_task) if self.device.type == "cpu" else tasks
        return torch.split(torch.arange(tasks, device=self.device), at_once)

    def task_outcome(self, theta: Tensor, inner: Sequence[Batch], outer: Batch, old: DiagonalNormal) -> Outcome:
        """Outer loss of one task's adapted policy, and its divergence from the one that sampled `outer`."""
        for batch in inner:
            theta = self.inner_step(theta, batch)
        pi = self.distribution(theta, outer.observations)
        divergence = pi.divergence_from(old)
        kl = divergence.mean() if self.counts_padding else masked_mean(divergence, outer.mask)
        return Outcome(self.outer_loss(pi, old, outer), kl)

    def outer_loss(self, pi: DiagonalNormal, old: DiagonalNormal, outer: Batch) -> Tensor:
        """Loss of one task's adapted policy pi on what the policy `old` sampled."""
        if "vpg-outer-loss" in self.settings.as_published:
            return policy_gradient_loss(pi, outer)
        return surrogate_loss(pi, old, outer)

    # The outer step

    def outer_step(self, inner: Sequence[Batch], outer: Batch) -> Metrics:
        """Step theta on the mean of all tasks' surrogates."""
        settings, theta, tasks = self.settings, self.policy_parameters.vector.clone(), len(outer.mask)
        groups = [
            AdaptedTasks(self, theta, [part(batch, some) for batch in inner], part(outer, some))
            for some in self.groups(outer.mask)
        ]

        def outcome(theta: Tensor) -> Outcome:
            of_groups = (group.outcomes(theta) for group in groups)
            loss, kl = (torch.cat(column).mean() for column in zip(*of_groups, strict=True))
            return Outcome(loss, kl)

        def hessian_product(v: Tensor) -> Tensor:
            return torch.stack([group.hessian_product(v) for group in groups]).sum(dim=0) / tasks

        def difference(v: Tensor) -> Tensor:
            step = 1.0 / (theta.norm() + 1e-8)
            both = [
                torch.stack([group.divergence_gradient(theta + side * v) for group in groups]).sum(dim=0) / tasks
                for side in (step, -step)
            ]
            slope: Tensor = (both[0] - both[1]) / (2.0 * step)
            return slope

        gradient = torch.stack([group.gradient() for group in groups]).sum(dim=0) / tasks
        self.gradient_steps += 1
        if self.adam is not None:
            with torch.no_grad():
                before = float(outcome(theta).loss)
            self.adam.descend([gradient])
            return {"loss_before": before, "gradient_norm": float(gradient.norm())}
        curvature = difference if "curvature-by-differences" in settings.as_published else hessian_product
        around = Surroundings(outcome(theta).loss, gradient, curvature)
        region = TrustRegion(
            settings.max_kl,
            settings.conjugate_gradient_steps,
            settings.damping,
            settings.backtracks,
            settings.backtrack_ratio,
            absolute="absolute-residual" in settings.as_published,
        )
        stepped = trust_region_step(outcome, theta, around, region)
        self.policy_parameters.vector.copy_(stepped.parameters)
        return {
            "loss_before": stepped.loss_before,
            "loss_after": stepped.loss,
            "kl": stepped.kl,
            "step_fraction": stepped.fraction,
            "gradient_norm": stepped.gradient_norm,
        }

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MAMLAgent:
        """Make an agent whose parameters are theta in every task."""
        return MAMLAgent(self, generators)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {"policy": self.policy_parameters, **({"adam": self.adam} if self.adam else {})}


class AdaptedTasks:
    """Some tasks around theta: where their inner steps lead, and how that depends on theta.

    With theta' = theta - alpha grad L(theta) of Hessian H, d theta'/d theta is J = I - alpha H, which is symmetric; of
    several inner steps it is the product of theirs. Where pi_theta' is the policy that sampled, the divergence from it
    and its gradient are zero, so its Hessian in theta is J' F J with Fisher's F at theta'. For a Gaussian policy F is
    G' D G: G is the derivative of means and log stds, and D holds 1 / std^2 and 2 over the rows' number.
    """

    def __init__(self, algorithm: MAMLTRPO, theta: Tensor, inner: Sequence[Batch], outer: Batch) -> None:
        self.algorithm, self.inner, self.outer = algorithm, inner, outer
        self.products: list[Callable[[Tensor], Tensor]] = []  # v -> J v of each inner step, (tasks, parameters)
        theta = theta.expand(len(outer.mask), -1)
        for batch in inner:
            theta, product = transposed(partial(self.inner_steps, batch), theta)
            self.products.append(product)
        self.theta = theta  # theta', (tasks, parameters)
        self.old, self.pull = transposed(self.distributions, theta)  # G' v, (tasks, parameters)
        # v -> G' v is linear, and its transpose is v -> G v.
        _, self.push = transposed(lambda v: transposed(self.distributions, theta)[1](v), self.old)
        counted = torch.ones_like(outer.mask) if algorithm.counts_padding else outer.mask
        self.weights = (counted / counted.sum(dim=1, keepdim=True))[..., None]

    def inner_steps(self, batch: Batch, theta: Tensor) -> Tensor:
        """Take an inner step in every task, from parameters (tasks, parameters)."""
        adapted: Tensor = vmap(self.algorithm.inner_step)(theta, batch)
        return adapted

    def distributions(self, theta: Tensor) -> DiagonalNormal:
        """pi(.|s) of parameters (tasks, parameters)."""
        pi: DiagonalNormal = vmap(self.algorithm.distribution)(theta, self.outer.observations)
        return pi

    def outcomes(self, theta: Tensor) -> Outcome:
        """Loss and divergence of each task after its inner steps from theta."""
        outcome: Outcome = vmap(self.algorithm.task_outcome, (None, 0, 0, 0))(theta, self.inner, self.outer, self.old)
        return outcome

    def gradient(self) -> Tensor:
        """Sum the tasks' J' grad L(theta')."""
        of_loss = grad(lambda pi: vmap(self.algorithm.outer_loss)(pi, self.old, self.outer).sum())(self.old)
        return self.back(self.pull(of_loss))

    def divergence_gradient(self, theta: Tensor) -> Tensor:
        """Sum the gradients of the tasks' divergences at another theta, (parameters,)."""
        gradient: Tensor = grad(lambda vector: self.outcomes(vector).kl.sum())(theta)
        return gradient

    def hessian_product(self, v: Tensor) -> Tensor:
        """Sum the tasks' J' F J v, (parameters,)."""
        v = v.expand_as(self.theta)
        for product in self.products:
            v = product(v)
        moved = self.push(v)
        precision = (-2.0 * self.old.log_std).exp()
        means, log_std = self.weights * precision * moved.means, self.weights * 2.0 * moved.log_std
        return self.back(self.pull(DiagonalNormal(means, log_std)))

    def back(self, v: Tensor) -> Tensor:
        """Sum the tasks' J' v, of v (tasks, parameters)."""
        for product in reversed(self.products):
            v = product(v)
        return v.sum(dim=0)


def transposed(function: Callable[[Any], Any], at: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the value of a function, and v -> D' v of its derivative D there."""
    value, product = vjp(function, at)[:2]
    return value, lambda v: product(v)[0]


def packed(columns: Sequence[Any]) -> list[Any]:
    """Move the rows that are present, as the last of columns (tasks, rows, ...) says, to the front; cut off the rest.

    Their order stays.
    """
    mask = columns[-1].astype(bool)
    order = np.argsort(~mask, axis=1, kind="stable")[:, : max(1, int(mask.sum(axis=1).max()))]
    along = [order.reshape(*order.shape, *([1] * (column.ndim - 2))) for column in columns]
    return [np.take_along_axis(column, index, axis=1) for column, index in zip(columns, along, strict=True)]


def part(batch: Batch, tasks: Tensor) -> Batch:
    """Take some tasks of a batch."""
    return Batch(*(column[tasks] for column in batch))


class ParametersActor(Actor):
    """Acts with one parameter vector a task, in one or several copies of each, for the length of an episode."""

    def __init__(
        self,
        algorithm: MAMLTRPO,
        theta: Tensor,
        noise: FloatArray | None,
        beyond: Sequence[np.random.Generator] = (),
    ) -> None:
        self.algorithm, self.theta = algorithm, theta  # (tasks, parameters)
        self.noise = EpisodeNoise(noise, beyond)  # (copies, time, action_size); None for the mean
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
                u = u + pi.log_std.flatten(0, 1).exp() * algorithm.tensor(noise)
            self.taken.append(u.double().cpu().numpy())
        return self.taken[-1].clip(-1.0, 1.0)


class MAMLAgent(StepwiseAgent):
    """Explores with theta, takes the inner steps on all exploration episodes, then acts with the mean of theta'.

    Step by step it explores with what it has become, and takes one gradient step on each set of episodes.
    """

    def __init__(self, algorithm: MAMLTRPO, generators: Sequence[np.random.Generator]) -> None:
        self.algorithm, self.generators = algorithm, generators
        self.theta = algorithm.policy_parameters.vector.expand(len(generators), -1).clone()
        self.exploring = True
        self.adaptations = 0
        self.actors: list[ParametersActor] = []
        self.explored: list[tuple[IntArray, ParametersActor]] = []

    def begin_episode(self) -> None:
        """Draw the noise of an exploration episode; none after it."""
        problem, noise = self.algorithm.problem, None
        if self.exploring:
            noise = task_normals(self.generators, problem.horizon, problem.action_size)
        self.actors.append(ParametersActor(self.algorithm, self.theta, noise, spawned(self.generators)))

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return self.actors[-1].act(observations)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Take the inner steps in every task."""
        self.exploring = False
        if not exploration:
            return
        everywhere, settings = np.arange(len(self.theta)), self.algorithm.settings
        made = zip(exploration, self.actors, strict=True)
        batch = self.algorithm.batch([Rollouts(everywhere, each, actor.drawn) for each, actor in made], len(self.theta))
        with torch.no_grad():
            for _ in range(settings.inner_steps):
                self.theta = self.algorithm.adapted(self.theta, batch, settings.inner_rate)

    def explorer(self, tasks: IntArray, copies: int) -> Actor:
        """Make what explores in some tasks, several copies of each, with the parameters that the agent now has."""
        problem = self.algorithm.problem
        some = [self.generators[task] for task in tasks.tolist()]
        noise = task_normals(some, copies, problem.horizon, problem.action_size).reshape(
            -1, problem.horizon, problem.action_size
        )
        beyond = [each for generator in some for each in generator.spawn(copies)]
        actor = ParametersActor(self.algorithm, self.theta[torch.as_tensor(tasks)], noise, beyond)
        self.explored.append((tasks, actor))
        return actor

    def adapt_again(self, exploration: Sequence[Episodes]) -> None:
        """Take one gradient step in every task, at this step's rate."""
        rates = self.algorithm.settings.test_rates or (self.algorithm.settings.inner_rate,)
        made = zip(self.explored, exploration, strict=True)
        rollouts = [Rollouts(tasks, episodes, actor.drawn) for (tasks, actor), episodes in made]
        batch = self.algorithm.batch(rollouts, len(self.theta))
        with torch.no_grad():
            self.theta = self.algorithm.adapted(self.theta, batch, rates[min(self.adaptations, len(rates) - 1)])
        self.adaptations += 1
        self.explored = []
