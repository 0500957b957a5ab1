"""TCL-PEARL: PEARL whose context encoder also learns by trajectory contrastive learning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from algorithms.declaration import Problem
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Metrics, Stateful, Streams
from algorithms.pearl import PEARL, Inference
from algorithms.tcl import TrajectoryContrast, gradient_ratio, undrawn
from algorithms.tcl_settings import TCLPEARLDeclaration, TCLPEARLSettings


class TCLPEARL(TCLPEARLDeclaration, PEARL):
    """PEARL plus TCL."""

    settings: TCLPEARLSettings

    def __init__(self, settings: TCLPEARLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        self.contrast = TrajectoryContrast(settings, self.encoder, self.encoder_parameters, streams.for_updates(device))

    def encode_windows(self, encoder: nn.Module, rows: Tensor, mask: Tensor) -> DiagonalNormal:
        """Multiply the factors of a window's rows (Eq. 5)."""
        posterior: DiagonalNormal = encoder(self.context(rows), mask)
        return posterior

    def infer(self, tasks: Tensor) -> Inference:
        """Infer q(z|c) from a window of each task's context, and contrast it with a second window's."""
        queries, auxiliary = self.contrast(self.encode_windows, self.contexts, tasks, tasks)
        posterior = queries if self.settings.share_queries else super().infer(tasks).posterior
        auxiliary.metrics["query_variance"] = queries.std.detach().square().mean()
        return Inference(posterior, auxiliary)

    def update(self) -> dict[str, Tensor]:
        """PEARL's step, then the key encoder's."""
        metrics = super().update()
        self.contrast.update()
        return metrics

    def measured(self) -> Metrics:
        """Measure how much of the encoder's gradient is TCL's, in one more batch."""
        if not self.replay.used:
            return {}
        with undrawn(self.generator, self.contrast.generator):
            step = self.critic_step()
        host = step.q_loss + self.settings.kl_weight * step.kl
        return gradient_ratio(step.inference.auxiliary.loss, host, self.encoder_parameters)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {**super().parts, "contrast": self.contrast}
