"""MAML: model-agnostic meta-learning (Finn et al., ICML 2017) for reinforcement learning, with TRPO outside.

Symbols follow the paper: initial parameters theta, step size alpha, adapted parameters theta'_i of task i. The inner
step is vanilla policy gradient; the outer step (Schulman et al., 2015) raises the likelihood-ratio surrogate of the
adapted policies through the inner step, under a bound on their mean KL divergence. Sizes and schedules: garage's ML1
example (examples/torch/maml_trpo_metaworld_ml1_push.py); those of the MuJoCo Controls are in presets/maml-trpo.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.func import functional_call, grad, grad_and_value, vjp, vmap

from algorithms.advantages import (
    LinearFeatureBaseline,
    discounted_sums,
    generalised_advantages,
    masked_mean,
    standardised,
)
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Actor, Algorithm, Episodes, MetaTestAgent, Metrics, Problem, Stateful, Streams, Tasks
from algorithms.networks import MLP, GaussianPolicy, xavier_uniform
from algorithms.optimisation import FlatParameters
from algorithms.rollouts import run_episodes
from environments import BoolArray, FloatArray, IntArray

Difference = Literal[
    "advantages-over-variance",  # garage torch/algos/vpg.py:374: centred, then divided by the variance
    "vpg-outer-loss",  # garage torch/algos/maml_trpo.py:79, vpg.py:456: the outer loss has no likelihood ratio
    "untrained-baseline",  # garage torch/algos/maml.py:67, :165: no optimiser owns the weights that are trained
]

PUBLISHED: dict[str, frozenset[str]] = {
    "garage": frozenset({"advantages-over-variance", "vpg-outer-loss", "untrained-baseline"}),
}


@dataclass(frozen=True)
class MAMLTRPOSettings:
    """Settings of MAML-TRPO; the defaults are those of garage's ML1 example."""

    hidden_sizes: tuple[PositiveInt, ...] = (100, 100)
    """garage's example; tanh between the layers."""
    meta_batch: PositiveInt = 20
    """garage's example :27, tasks an iteration."""
    rollouts: PositiveInt = 10
    """garage's example :26, episodes a task, before each inner step and after the last."""
    inner_rate: PositiveFloat = 0.1
    """alpha; garage's example :82."""
    inner_steps: PositiveInt = 1
    """garage's example :83. At meta-test every step uses all exploration episodes."""
    discount: PositiveFloat = 0.99
    """garage's example :80."""
    gae_decay: NonNegativeFloat = 1.0
    """garage's example :81, gae_lambda."""
    max_kl: PositiveFloat = 0.01
    """garage torch/algos/maml_trpo.py:60."""
    conjugate_gradient_steps: PositiveInt = 10
    """garage torch/optimizers/conjugate_gradient_optimizer.py:127."""
    damping: NonNegativeFloat = 1e-5
    """Added to the Hessian; garage conjugate_gradient_optimizer.py:131."""
    backtracks: PositiveInt = 15
    """garage conjugate_gradient_optimizer.py:129."""
    backtrack_ratio: PositiveFloat = 0.8
    """garage conjugate_gradient_optimizer.py:130."""
    as_published: frozenset[Difference] = frozenset()
    """Ways in which garage differs from the paper; see `PUBLISHED` and docs/algorithms/maml-trpo.md."""


class Batch(NamedTuple):
    """Transitions of several tasks, or of one where the first axis is mapped over."""

    observations: Tensor  # (tasks, rows, observation_size)
    actions: Tensor  # (tasks, rows, action_size), as drawn, before clipping
    advantages: Tensor  # (tasks, rows)
    present: Tensor  # (tasks, rows), 0 beyond an episode's end


class Outcome(NamedTuple):
    """What the outer step weighs up, averaged over tasks."""

    loss: Tensor
    kl: Tensor


