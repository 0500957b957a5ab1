"""MQL: meta-Q-learning (Fakoor et al., ICLR 2020).

Meta-training is TD3 (Fujimoto et al., 2018) on the data of all tasks, with a context variable: a GRU's summary of the
last few steps of the episode. Meta-testing fits copies of the networks to a new task: first on its own transitions,
then on the meta-training replay, each transition weighted by how much it looks like the new task's (a propensity
score), near the meta-trained parameters by as much as these weights leave few effective samples. Symbols follow the
paper: beta, ESS, lambda. Sizes and schedules: Table 6 of the TCL-PEARL paper, which is the code base's walker command
(run_script.py:73-83) but for the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.func import functional_call, vmap

from algorithms.interface import (
    Actor,
    Algorithm,
    Episodes,
    MetaTestAgent,
    Metrics,
    Problem,
    Stateful,
    Streams,
    Tasks,
    added,
)
from algorithms.optimisation import Adam, FlatParameters
from algorithms.propensity import Propensity, effective_sample_size, importance_weights
from algorithms.rollouts import run_episodes, run_steps
from algorithms.td3 import Batch, Critics, HistoryReplay, Network, Policy, Sizes, actor_loss, critic_loss, td3_target
from environments import BoolArray, FloatArray, Step

Difference = Literal[
    "fixed-proximal-weight",  # mql.py:219-246, main.py:67: 0.1 ||.||^2, as no shipped command sets use_ess_clipping
    "free-first-updates",  # mql.py adapt: no proximal term in the updates on the new task's data
    "adaptation-rate-1e-3",  # mql.py:590-591: torch's default, whatever the learning rate
    "small-weights-zeroed",  # mql.py:277: weights below 0.1
]

MetaTest = Literal[
    "nothing",  # TD3 with a recurrent context, and no adaptation
    "new data only",  # updates on the new task's own transitions
    "corrected reuse",  # and then on the meta-training replay, weighted by propensity
]

PUBLISHED: dict[str, frozenset[str]] = {
    "mql": frozenset({"fixed-proximal-weight", "free-first-updates", "adaptation-rate-1e-3", "small-weights-zeroed"}),
}


@dataclass(frozen=True)
class MQLSettings:
    """Settings of MQL; the defaults are the TCL-PEARL paper's for Meta-World."""

    context_size: PositiveInt = 30
    """Table 6, context dimension: units of the GRU."""
    history: PositiveInt = 10
    """Table 6, GRU sequence length: steps of the episode that the context sees."""
    network_sizes: tuple[PositiveInt, ...] = (300, 300)
    """run_script.py:78; of actor and critics."""
    batch: PositiveInt = 256
    """run_script.py:81, transitions of all tasks an update."""
    updates: PositiveInt = 200
    """Table 6, parameter updates per meta-training iteration."""
    tasks_per_iteration: PositiveInt = 5
    """run_script.py:81, num_tasks_sample: one episode in each."""
    warmup_steps: PositiveInt = 2000
    """run_script.py:77, num_initial_steps: random steps a training task before the first update."""
    exploration_noise: NonNegativeFloat = 0.2
    """Table 6, deviation of the noise on actions."""
    policy_noise: NonNegativeFloat = 0.2
    """Table 6, deviation of the noise on target actions."""
    noise_clip: PositiveFloat = 0.5
    """main.py:25."""
    policy_delay: PositiveInt = 3
    """Table 6, policy update frequency: critic updates an actor update."""
    discount: PositiveFloat = 0.99
    """main.py:19."""
    target_rate: PositiveFloat = 0.005
    """main.py:18."""
    learning_rate: PositiveFloat = 8e-4
    """run_script.py:79. Table 6 prints 0.008, ten times as much."""
    new_task_updates: NonNegativeInt = 10
    """Table 6, vanilla off-policy adaptation updates, each on all transitions of the new task."""
    replay_updates: NonNegativeInt = 400
    """Table 6, importance-ratio corrected adaptation updates, on the meta-training replay."""
    replay_batch: PositiveInt = 1280
    """run_script.py:80, sample_mult 5: transitions a corrected update."""
    beta_clip: NonNegativeFloat = 1.1
    """Table 6: weights are at most exp(beta_clip)."""
    propensity_inverse_penalty: PositiveFloat = 0.06
    """run_script.py:78, lam_csc: C of the logistic regression."""
    propensity_reads_observations: bool = True
    """run_script.py:80, enable_beta_obs_cxt: the classifier sees the observation beside the context."""
    meta_test: MetaTest = added("corrected reuse")
    """What a new task's networks are fitted to; the paper compares the three."""
    as_published: frozenset[Difference] = frozenset()
    """Ways in which MQL's code differs from its paper; see `PUBLISHED` and docs/algorithms/mql.md."""


