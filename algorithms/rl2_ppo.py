"""RL2: fast reinforcement learning via slow reinforcement learning (Duan et al., 2016), trained by PPO.

A trial is several episodes in one task. The policy is a GRU that reads (observation, previous action, previous reward,
episode boundary) and keeps its hidden state over the trial, so that what it learns of the task lives there. The
objective is the discounted return of the whole trial, raised by proximal policy optimisation (Schulman et al., 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from algorithms.advantages import (
    LARGEST_LOG_RATIO,
    LinearFeatureBaseline,
    discounted_sums,
    generalised_advantages,
    masked_mean,
    standardised,
)
from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.gru import GRU
from algorithms.interface import Algorithm, Episodes, MetaTestAgent, Metrics, Stateful, Streams, Tasks
from algorithms.networks import MLP, StateIndependentDeviation, fan_in_uniform, xavier_uniform
from algorithms.noise import EpisodeNoise, spawned, task_normals
from algorithms.optimisation import Adam, FlatParameters
from algorithms.replay import EpisodeTable
from algorithms.rl2_ppo_settings import RL2PPODeclaration, RL2PPOSettings
from algorithms.rollouts import run_episodes, waves
from algorithms.scaling import Standardisation
from environments import BoolArray, FloatArray, IntArray, Step

GARAGE_ENTROPY_WEIGHT = 0.02

Scalar = TypeVar("Scalar", bound=np.generic)


class RecurrentValue(nn.Module):
    """V(x_0..x_t): a GRU and a linear layer."""

    def __init__(self, input_size: int, hidden_size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.gru = GRU(input_size, hidden_size, generator)
        self.head = MLP([hidden_size, 1], generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map whole trials (trials, time, input_size) to values (trials, time)."""
        values: Tensor = self.head(self.gru(inputs))[..., 0]
        return values


class RecurrentPolicy(nn.Module):
    """pi(a_t|x_0..x_t): a GRU and a linear layer for the mean; the stds do not depend on x."""

    def __init__(
        self, input_size: int, hidden_size: int, action_size: int, generator: torch.Generator, *, xavier: bool = False
    ) -> None:
        super().__init__()
        self.gru = GRU(input_size, hidden_size, generator)
        self.head = MLP([hidden_size, action_size], generator, initialise=xavier_uniform if xavier else fan_in_uniform)
        if xavier:
            with torch.no_grad():
                xavier_uniform(self.gru.input_weight, self.gru.input_bias, generator, False)
                xavier_uniform(self.gru.hidden_weight, self.gru.hidden_bias, generator, False)
        self.deviation = StateIndependentDeviation(action_size)

    def forward(self, inputs: Tensor, hidden: Tensor | None = None) -> tuple[DiagonalNormal, Tensor]:
        """Return the actions' distributions and the hidden states, (trials, time, .) each.

        Parameters
        ----------
        inputs : (trials, time, input_size)
        hidden : (trials, hidden_size), zeros by default: the beginning of a trial.
        """
        states = self.gru(inputs, hidden)
        return self.deviation(self.head(states)), states


class Trials(NamedTuple):
    """Trials side by side, without gaps between the episodes of each."""

    inputs: FloatArray  # (trials, time + 1, input_size); the last one of a trial shows its final observation
    actions: FloatArray  # (trials, time, action_size), as drawn, before clipping
    rewards: FloatArray  # (trials, time)
    mask: BoolArray  # (trials, time), false beyond a trial's end
    terminated: BoolArray  # (trials,), whether the last episode was ended by its task
    lengths: IntArray  # (trials, episodes), steps of each episode

    @staticmethod
    def join(waves: Sequence[Trials]) -> Trials:
        """Put the trials of several waves side by side, all as long as the longest."""

        def column(parts: Sequence[NDArray[Scalar]]) -> NDArray[Scalar]:
            time = max(part.shape[1] for part in parts)
            padding = [[(0, 0), (0, time - part.shape[1]), *[(0, 0)] * (part.ndim - 2)] for part in parts]
            return np.concatenate([np.pad(part, pad) for part, pad in zip(parts, padding, strict=True)])

        return Trials(
            inputs=column([trials.inputs for trials in waves]),
            actions=column([trials.actions for trials in waves]),
            rewards=column([trials.rewards for trials in waves]),
            mask=column([trials.mask for trials in waves]),
            terminated=np.concatenate([trials.terminated for trials in waves]),
            lengths=np.concatenate([trials.lengths for trials in waves]),
        )


