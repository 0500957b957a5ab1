"""TCL-RL2-PPO: RL2-PPO whose recurrent policy also learns by trajectory contrastive learning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Stateful, Streams
from algorithms.rl2_ppo import RL2PPO, Minibatch
from algorithms.tcl import TrajectoryContrast, last_state
from algorithms.tcl_rl2_ppo_settings import TCLRL2PPODeclaration, TCLRL2PPOSettings


class TCLRL2PPO(TCLRL2PPODeclaration, RL2PPO):
    """RL2-PPO plus TCL."""

    settings: TCLRL2PPOSettings

    def __init__(self, settings: TCLRL2PPOSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        encoder, parameters = self.policy.gru, self.policy_parameters.part("gru")
        self.contrast = TrajectoryContrast(settings, encoder, parameters, streams.for_updates(device))

    def auxiliary(self, batch: Minibatch) -> Auxiliary:
        """Contrast two windows of one episode of each trial of the minibatch."""
        inputs = batch.x.flatten(0, 1)

        def encode_windows(encoder: nn.Module, rows: Tensor, present: Tensor) -> DiagonalNormal:
            return last_state(encoder(inputs[rows]), present)

        trials = torch.arange(len(batch.x), device=self.device)
        _, auxiliary = self.contrast(encode_windows, batch.episodes, trials, batch.tasks)
        return auxiliary

    def update(self, batch: Minibatch) -> dict[str, Tensor]:
        """RL2-PPO's step, then the key encoder's."""
        metrics = super().update(batch)
        self.contrast.update()
        return metrics

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {**super().parts, "contrast": self.contrast}
