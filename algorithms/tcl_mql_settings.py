"""Settings of meta-Q-learning with TCL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from algorithms.declaration import Count, Weight
from algorithms.mql_settings import MQLDeclaration, MQLSettings
from algorithms.tcl_settings import TCLSettings


@dataclass(frozen=True)
class TCLMQLSettings(TCLSettings, MQLSettings):
    """MQL's settings and those of TCL."""

    window: Count = 10
    """As long as the history that MQL's context reads (Table 6), so that it learns on what it is used for."""
    actor_scale: Weight = 0.001
    """Weight of the actor's contrastive loss, times `contrastive_scale`: TCL's share of the gradient is as PEARL's.

    Measured; see docs/algorithms/tcl.md.
    """
    critics_scale: Weight = 0.03
    """Weight of the critics' contrastive loss, likewise."""
    trajectories: Count = 16
    """N of Eq. 8; Table 7's meta-batch size, as MQL's updates have no tasks of their own."""
    contrasted: Literal["actor", "critics", "both"] = "both"
    """The context that learns by TCL: the actor's, which also distinguishes tasks at meta-test, or the critics'."""


class TCLMQLDeclaration(MQLDeclaration):
    """Meta-Q-learning plus TCL."""

    implementation: ClassVar[str] = "algorithms.tcl_mql:TCLMQL"
    name: ClassVar[str] = "tcl-mql"
    host: ClassVar[str | None] = "mql"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = TCLMQLSettings
