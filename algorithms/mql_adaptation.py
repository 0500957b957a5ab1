"""Meta-Q-learning at meta-test: copies of the networks fitted to new tasks, on their data and on reweighted replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from algorithms.history import HistoryReplay, RecentTransitions, without_leading
from algorithms.interface import Episodes
from algorithms.mql_settings import MQLSettings
from algorithms.optimisation import Adam, FlatParameters
from algorithms.propensity import Propensity, effective_sample_size, importance_weights
from algorithms.td3 import Batch, Network, Networks, actor_loss, critic_loss, td3_target
from environments import BoolArray, FloatArray

Weights = Callable[[Batch, Tensor | None], Tensor]
"""Importance weights (tasks, rows) of a batch, as read by some actors (tasks, parameters) or the meta-trained one."""


class Adaptation:
    """Fits copies of the networks to several new tasks side by side.

    The tasks share every operation but no number: losses are summed over tasks, Adam works element by element, and each
    task draws from a generator of its own.

    Parameters
    ----------
    settings, networks, replay : of the meta-trained algorithm; nothing of them is changed.
    recent : the last transitions of each training task, where the negatives are balanced by task.
    horizon : the longest episode.
    generators : one a task.
    """

    def __init__(
        self,
        settings: MQLSettings,
        networks: Networks,
        replay: HistoryReplay,
        recent: RecentTransitions | None,
        horizon: int,
        generators: Sequence[np.random.Generator],
    ) -> None:
        self.settings, self.networks, self.replay, self.recent = settings, networks, replay, recent
        self.horizon, self.device = horizon, replay.device
        self.draws = [torch.Generator(self.device).manual_seed(int(g.integers(2**62))) for g in generators]

    def run(self, exploration: Sequence[Episodes]) -> Tensor:
        """Fit to each task's exploration episodes; return the actors (tasks, parameters)."""
        settings = self.settings
        new, mask = self.new_data(exploration)
        beta, ess = self.propensity(new, mask)
        weight = 0.5 * (1.0 - ess)  # (tasks,) lambda / 2
        if "fixed-proximal-weight" in settings.as_published:
            weight = torch.full_like(weight, 0.1)
        free = torch.zeros_like(weight) if "free-first-updates" in settings.as_published else weight
        copies = Copies(settings, self.networks, len(self.draws))
        everywhere = mask / mask.mean(dim=1, keepdim=True)
        for update in range(settings.new_task_updates):
            batch = self.drawn_again(new, mask)
            copies.update(batch, self.target_noise(batch), everywhere, free, update)
        for update in range(settings.replay_updates if settings.meta_test == "corrected reuse" else 0):
            batch = self.replayed(settings.replay_batch)
            adapting = copies.actors if "adapting-features" in settings.as_published else None
            copies.update(batch, self.target_noise(batch), beta(batch, adapting), weight, update)
        return copies.actors

    def target_noise(self, batch: Batch) -> Tensor:
        """Draw the clipped noise on each task's target actions."""
        return torch.stack([target_noise(self.settings, batch.actions.shape[1:], g) for g in self.draws])

    def new_data(self, exploration: Sequence[Episodes]) -> tuple[Batch, Tensor]:
        """Make one batch of each task's exploration episodes.

        Returns
        -------
        The batch, (tasks, rows, .) with as many rows as the episodes could have; and which are present (tasks, rows).
        """
        past, leading = self.settings.history, self.replay.leading
        horizon = max(self.horizon, *(episodes.rewards.shape[1] - leading for episodes in exploration))
        windows, terminated, following, mask = [], [], [], []
        for episodes in exploration:
            # Padding, so that no task depends on the others' lengths.
            beyond = (0, horizon + leading - episodes.rewards.shape[1])
            steps = [episodes.observations[:, :-1], episodes.actions, episodes.rewards[..., None]]
            padded = np.pad(np.concatenate(steps, axis=2), [(0, 0), (past, beyond[1]), (0, 0)])
            windows.append(padded[:, leading + np.arange(horizon)[:, None] + np.arange(past + 1)])
            following.append(np.pad(episodes.observations[:, 1 + leading :], [(0, 0), beyond, (0, 0)]))
            left = episodes.lengths[:, None] - leading - np.arange(horizon)  # (tasks, horizon) steps left
            terminated.append(episodes.terminated[:, None] & (left == 1))
            mask.append(left > 0)

        def tensor(parts: Sequence[FloatArray | BoolArray]) -> Tensor:
            return torch.as_tensor(np.concatenate(parts, axis=1), dtype=torch.get_default_dtype(), device=self.device)

        batch = Batch.of(tensor(windows), tensor(terminated), tensor(following), self.replay.action_size)
        ages = torch.arange(horizon, device=self.device).repeat(len(exploration))
        return without_leading(batch, ages), tensor(mask)

    def drawn_again(self, new: Batch, mask: Tensor) -> Batch:
        """Give the new tasks' rows: as they are, or, as published, as many drawn from them with replacement."""
        if "resampled-new-data" not in self.settings.as_published:
            return new
        columns = []
        for task, generator in enumerate(self.draws):
            here = mask[task].nonzero()[:, 0]
            drawn = torch.randint(len(here), (len(here),), device=self.device, generator=generator)
            order = torch.arange(mask.shape[1], device=self.device).index_copy(0, here, here[drawn])
            columns.append([column[task, order] for column in new])
        return Batch(*(torch.stack(column) for column in zip(*columns, strict=True)))

    # Importance weights

    def propensity(self, new: Batch, mask: Tensor) -> tuple[Weights, Tensor]:
        """Tell each new task's transitions from those of the replay, by the meta-trained actor's context.

        Returns
        -------
        The importance weights of a batch; and the effective sample size (tasks,) of the replay's sample.
        """
        settings = self.settings
        replay, replay_mask = self.negatives(mask)
        classifier = Propensity.fit(
            self.features(self.drawn_again(new, mask)),
            mask,
            self.features(replay),
            replay_mask,
            settings.propensity_inverse_penalty,
        )
        zero_small = "small-weights-zeroed" in settings.as_published

        def beta(batch: Batch, actors: Tensor | None) -> Tensor:
            logits = classifier(self.features(batch, actors))
            return importance_weights(logits, settings.beta_clip, zero_small=zero_small)

        return beta, effective_sample_size(beta(replay, None), replay_mask)

    def negatives(self, mask: Tensor) -> tuple[Batch, Tensor]:
        """Draw what each new task's transitions are told from, (tasks, rows, .), and say which rows count."""
        rows = mask.sum(dim=1, keepdim=True).long()  # (tasks, 1) transitions of the new tasks
        if self.recent is None:
            count = torch.arange(mask.shape[1], device=self.device) < rows
            return self.replayed(mask.shape[1]), count.to(mask.dtype)
        training_tasks = len(self.recent.counts)
        most = mask.shape[1] // training_tasks + 2
        batches = [self.replay.at(self.recent.sample(most, g).T.flatten()) for g in self.draws]
        each = rows // training_tasks + 2  # mql.py:159
        count = torch.arange(most * training_tasks, device=self.device) < each * training_tasks
        return stacked(batches), count.to(mask.dtype)

    def features(self, batch: Batch, actors: Tensor | None = None) -> Tensor:
        """Gather what the classifier reads: an actor's context, and the observation if it is to.

        Parameters
        ----------
        batch : (tasks, rows, .)
        actors : (tasks, parameters), each to read its own task's rows; None for the meta-trained actor.
        """
        with torch.no_grad():
            if actors is None:
                states: Tensor = self.networks.actor.context(batch.history.flatten(0, 1))
                context = states[:, -1].view(*batch.rewards.shape, -1)
            else:
                context = vmap(partial(_context, self.networks))(actors, batch.history)
        if not self.settings.propensity_reads_observations:
            return context
        return torch.cat([batch.observations, context], dim=2)

    def replayed(self, size: int) -> Batch:
        """Draw a batch of the replay for each task, with its own generator: (tasks, size, .)."""
        return stacked([self.replay.sample(size, generator) for generator in self.draws])


