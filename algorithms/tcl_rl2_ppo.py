"""TCL-RL2-PPO: RL2-PPO whose recurrent policy also learns by trajectory contrastive learning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Metrics, Stateful, Streams
from algorithms.rl2_ppo import RL2PPO, Minibatch
from algorithms.tcl import TrajectoryContrast, gradient_ratio, last_state, undrawn
from algorithms.tcl_settings import TCLRL2PPODeclaration, TCLRL2PPOSettings


class TCLRL2PPO(TCLRL2PPODeclaration, RL2PPO):
    """RL2-PPO plus TCL."""

    settings: TCLRL2PPOSettings

    def __init__(self, settings: TCLRL2PPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        encoder, parameters = self.policy.gru, self.policy_parameters.part("gru")
        self.contrast = TrajectoryContrast(
            settings, encoder, parameters, streams.for_updates(device), settings.policy_scale
        )
        self.last: Minibatch | None = None
        """Metrics of the updates made since the run was taken up."""

    def auxiliary(self, batch: Minibatch) -> Auxiliary:
        """Contrast two windows of one episode of each trial of the minibatch."""
        inputs = batch.x.flatten(0, 1)

        def encode_windows(encoder: nn.Module, rows: Tensor, mask: Tensor) -> DiagonalNormal:
            return last_state(encoder(inputs[rows]), mask)

        trials = torch.arange(len(batch.x), device=self.device)
        _, auxiliary = self.contrast(encode_windows, batch.episodes, trials, batch.tasks)
        return auxiliary

    def update(self, batch: Minibatch) -> dict[str, Tensor]:
        """RL2-PPO's step, then the key encoder's."""
        metrics = super().update(batch)
        self.contrast.update()
        self.last = batch
        return metrics

    def measured(self) -> Metrics:
        """Measure how much of the recurrent network's gradient is TCL's, in the last minibatch."""
        if self.last is None:
            return {}
        losses, _ = self.losses(self.last)
        with undrawn(self.contrast.generator):
            auxiliary = self.auxiliary(self.last)
        return gradient_ratio(auxiliary.loss, torch.stack([*losses.values()]).sum(), self.contrast.query_parameters)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {**super().parts, "contrast": self.contrast}