class MQL(Algorithm):
    """Meta-Q-learning."""

    name: ClassVar[str] = "mql"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = MQLSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    reads_evaluation_rewards: ClassVar[bool] = True
    adapts_on_replay: ClassVar[bool] = True
    settings: MQLSettings

    def __init__(self, settings: MQLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        initial = self.initial
        s, a = problem.observation_size, problem.action_size
        sizes = Sizes(s, a, settings.context_size, settings.network_sizes)
        self.actor, self.target_actor = (Policy(sizes, initial).to(device) for _ in range(2))
        self.critics, self.target_critics = (Critics(sizes, initial).to(device) for _ in range(2))
        self.theta, self.theta_target = FlatParameters(self.actor), FlatParameters(self.target_actor)
        self.psi, self.psi_target = FlatParameters(self.critics), FlatParameters(self.target_critics)
        self.theta_target.average(self.theta, 1.0)
        self.psi_target.average(self.psi, 1.0)
        self.actor_adam = Adam(settings.learning_rate, self.theta)
        self.critic_adam = Adam(settings.learning_rate, self.psi)
        self.replay = HistoryReplay(problem, settings.history, device)

    @property
    def warm(self) -> bool:
        """Whether there is any data."""
        return len(self.replay.rows) > 0

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Warm-up of every training task at first, then one episode in each of the sampled tasks."""
        warmup = 0 if self.warm else self.settings.warmup_steps * self.problem.train_tasks
        return warmup + self.settings.tasks_per_iteration * self.problem.horizon

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Collect in some tasks, then update on the data of all: MQL's multi-task objective."""
        settings, horizon = self.settings, self.problem.horizon
        if not self.warm:
            everything = np.arange(self.problem.train_tasks)
            for episodes in run_steps(tasks, lambda: RandomActor(self), everything, settings.warmup_steps, horizon):
                self.replay.append(episodes)
        chosen = self.exploration.integers(self.problem.train_tasks, size=settings.tasks_per_iteration)
        shape = (len(chosen), horizon, self.problem.action_size)
        explorer = MQLAgent(self, len(chosen), lambda: self.exploration.standard_normal(shape))
        self.replay.append(run_episodes(tasks, explorer, chosen, np.full(len(chosen), horizon)))
        critic_total = torch.zeros((), device=self.device)
        actor_total, actor_updates = torch.zeros((), device=self.device), 0
        for _ in range(settings.updates):
            batch = self.replay.sample(settings.batch, self.generator)
            beta = torch.ones(settings.batch, device=self.device)
            with torch.no_grad():
                noise = self.target_noise(batch.actions.shape, self.generator)
                y = td3_target(self.target_actor, self.target_critics, batch, noise, settings.discount)
            loss = critic_loss(self.critics, batch, y, beta)
            self.critic_adam.step(loss)
            critic_total += loss.detach()
            if self.gradient_steps % settings.policy_delay == 0:
                loss = actor_loss(self.actor, self.critics, batch, beta)
                self.actor_adam.step(loss)
                self.theta_target.average(self.theta, settings.target_rate)
                self.psi_target.average(self.psi, settings.target_rate)
                actor_total += loss.detach()
                actor_updates += 1
            self.gradient_steps += 1
        return {
            "critic_loss": float(critic_total) / settings.updates,
            "actor_loss": float(actor_total) / max(1, actor_updates),
        }

    def target_noise(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Draw the clipped noise on target actions."""
        noise = torch.randn(tuple(shape), device=self.device, generator=generator)
        return (self.settings.policy_noise * noise).clamp(-self.settings.noise_clip, self.settings.noise_clip)

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> MQLAgent:
        """Make an agent with the meta-trained actor."""
        shape = (self.problem.horizon, self.problem.action_size)
        noise = partial(_stacked_normals, generators, shape)
        return MQLAgent(self, len(generators), noise, generators)

    def adapt(self, exploration: Sequence[Episodes], generators: Sequence[np.random.Generator]) -> Tensor:
        """Fit a copy of all networks to each new task; return the actors (tasks, parameters).

        The tasks share every operation but no number: losses are summed over tasks and Adam works element by element.
        """
        settings, tasks = self.settings, len(generators)
        draws = [torch.Generator(self.device).manual_seed(int(g.integers(2**62))) for g in generators]
        new, present = self.new_data(exploration)
        beta, ess = self.propensity(new, present, draws)
        weight = 0.5 * (1.0 - ess)  # (tasks,) lambda / 2
        if "fixed-proximal-weight" in settings.as_published:
            weight = torch.full_like(weight, 0.1)
        free = torch.zeros_like(weight) if "free-first-updates" in settings.as_published else weight
        copies = Copies(self, tasks)
        for update in range(settings.new_task_updates):
            noise = torch.stack([self.target_noise(new.actions.shape[1:], g) for g in draws])
            copies.update(new, noise, present / present.mean(dim=1, keepdim=True), free, update)
        for update in range(settings.replay_updates if settings.meta_test == "corrected reuse" else 0):
            batch = self.sample_each(settings.replay_batch, draws)
            noise = torch.stack([self.target_noise(batch.actions.shape[1:], g) for g in draws])
            copies.update(batch, noise, beta(batch), weight, update)
        return copies.theta.parameters[0].detach()

    def new_data(self, exploration: Sequence[Episodes]) -> tuple[Batch, Tensor]:
        """Make one batch of each task's exploration episodes, and say which rows are present (tasks, rows)."""
        horizon, past = self.problem.horizon, self.settings.history
        windows, terminated, following, present = [], [], [], []
        for episodes in exploration:
            beyond = (0, horizon - episodes.rewards.shape[1])  # padding, so that no task depends on the others' lengths
            steps = [episodes.observations[:, :-1], episodes.actions, episodes.rewards[..., None]]
            padded = np.pad(np.concatenate(steps, axis=2), [(0, 0), (past, beyond[1]), (0, 0)])
            windows.append(padded[:, np.arange(horizon)[:, None] + np.arange(past + 1)])
            following.append(np.pad(episodes.observations[:, 1:], [(0, 0), beyond, (0, 0)]))
            left = episodes.lengths[:, None] - np.arange(horizon)  # (tasks, horizon) steps left
            terminated.append(episodes.terminated[:, None] & (left == 1))
            present.append(left > 0)

        def tensor(parts: Sequence[FloatArray | BoolArray]) -> Tensor:
            return torch.as_tensor(np.concatenate(parts, axis=1), dtype=torch.get_default_dtype(), device=self.device)

        batch = Batch.of(tensor(windows), tensor(terminated), tensor(following), self.problem.action_size)
        return batch, tensor(present)

    def propensity(
        self, new: Batch, present: Tensor, draws: Sequence[torch.Generator]
    ) -> tuple[Callable[[Batch], Tensor], Tensor]:
        """Tell each new task's transitions from as many of the replay.

        Returns
        -------
        The importance weights of a batch, (tasks, rows) to (tasks, rows); and the effective sample size (tasks,).
        """
        settings = self.settings
        replay = self.sample_each(present.shape[1], draws)
        classifier = Propensity.fit(
            self.features(new), present, self.features(replay), settings.propensity_inverse_penalty
        )
        zero_small = "small-weights-zeroed" in settings.as_published

        def beta(batch: Batch) -> Tensor:
            return importance_weights(classifier(self.features(batch)), settings.beta_clip, zero_small=zero_small)

        return beta, effective_sample_size(beta(replay))

    def features(self, batch: Batch) -> Tensor:
        """Gather what the classifier reads: the meta-trained actor's context, and the observation if it is to."""
        with torch.no_grad():
            states: Tensor = self.actor.context(batch.history.flatten(0, 1))
        context = states[:, -1].view(*batch.rewards.shape, -1)
        if not self.settings.propensity_reads_observations:
            return context
        return torch.cat([batch.observations, context], dim=2)

    def sample_each(self, size: int, draws: Sequence[torch.Generator]) -> Batch:
        """Draw a batch of the replay for each task, with its own generator: (tasks, size, .)."""
        batches = [self.replay.sample(size, generator) for generator in draws]
        return Batch(*(torch.stack(column) for column in zip(*batches, strict=True)))

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {
            "theta": self.theta,
            "theta_target": self.theta_target,
            "psi": self.psi,
            "psi_target": self.psi_target,
            "actor_adam": self.actor_adam,
            "critic_adam": self.critic_adam,
            "replay": self.replay,
        }


class Copies:
    """Copies of the meta-trained networks, one set a task, updated side by side and dropped afterwards."""

    def __init__(self, algorithm: MQL, tasks: int) -> None:
        self.algorithm = algorithm
        flats = (algorithm.theta, algorithm.psi, algorithm.theta_target, algorithm.psi_target)
        self.theta, self.psi, self.theta_target, self.psi_target = (self._stack(flat, tasks) for flat in flats)
        published = "adaptation-rate-1e-3" in algorithm.settings.as_published
        rate = 1e-3 if published else algorithm.settings.learning_rate
        self.actor_adam, self.critic_adam = Adam(rate, self.theta), Adam(rate, self.psi)

    @staticmethod
    def _stack(flat: FlatParameters, tasks: int) -> FlatParameters:
        return FlatParameters(nn.ParameterList([nn.Parameter(flat.vector.repeat(tasks, 1))]))

    def update(self, batch: Batch, noise: Tensor, beta: Tensor, weight: Tensor, update: int) -> None:
        """Take one TD3 step in every task, with proximal weights (tasks,)."""
        algorithm, settings = self.algorithm, self.algorithm.settings
        theta, psi = self.theta.parameters[0], self.psi.parameters[0]  # (tasks, parameters)
        theta_target, psi_target = self.theta_target.parameters[0], self.psi_target.parameters[0]

        def actor(vector: Tensor) -> Network:
            return partial(_call, algorithm.actor, algorithm.theta.named(vector))

        def critics(vector: Tensor) -> Network:
            return partial(_call, algorithm.critics, algorithm.psi.named(vector))

        def proximal(vectors: Tensor, meta: FlatParameters) -> Tensor:
            return (weight * (vectors - meta.vector).square().sum(dim=1)).sum()

        with torch.no_grad():
            y = vmap(lambda t, p, b, n: td3_target(actor(t), critics(p), b, n, settings.discount))(
                theta_target, psi_target, batch, noise
            )
        losses = vmap(lambda p, b, y, w: critic_loss(critics(p), b, y, w))(psi, batch, y, beta)
        self.critic_adam.step(losses.sum() + proximal(psi, algorithm.psi))
        if update % settings.policy_delay == 0:
            losses = vmap(lambda t, p, b, w: actor_loss(actor(t), critics(p), b, w))(theta, psi.detach(), batch, beta)
            self.actor_adam.step(losses.sum() + proximal(theta, algorithm.theta))
            self.theta_target.average(self.theta, settings.target_rate)
            self.psi_target.average(self.psi, settings.target_rate)


def _call(module: nn.Module, parameters: dict[str, Tensor], *inputs: Tensor) -> Tensor:
    outputs: Tensor = functional_call(module, parameters, inputs)
    return outputs


def _stacked_normals(generators: Sequence[np.random.Generator], shape: tuple[int, ...]) -> FloatArray:
    return np.stack([generator.standard_normal(shape) for generator in generators])


class RandomActor(Actor):
    """Acts uniformly at random."""

    def __init__(self, algorithm: MQL) -> None:
        self.algorithm = algorithm

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        size = (len(observations), self.algorithm.problem.action_size)
        return self.algorithm.exploration.uniform(-1.0, 1.0, size)


class MQLAgent(MetaTestAgent):
    """Acts on the last steps of the episode: with noise while it explores, then with adapted copies of the actor."""

    def __init__(
        self,
        algorithm: MQL,
        copies: int,
        noise: Callable[[], FloatArray],
        generators: Sequence[np.random.Generator] = (),
    ) -> None:
        self.algorithm, self.noise, self.generators = algorithm, noise, generators
        problem = algorithm.problem
        row = problem.observation_size + problem.action_size + 1
        self.history = torch.zeros(copies, algorithm.settings.history, row, device=algorithm.device)
        self.exploring = True
        self.theta: Tensor | None = None  # (tasks, parameters) once adapted

    def begin_episode(self) -> None:
        """Forget the episode before; draw the noise of an exploration episode (copies, horizon, action_size)."""
        self.history = torch.zeros_like(self.history)
        self.draws = self.noise() if self.exploring else None
        self.t = -1

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        self.t += 1
        algorithm = self.algorithm
        with torch.inference_mode():
            s = torch.as_tensor(observations, dtype=torch.get_default_dtype(), device=algorithm.device)
            if self.theta is None:
                a = algorithm.actor(s, self.history)
            else:

                def act(theta: Tensor, s: Tensor, history: Tensor) -> Tensor:
                    return _call(algorithm.actor, algorithm.theta.named(theta), s[None], history[None])[0]

                a = vmap(act)(self.theta, s, self.history)
            if self.draws is not None:
                noise = torch.as_tensor(self.draws[:, self.t], dtype=torch.get_default_dtype(), device=algorithm.device)
                a = (a + algorithm.settings.exploration_noise * noise).clamp(-1.0, 1.0)
            self.seen = torch.cat([s, a], dim=1)
            actions: FloatArray = a.double().cpu().numpy()
        return actions

    def observe(self, step: Step, active: BoolArray) -> None:
        """Append the step to the history of the copies that took it."""
        rewards = torch.as_tensor(step.rewards[:, None], dtype=torch.get_default_dtype(), device=self.history.device)
        row = torch.cat([self.seen, rewards], dim=1)
        longer = torch.cat([self.history[:, 1:], row[:, None]], dim=1)
        self.history = torch.where(torch.as_tensor(active, device=row.device)[:, None, None], longer, self.history)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Fit copies of the networks to each task; before any meta-training there is no replay to learn from."""
        self.exploring = False
        if exploration and self.algorithm.warm and self.algorithm.settings.meta_test != "nothing":
            self.theta = self.algorithm.adapt(exploration, self.generators)
