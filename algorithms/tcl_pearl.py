"""TCL-PEARL: PEARL whose context encoder also learns by trajectory contrastive learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.context import Auxiliary
from algorithms.interface import Count, Fraction, Problem, Stateful, Streams, Weight
from algorithms.pearl import PEARL, Inference, PEARLSettings
from algorithms.tcl import Crops, KeyEncoder, Temperature, contrast, sample_windows


@dataclass(frozen=True)
class TCLPEARLSettings(PEARLSettings):
    """PEARL's settings and those of TCL; the defaults are the paper's for Meta-World."""

    window: Count = 64
    """Table 8, trajectory augmentation window size W."""
    crops: Crops = "window"
    """Appendix C.3: windows did better than random rows of the trajectory."""
    temperature: Temperature = 1.0
    """Table 8, contrastive loss temperature."""
    contrastive_scale: Weight = 1.0
    """Table 4 for the MuJoCo Controls; not printed for Meta-World."""
    momentum: Fraction = 0.005
    """Appendix C.1; weighs the query encoder, as in CURL, which the paper follows."""
    momentum_as_printed: bool = False
    """True: phi_k <- m phi_k + (1 - m) phi_q as in Algorithm 2, line 16, which replaces the keys almost wholly."""
    share_queries: bool = True
    """The query posterior is also the context of PEARL's losses (section 4.3, item 2); False keeps random rows."""


class TCLPEARL(PEARL):
    """PEARL plus TCL."""

    name: ClassVar[str] = "tcl-pearl"
    revision: ClassVar[int] = 2
    Settings: ClassVar[type[Any]] = TCLPEARLSettings
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