class MAMLTRPO(Algorithm):
    """MAML with a policy-gradient step inside and a trust-region step outside."""

    name: ClassVar[str] = "maml-trpo"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = MAMLTRPOSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    settings: MAMLTRPOSettings

    def __init__(self, settings: MAMLTRPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        initial = self.initial
        sizes = [problem.observation_size, *settings.hidden_sizes, problem.action_size]
        self.policy = GaussianPolicy(sizes, initial).to(device)
        self.theta = FlatParameters(self.policy)
        # garage's Gaussian MLP baseline, whose weights stay as they are drawn.
        self.untrained_baseline = MLP(
            [problem.observation_size, 32, 32, 1], initial, initialise=xavier_uniform, activation=torch.tanh
        )

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Rollouts of every task in the batch, before each inner step and after the last."""
        settings = self.settings
        return settings.meta_batch * settings.rollouts * (settings.inner_steps + 1) * self.problem.horizon

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Sample, adapt and sample again in a batch of tasks (MAML, Algorithm 3), then step theta."""
        settings = self.settings
        chosen = self.exploration.integers(self.problem.train_tasks, size=settings.meta_batch)
        theta = self.theta.vector.expand(len(chosen), -1)  # (tasks, parameters)
        batches, returns = [], []
        for _ in range(settings.inner_steps):
            batch, mean_return = self.collect(tasks, chosen, theta)
            batches.append(batch)
            returns.append(mean_return)
            theta = vmap(self.inner_step)(theta, batch)
        outer, adapted_return = self.collect(tasks, chosen, theta)
        metrics = self.outer_step(batches, outer)
        return {"return_before_adaptation": returns[0], "return_after_adaptation": adapted_return, **metrics}

    def collect(self, tasks: Tasks, chosen: IntArray, theta: Tensor) -> tuple[Batch, float]:
        """Roll out each task's own policy several times; return the transitions and the mean return."""
        rollouts = self.settings.rollouts
        copies = np.repeat(chosen, rollouts)  # the copies of a task side by side
        noise = self.exploration.standard_normal((len(copies), self.problem.horizon, self.problem.action_size))
        actor = ParametersActor(self, theta, noise)
        limits = np.full(len(copies), self.problem.horizon)
        episodes = run_episodes(tasks, actor, copies, limits, observe=False)
        return self.batch([(episodes, actor.drawn)], len(chosen)), float(episodes.rewards.sum(axis=1).mean())

    def batch(self, rollouts: Sequence[tuple[Episodes, FloatArray]], tasks: int) -> Batch:
        """Give the transitions of some episodes, with the actions as drawn, their advantages.

        An episode is a problem of finite horizon: nothing is left at its end, and the baseline knows the time.
        """

        def by_task(values: FloatArray, time: int) -> FloatArray:
            padding = [(0, 0), (0, time - values.shape[1]), *([(0, 0)] * (values.ndim - 2))]
            return np.pad(values, padding).reshape(tasks, -1, time, *values.shape[2:])

        horizon = self.problem.horizon
        s = np.concatenate([by_task(e.observations[:, :-1], horizon) for e, _ in rollouts], axis=1)
        u = np.concatenate([by_task(drawn, horizon) for _, drawn in rollouts], axis=1)
        r = np.concatenate([by_task(e.rewards, horizon) for e, _ in rollouts], axis=1)
        lengths = np.concatenate([e.lengths.reshape(tasks, -1) for e, _ in rollouts], axis=1)
        present = np.arange(horizon) < lengths[..., None]  # (tasks, rollouts, time)
        values = np.where(present, self.baseline(s, r, present), 0.0)
        values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=2)
        advantages = generalised_advantages(
            r, values, present, discount=self.settings.discount, decay=self.settings.gae_decay
        )
        if "advantages-over-variance" in self.settings.as_published:
            variance = advantages.var(axis=(1, 2), where=present, keepdims=True)
            advantages = standardised(advantages, present, axes=(1, 2)) / np.sqrt(variance + 1e-8)
        else:
            advantages = standardised(advantages, present, axes=(1, 2))
        return Batch(*(self._rows(values) for values in (s, u, advantages, present)))

    def baseline(self, s: FloatArray, r: FloatArray, present: BoolArray) -> FloatArray:
        """Predict the returns of each task from its own episodes, (tasks, rollouts, time)."""
        if "untrained-baseline" in self.settings.as_published:
            with torch.inference_mode():
                untrained: FloatArray = (
                    self.untrained_baseline(torch.as_tensor(s, dtype=torch.get_default_dtype()))[..., 0]
                    .double()
                    .numpy()
                )
            return untrained
        baseline = LinearFeatureBaseline()
        baseline.fit(s, discounted_sums(r, self.settings.discount), present)
        return baseline(s)

    def _rows(self, values: FloatArray | BoolArray) -> Tensor:
        return torch.as_tensor(values, dtype=self.theta.vector.dtype, device=self.device).flatten(1, 2)

    # The losses of one task, as functions of a parameter vector

    def distribution(self, theta: Tensor, observations: Tensor) -> DiagonalNormal:
        """pi_theta(.|s)."""
        distribution: DiagonalNormal = functional_call(self.policy, self.theta.named(theta), (observations,))
        return distribution

    def inner_loss(self, theta: Tensor, batch: Batch) -> Tensor:
        """L(theta) = -E[log pi_theta(a|s) A] (MAML, Eq. 5, as a policy gradient)."""
        log_probability = self.distribution(theta, batch.observations).log_probability(batch.actions)
        return -masked_mean(log_probability * batch.advantages, batch.present)

    def inner_step(self, theta: Tensor, batch: Batch) -> Tensor:
        """Take one gradient step: theta' = theta - alpha grad L(theta)."""
        adapted: Tensor = theta - self.settings.inner_rate * grad(self.inner_loss)(theta, batch)
        return adapted

    def task_outcome(self, theta: Tensor, inner: Sequence[Batch], outer: Batch, old: DiagonalNormal) -> Outcome:
        """Surrogate loss of one task's adapted policy, and its divergence from the one that sampled `outer`."""
        for batch in inner:
            theta = self.inner_step(theta, batch)
        new = self.distribution(theta, outer.observations)
        log_probability = new.log_probability(outer.actions)
        weight = (log_probability - old.log_probability(outer.actions)).exp()
        if "vpg-outer-loss" in self.settings.as_published:
            weight = log_probability
        loss = -masked_mean(weight * outer.advantages, outer.present)
        return Outcome(loss, masked_mean(new.divergence_from(old), outer.present))

    # The outer step

    def outer_step(self, inner: Sequence[Batch], outer: Batch) -> Metrics:
        """Step theta by TRPO (Schulman et al., 2015, appendix C) on the mean of all tasks' surrogates."""
        settings, theta = self.settings, self.theta.vector.clone()

        def adapt(theta: Tensor, inner: Sequence[Batch]) -> Tensor:
            for batch in inner:
                theta = self.inner_step(theta, batch)
            return theta

        with torch.no_grad():
            old = vmap(self.distribution)(vmap(adapt, in_dims=(None, 0))(theta, inner), outer.observations)

        def outcome(theta: Tensor) -> Outcome:
            outcomes = vmap(self.task_outcome, in_dims=(None, 0, 0, 0))(theta, inner, outer, old)
            return Outcome(outcomes.loss.mean(), outcomes.kl.mean())

        def loss_of(theta: Tensor) -> Tensor:
            return outcome(theta).loss

        def kl_of(theta: Tensor) -> Tensor:
            return outcome(theta).kl

        gradient, loss_before = grad_and_value(loss_of)(theta)
        hessian_product: Callable[[Tensor], tuple[Tensor]] = vjp(grad(kl_of), theta)[1]  # the Hessian is symmetric

        def damped(v: Tensor) -> Tensor:
            return hessian_product(v)[0] + settings.damping * v

        direction = conjugate_gradient(damped, gradient, settings.conjugate_gradient_steps)
        curvature = (direction @ damped(direction)).clamp(min=1e-12)
        full_step = (2.0 * settings.max_kl / curvature).sqrt() * direction
        before = float(loss_before)
        loss, kl, step = before, 0.0, 0.0
        for backtrack in range(settings.backtracks):
            fraction = settings.backtrack_ratio**backtrack
            with torch.no_grad():
                tried = outcome(theta - fraction * full_step)
            tried_loss, tried_kl = torch.stack(tried).tolist()
            if tried_loss < before and tried_kl <= settings.max_kl:
                self.theta.vector.copy_(theta - fraction * full_step)
                loss, kl, step = tried_loss, tried_kl, fraction
                break
        self.gradient_steps += 1
        return {
            "loss_before": before,
            "loss_after": loss,
            "kl": kl,
            "step_fraction": step,
            "gradient_norm": float(gradient.norm()),
            "log_deviation": float(self.policy.deviation.log_deviations.detach().mean()),
        }

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MAMLAgent:
        """Make an agent whose parameters are theta in every task."""
        return MAMLAgent(self, generators)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {"theta": self.theta}