class Copies:
    """Copies of the meta-trained networks, one set a task, updated side by side and dropped afterwards."""

    def __init__(self, settings: MQLSettings, networks: Networks, tasks: int) -> None:
        self.settings, self.networks = settings, networks

        def stacked(flat: FlatParameters) -> FlatParameters:
            return FlatParameters(nn.ParameterList([nn.Parameter(flat.vector.repeat(tasks, 1))]))

        self.actor, self.target_actor = map(stacked, (networks.actor_parameters, networks.target_actor_parameters))
        self.critics, self.target_critics = map(
            stacked, (networks.critic_parameters, networks.target_critic_parameters)
        )
        rate = 1e-3 if "adaptation-rate-1e-3" in settings.as_published else settings.learning_rate
        self.actor_adam, self.critic_adam = Adam(rate, self.actor), Adam(rate, self.critics)

    @property
    def actors(self) -> Tensor:
        """The adapted actors, (tasks, parameters)."""
        return self.actor.parameters[0].detach()

    def update(self, batch: Batch, noise: Tensor, beta: Tensor, weight: Tensor, update: int) -> None:
        """Take one TD3 step in every task, with proximal weights (tasks,)."""
        settings, networks = self.settings, self.networks
        theta, psi = self.actor.parameters[0], self.critics.parameters[0]  # (tasks, parameters)
        target_theta, target_psi = self.target_actor.parameters[0], self.target_critics.parameters[0]

        def actor(vector: Tensor) -> Network:
            return adapted_actor(networks, vector)

        def critics(vector: Tensor) -> Network:
            return partial(_call, networks.critics, networks.critic_parameters.named(vector))

        def proximal(vectors: Tensor, meta: FlatParameters) -> Tensor:
            return (weight * (vectors - meta.vector).square().sum(dim=1)).sum()

        with torch.no_grad():
            y = vmap(lambda t, p, b, n: td3_target(actor(t), critics(p), b, n, settings.discount))(
                target_theta, target_psi, batch, noise
            )
        losses = vmap(lambda p, b, y, w: critic_loss(critics(p), b, y, w))(psi, batch, y, beta)
        self.critic_adam.step(losses.sum() + proximal(psi, networks.critic_parameters))
        if update % settings.policy_delay == 0:
            losses = vmap(lambda t, p, b, w: actor_loss(actor(t), critics(p), b, w))(theta, psi.detach(), batch, beta)
            self.actor_adam.step(losses.sum() + proximal(theta, networks.actor_parameters))
            self.target_actor.average(self.actor, settings.target_rate)
            self.target_critics.average(self.critics, settings.target_rate)


def target_noise(settings: MQLSettings, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw the clipped noise on target actions."""
    noise = torch.randn(tuple(shape), device=generator.device, generator=generator)
    return (settings.policy_noise * noise).clamp(-settings.noise_clip, settings.noise_clip)


def stacked(batches: Sequence[Batch]) -> Batch:
    """Put the batches of several tasks side by side."""
    return Batch(*(torch.stack(column) for column in zip(*batches, strict=True)))


def adapted_actor(networks: Networks, vector: Tensor) -> Network:
    """Return the actor with other parameters (parameters,)."""
    return partial(_call, networks.actor, networks.actor_parameters.named(vector))


def _call(module: nn.Module, parameters: dict[str, Tensor], *inputs: Tensor, **options: bool) -> Tensor:
    outputs: Tensor = functional_call(module, parameters, inputs, options)
    return outputs


def _context(networks: Networks, vector: Tensor, history: Tensor) -> Tensor:
    """Summarise histories (rows, history, .) by the context of an actor with other parameters."""
    named = networks.actor_parameters.named(vector)
    own = {name.removeprefix("context."): value for name, value in named.items() if name.startswith("context.")}
    return _call(networks.actor.context, own, history)[:, -1]
