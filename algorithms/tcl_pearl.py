"""TCL-PEARL: PEARL whose context encoder also learns by trajectory contrastive learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from algorithms.context import Auxiliary
from algorithms.declaration import Problem
from algorithms.interface import Stateful, Streams
from algorithms.pearl import PEARL, Inference
from algorithms.tcl import KeyEncoder, contrast, sample_windows
from algorithms.tcl_pearl_settings import TCLPEARLDeclaration, TCLPEARLSettings


class TCLPEARL(TCLPEARLDeclaration, PEARL):
    """PEARL plus TCL."""

    renamed: ClassVar[Mapping[str, str]] = {**PEARL.renamed, "phi_k": "key_encoder"}
    settings: TCLPEARLSettings

    def __init__(self, settings: TCLPEARLSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        query_weight = 1.0 - settings.momentum if settings.momentum_as_printed else settings.momentum
        self.key_encoder = KeyEncoder(self.encoder, self.encoder_parameters, query_weight=query_weight)

    def infer(self, tasks: Tensor) -> Inference:
        """Infer q(z|c) from a window of each task's context, and contrast it with a second window's."""
        settings = self.settings
        windows = sample_windows(self.contexts, tasks, settings.window, self.generator, settings.crops)
        queries = self.encoder(self.context(windows.queries), windows.present)
        with torch.no_grad():
            keys = self.key_encoder.encoder(self.context(windows.keys), windows.present)
        loss, accuracy = contrast(queries, keys, windows.valid, settings.temperature)
        posterior = queries if settings.share_queries else super().infer(tasks).posterior
        pairs = (windows.valid[:, None] & windows.valid[None, :]).fill_diagonal_(fill_value=False)
        same_task = pairs & (tasks[:, None] == tasks[None, :])
        metrics = {
            "contrastive_loss": loss.detach(),
            "contrastive_accuracy": accuracy,
            "query_variance": queries.deviations.detach().square().mean(),
            "same_task_negatives": same_task.sum() / pairs.sum().clamp(min=1),
            **windows.shares(),
        }
        return Inference(posterior, Auxiliary(settings.contrastive_scale * loss, metrics))

    def update(self) -> dict[str, Tensor]:
        """PEARL's step, then the key encoder's."""
        metrics = super().update()
        self.key_encoder.update()
        return metrics

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {**super().parts, "key_encoder": self.key_encoder.parameters}
