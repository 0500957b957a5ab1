"""TCL-MQL: meta-Q-learning whose recurrent contexts also learn by trajectory contrastive learning."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Episodes, Metrics, Stateful, Streams
from algorithms.mql import MQL
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable
from algorithms.tcl import TrajectoryContrast, gradient_ratio, last_state, undrawn
from algorithms.tcl_settings import TCLMQLDeclaration, TCLMQLSettings
from environments import FloatArray

Network = Literal["actor", "critics"]


class TCLMQL(TCLMQLDeclaration, MQL):
    """Meta-Q-learning plus TCL."""

    settings: TCLMQLSettings

    def __init__(self, settings: TCLMQLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        self.episodes = EpisodeTable(problem.train_tasks, device)
        networks = self.networks
        contexts: dict[Network, tuple[nn.Module, FlatParameters]] = {
            "actor": (networks.actor.context, networks.actor_parameters.part("context")),
            "critics": (networks.critics.context, networks.critic_parameters.part("context")),
        }
        scales: dict[Network, float] = {"actor": settings.actor_scale, "critics": settings.critics_scale}
        self.contrasts: dict[Network, TrajectoryContrast] = {
            name: TrajectoryContrast(settings, encoder, parameters, streams.for_updates(device), scales[name])
            for name, (encoder, parameters) in contexts.items()
            if settings.contrasted in (name, "both")
        }

    def store(self, episodes: Episodes, first_actions: FloatArray | None) -> list[int]:
        """Keep some episodes, and which task they belong to."""
        starts = super().store(episodes, first_actions)
        self.episodes.append(episodes, starts)
        return starts

    def encode_windows(self, encoder: nn.Module, rows: Tensor, mask: Tensor) -> DiagonalNormal:
        """Read (observation, action, reward) of a window in order, from a zero state."""
        steps = self.replay.steps.context(rows, reward_scale=1.0, next_observations=False)
        return last_state(encoder(steps), mask)

    def auxiliary(self, network: Network) -> Auxiliary:
        """Contrast windows of episodes in some tasks, drawn with replacement."""
        if network not in self.contrasts:
            return super().auxiliary(network)
        contrast = self.contrasts[network]
        tasks = torch.randint(
            self.problem.train_tasks, (self.settings.trajectories,), device=self.device, generator=contrast.generator
        )
        _, auxiliary = contrast(self.encode_windows, self.episodes, tasks, tasks)
        return auxiliary._replace(metrics={f"{network}_{name}": value for name, value in auxiliary.metrics.items()})

    def update(self) -> dict[str, Tensor]:
        """MQL's step, then that of the key encoders whose query encoders have taken one."""
        metrics = super().update()
        for network, contrast in self.contrasts.items():
            if f"{network}_contrastive_loss" in metrics:
                contrast.update()
        return metrics

    def measured(self) -> Metrics:
        """Measure how much of each context's gradient is TCL's, in one more batch."""
        if not self.warm:
            return {}
        found: Metrics = {}
        with undrawn(self.generator, *(contrast.generator for contrast in self.contrasts.values())):
            batch = self.replay.sample(self.settings.batch, self.generator)
            for network, contrast in self.contrasts.items():
                host = self.actor_loss(batch) if network == "actor" else self.critic_loss(batch)
                ratio = gradient_ratio(self.auxiliary(network).loss, host, contrast.query_parameters)
                found |= {f"{network}_{name}": value for name, value in ratio.items()}
        return found

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        contrasts = {f"{network}_contrast": contrast for network, contrast in self.contrasts.items()}
        return {**super().parts, "episodes": self.episodes, **contrasts}