class Minibatch(NamedTuple):
    """The input of a gradient step: some trials, or all of an iteration."""

    x: Tensor  # (trials, time + 1, input_size), as `Trials.inputs`
    u: Tensor  # (trials, time, action_size), actions as drawn
    old: Tensor  # (trials, time), their log-probabilities then
    advantage: Tensor  # (trials, time)
    target: Tensor  # (trials, time), of the values
    mask: Tensor  # (trials, time), 0 beyond a trial's end
    tasks: Tensor  # (trials,) task indices
    lengths: Tensor  # (trials, episodes), as `Trials.lengths`

    @property
    def episodes(self) -> EpisodeTable:
        """The transitions of each trial's episodes, as rows of `x.flatten(0, 1)`.

        Transition t of a trial is in input t + 1, which shows its action, its reward and the observation thereafter.
        """
        first = 1 + self.x.shape[1] * torch.arange(len(self.x), device=self.x.device)
        return EpisodeTable.of(first[:, None] + self.lengths.cumsum(dim=1) - self.lengths, self.lengths)


class RL2PPO(RL2PPODeclaration, Algorithm):
    """RL2 with proximal policy optimisation."""

    settings: RL2PPOSettings

    def __init__(self, settings: RL2PPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        inputs = problem.observation_size + problem.action_size + 2
        published, hidden = settings.as_published, settings.hidden_size
        xavier = "xavier-initialisation" in published
        policy = RecurrentPolicy(inputs, hidden, problem.action_size, self.initial, xavier=xavier)
        self.policy = policy.to(device)
        self.value = RecurrentValue(inputs, settings.hidden_size, self.initial).to(device)
        self.policy_parameters, self.value_parameters = FlatParameters(self.policy), FlatParameters(self.value)
        self.fits_values = "linear-feature-baseline" not in published
        learning = [self.policy_parameters, self.value_parameters] if self.fits_values else [self.policy_parameters]
        before = "epsilon-before-correction" in published
        self.adam = Adam(settings.learning_rate, *learning, epsilon_before_correction=before)
        self.returns = Standardisation(1)

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Those of the first."""
        return self.first_iteration_steps(self.settings, self.problem)

    @property
    def smallest_iteration_steps(self) -> int:
        """A single trial: the last iteration takes as many as the budget has left."""
        return self.settings.episodes_per_trial * self.problem.horizon

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Collect one trial in each of some tasks, then climb PPO's surrogate for some epochs."""
        settings = self.settings
        chosen = self.exploration.integers(self.problem.train_tasks, size=settings.meta_batch)
        fitting = waves(len(chosen), self.smallest_iteration_steps, tasks)
        collected = [self.collect(tasks, chosen[some]) for some in fitting]
        trials = Trials.join([trials for trials, _ in collected])
        episode_returns = np.concatenate([returns for _, returns in collected])  # (trials, episodes)
        advantages, returns = self.evaluate(trials)

        x, u, mask = self.tensor(trials.inputs), self.tensor(trials.actions), self.tensor(trials.mask)
        advantage, target = self.tensor(advantages), self.tensor(self.returns(returns))
        with torch.no_grad():
            old = self.policy(x[:, :-1])[0].log_probability(u)
        of_trials, lengths = (torch.as_tensor(part, device=self.device) for part in (chosen[: len(x)], trials.lengths))
        batch = Minibatch(x, u, old, advantage, target, mask, of_trials, lengths)
        totals: dict[str, Tensor] = {}
        updates = 0
        for _ in range(settings.epochs):
            order = torch.randperm(len(x), device=self.device, generator=self.generator)
            for some in torch.split(order, settings.minibatch):
                for name, value in self.update(Minibatch(*(values[some] for values in batch))).items():
                    totals[name] = totals.get(name, 0.0) + value
                updates += 1
        return {
            **{name: float(total / updates) for name, total in totals.items()},
            "log_deviation": float(self.policy.deviation.log_deviations.detach().mean()),
            "first_episode_return": float(episode_returns[:, 0].mean()),
            "last_episode_return": float(episode_returns[:, -1].mean()),
        }

    def collect(self, tasks: Tasks, chosen: IntArray) -> tuple[Trials, FloatArray]:
        """Run one trial in each of some tasks; return them, and the returns of their episodes (trials, episodes)."""
        recorder = Recorder(self, len(chosen))
        limits = np.full(len(chosen), self.problem.horizon)
        episodes = [run_episodes(tasks, recorder, chosen, limits) for _ in range(self.settings.episodes_per_trial)]
        return recorder.trials(), np.stack([episode.rewards.sum(axis=1) for episode in episodes], axis=1)

    def evaluate(self, trials: Trials) -> tuple[FloatArray, FloatArray]:
        """Estimate the advantages, and the returns that the values are fitted to, (trials, time) each.

        What follows the last step of a trial is worth the value of its final observation, unless the task itself ended.
        """
        settings = self.settings
        rewards, mask = trials.rewards, trials.mask
        counted = mask
        if "entropy-of-padding" in settings.as_published:
            counted = np.ones((len(mask), settings.episodes_per_trial * self.problem.horizon), dtype=np.bool_)
            rewards = _padded(rewards, counted.shape[1])
        if "entropy-in-rewards" in settings.as_published:
            with torch.inference_mode():
                anywhere = torch.zeros(self.problem.action_size, device=self.device)
                entropy = float(self.policy.deviation(anywhere).entropy())
            rewards = np.where(counted, rewards + GARAGE_ENTROPY_WEIGHT * entropy, 0.0)
        if not self.fits_values:
            baseline = LinearFeatureBaseline()
            sums = discounted_sums(rewards, settings.discount)[:, : mask.shape[1]]
            baseline.fit(trials.inputs[None, :, :-1], sums[None], mask[None])
            values = baseline(trials.inputs[None])[0]
        else:
            with torch.inference_mode():
                standard = self.value(self.tensor(trials.inputs)).double().cpu().numpy()
            values = self.returns.mean + self.returns.deviation * standard
        final = (np.arange(len(mask)), mask.sum(axis=1))
        ended = (
            np.ones_like(trials.terminated) if "unbootstrapped-trials" in settings.as_published else trials.terminated
        )
        values[final] = np.where(ended, 0.0, values[final])
        if counted is mask:
            of_steps = values
        else:
            met = np.arange(values.shape[1]) <= mask.sum(axis=1)[:, None]
            of_steps = _padded(np.where(met, values, 0.0), counted.shape[1] + 1)
        advantages = generalised_advantages(
            rewards, of_steps, counted, discount=settings.discount, decay=settings.gae_decay
        )[:, : mask.shape[1]]
        advantages = np.where(mask, advantages, 0.0)
        returns = np.where(mask, advantages + values[:, :-1], 0.0)
        self.returns.fit(returns[mask][:, None])
        if "uncentred-advantages" not in settings.as_published:
            advantages = standardised(advantages, mask, axes=(0, 1))
        return advantages, returns

    def auxiliary(self, batch: Minibatch) -> Auxiliary:
        """Return the loss that the policy's recurrent network learns from beside PPO: none."""
        return Auxiliary.nothing(self.device)

    def losses(self, batch: Minibatch) -> tuple[dict[str, Tensor], Tensor]:
        """Compute PPO's losses on some trials; return them, and log pi(a|.) - log pi_old(a|.), (trials, time)."""
        x, u, old, advantage, target, mask, *_ = batch
        log_ratio = self.policy(x[:, :-1])[0].log_probability(u) - old
        losses = {"policy_loss": policy_loss(log_ratio, advantage, mask, self.settings.clip)}
        if self.fits_values:
            losses["value_loss"] = value_loss(self.value(x[:, :-1]), target, mask)
        return losses, log_ratio

    def update(self, batch: Minibatch) -> dict[str, Tensor]:
        """Take one gradient step on some trials."""
        losses, log_ratio = self.losses(batch)
        mask, epsilon = batch.mask, self.settings.clip
        auxiliary = self.auxiliary(batch)
        self.adam.step(torch.stack([*losses.values(), auxiliary.loss]).sum())
        self.gradient_steps += 1
        with torch.no_grad():
            kl = masked_mean(-log_ratio, mask)
            clipped = masked_mean(((log_ratio.exp() - 1.0).abs() > epsilon).float(), mask)
        return {
            **{name: loss.detach() for name, loss in losses.items()},
            "kl": kl,
            "clip_fraction": clipped,
            **auxiliary.metrics,
        }

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> RL2Agent:
        """Make an agent at the beginning of a trial."""

        def noise() -> EpisodeNoise:
            draws = task_normals(generators, self.problem.horizon, self.problem.action_size)
            return EpisodeNoise(draws, spawned(generators))

        return RL2Agent(self, len(generators), noise)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {
            "policy": self.policy_parameters,
            "value": self.value_parameters,
            "adam": self.adam,
            "returns": self.returns,
        }


def _padded(values: FloatArray, time: int) -> FloatArray:
    """Append zeros to (trials, .) until its second axis is as long as asked."""
    return np.pad(values, [(0, 0), (0, time - values.shape[1])])


def clipped_surrogate(log_ratio: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    """PPO's L^CLIP before the expectation (Schulman et al., 2017, Eq. 7): min(r A, clip(r, 1 - eps, 1 + eps) A).

    Where A is positive that is min(r, 1 + eps) A, elsewhere max(r, 1 - eps) A. Bounding the logarithm instead of the
    ratio is the same, but never overflows; r is constant beyond e^20.
    """
    above = log_ratio.clamp(max=math.log1p(epsilon))
    below = log_ratio.clamp(min=math.log1p(-epsilon), max=LARGEST_LOG_RATIO)
    return torch.where(advantage > 0.0, above, below).exp() * advantage


def policy_loss(log_ratio: Tensor, advantage: Tensor, mask: Tensor, epsilon: float) -> Tensor:
    """-E[L^CLIP] over what is present."""
    return -masked_mean(clipped_surrogate(log_ratio, advantage, epsilon), mask)


def value_loss(values: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """E[(V - target)^2] over what is present."""
    return masked_mean((values - target).square(), mask)


class RL2Agent(MetaTestAgent):
    """Explores with sampled actions, then acts with the mean; the hidden state is carried from episode to episode."""

    def __init__(self, algorithm: RL2PPO, copies: int, noise: Callable[[], EpisodeNoise]) -> None:
        self.algorithm, self.noise = algorithm, noise
        self.exploring = True
        self.hidden = torch.zeros(copies, algorithm.settings.hidden_size, device=algorithm.device)
        self.previous_action = np.zeros((copies, algorithm.problem.action_size))
        self.previous_reward = np.zeros(copies)
        self.terminated = np.zeros(copies, dtype=np.bool_)
        self.boundary = np.zeros(copies)
        self.u: FloatArray = self.previous_action  # drawn, before clipping
        self.episodes = 0

    def begin_episode(self) -> None:
        """Flag the boundary to the episode before."""
        flagged = self.terminated
        if "unflagged-time-limits" not in self.algorithm.settings.as_published:
            flagged = np.full_like(self.terminated, self.episodes > 0)
        self.boundary = flagged.astype(np.float64)
        if "blank-episode-starts" in self.algorithm.settings.as_published:
            self.previous_action = np.zeros_like(self.previous_action)
            self.previous_reward = np.zeros_like(self.previous_reward)
            self.boundary = np.zeros_like(self.boundary)
        self.terminated = np.zeros_like(self.terminated)
        self.draws = self.noise() if self.exploring else EpisodeNoise(None)
        self.episodes += 1

    def inputs(self, observations: FloatArray) -> FloatArray:
        """Join what the policy reads, (copies, input_size)."""
        columns = [observations, self.previous_action, self.previous_reward[:, None], self.boundary[:, None]]
        return np.concatenate(columns, axis=1)

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        self.x = self.inputs(observations)
        with torch.inference_mode():
            distribution, states = self.algorithm.policy(self.algorithm.tensor(self.x[:, None]), self.hidden)
            self.next_hidden = states[:, 0]
            u = distribution.means[:, 0]
            if (noise := self.draws.next()) is not None:
                u = u + distribution.log_std[:, 0].exp() * self.algorithm.tensor(noise)
        self.u = u.double().cpu().numpy()
        actions: FloatArray = self.u.clip(-1.0, 1.0)
        return actions

    def observe(self, step: Step, active: BoolArray) -> None:
        """Move on in the copies that were stepped."""
        acted = torch.as_tensor(active[:, None], device=self.algorithm.device)
        self.hidden = torch.where(acted, self.next_hidden, self.hidden)
        self.previous_action = np.where(active[:, None], self.u, self.previous_action)
        self.previous_reward = np.where(active, step.rewards, self.previous_reward)
        self.terminated = self.terminated | (step.terminated & active)
        self.boundary = np.where(active, 0.0, self.boundary)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Act with the mean from now on: all that was learnt is in the hidden state."""
        self.exploring = False


class Recorder(RL2Agent):
    """Acts as at meta-test and keeps what the update needs."""

    def __init__(self, algorithm: RL2PPO, copies: int) -> None:
        shape = (copies, algorithm.problem.horizon, algorithm.problem.action_size)
        super().__init__(algorithm, copies, lambda: EpisodeNoise(algorithm.exploration.standard_normal(shape)))
        self.steps: list[tuple[FloatArray, FloatArray, FloatArray, BoolArray]] = []
        self.begun: list[int] = []  # steps before each episode

    def begin_episode(self) -> None:
        """Keep where the episode begins."""
        self.begun.append(len(self.steps))
        super().begin_episode()

    def observe(self, step: Step, active: BoolArray) -> None:
        """Keep the step, and move on."""
        self.steps.append((self.x, self.u, step.rewards, active))
        self.observations = step.observations
        super().observe(step, active)

    def trials(self) -> Trials:
        """Close the gaps left by episodes that ended early, and add the final observation."""
        x, u, rewards, active = (np.stack(column, axis=1) for column in zip(*self.steps, strict=True))
        order = np.argsort(~active, axis=1, kind="stable")  # (trials, time): what is present first
        x, u = (np.take_along_axis(values, order[..., None], axis=1) for values in (x, u))
        lengths = active.sum(axis=1)
        mask = np.arange(active.shape[1]) < lengths[:, None]
        x = np.concatenate([x * mask[..., None], np.zeros_like(x[:, :1])], axis=1)
        x[np.arange(len(x)), lengths] = self.inputs(self.observations)
        rewards = np.take_along_axis(rewards, order, axis=1) * mask
        episodes = np.add.reduceat(active, self.begun, axis=1, dtype=np.int64)
        return Trials(x, u * mask[..., None], rewards, mask, self.terminated, episodes)