def conjugate_gradient(product: Callable[[Tensor], Tensor], b: Tensor, steps: int, residual: float = 1e-10) -> Tensor:
    """Solve A x = b for a positive definite A given as v -> A v (Hestenes & Stiefel, 1952), starting from zero.

    Once the squared residual is below `residual` (garage conjugate_gradient_optimizer.py:69), x stays as it is.
    """
    x, r, p = torch.zeros_like(b), b.clone(), b.clone()
    squared = r @ r
    for _ in range(steps):
        open_ = squared > residual
        a_p = product(p)
        rate = torch.where(open_, squared / (p @ a_p), 0.0)
        x = x + rate * p
        r = r - rate * a_p
        following = r @ r
        p = r + torch.where(open_, following / squared, 0.0) * p
        squared = following
    return x


class ParametersActor(Actor):
    """Acts with one parameter vector a task, in one or several copies of each, for the length of an episode."""

    def __init__(self, algorithm: MAMLTRPO, theta: Tensor, noise: FloatArray | None) -> None:
        self.algorithm, self.theta = algorithm, theta  # (tasks, parameters)
        self.noise = noise  # (copies, time, action_size); None for the mean
        self.taken: list[FloatArray] = []

    @property
    def drawn(self) -> FloatArray:
        """The actions before clipping, (copies, time, action_size)."""
        return np.stack(self.taken, axis=1)

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        algorithm = self.algorithm
        with torch.inference_mode():
            s = torch.as_tensor(observations, dtype=self.theta.dtype, device=algorithm.device)
            pi = vmap(algorithm.distribution)(self.theta, s.view(len(self.theta), -1, s.shape[1]))
            u = pi.means.flatten(0, 1)
            if self.noise is not None:
                noise = torch.as_tensor(self.noise[:, len(self.taken)], dtype=u.dtype, device=algorithm.device)
                u = u + pi.log_deviations.flatten(0, 1).exp() * noise
            self.taken.append(u.double().cpu().numpy())
        return self.taken[-1].clip(-1.0, 1.0)


class MAMLAgent(MetaTestAgent):
    """Explores with theta, takes the inner steps on all exploration episodes, then acts with the mean of theta'."""

    def __init__(self, algorithm: MAMLTRPO, generators: Sequence[np.random.Generator]) -> None:
        self.algorithm, self.generators = algorithm, generators
        self.theta = algorithm.theta.vector.expand(len(generators), -1).clone()
        self.exploring = True
        self.actors: list[ParametersActor] = []

    def begin_episode(self) -> None:
        """Draw the noise of an exploration episode; none after it."""
        problem, noise = self.algorithm.problem, None
        if self.exploring:
            noise = np.stack([g.standard_normal((problem.horizon, problem.action_size)) for g in self.generators])
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
