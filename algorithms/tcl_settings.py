"""Settings of trajectory contrastive learning, and of each of its hosts with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from algorithms.declaration import Count, Fraction, Weight
from algorithms.mql_settings import MQLDeclaration, MQLSettings
from algorithms.pearl_settings import PEARLDeclaration, PEARLSettings
from algorithms.rl2_ppo_settings import RL2PPODeclaration, RL2PPOSettings

Crops = Literal["window", "rows"]

Temperature = Annotated[float, Field(ge=1e-3, le=1e3)]
"""Divides similarities, which are squared distances: far below, their exponentials are all 0 or 1."""


@dataclass(frozen=True)
class TCLSettings:
    """Settings of TCL with any host; the defaults are the TCL-PEARL paper's for Meta-World."""

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


@dataclass(frozen=True)
class TCLPEARLSettings(TCLSettings, PEARLSettings):
    """PEARL's settings and those of TCL; the defaults are the paper's for Meta-World."""

    share_queries: bool = True
    """The query posterior is also the context of PEARL's losses (section 4.3, item 2); False keeps random rows."""


class TCLPEARLDeclaration(PEARLDeclaration):
    """PEARL plus TCL."""

    implementation: ClassVar[str] = "algorithms.tcl_pearl:TCLPEARL"
    name: ClassVar[str] = "tcl-pearl"
    host: ClassVar[str | None] = "pearl"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = TCLPEARLSettings


@dataclass(frozen=True)
class TCLMQLSettings(TCLSettings, MQLSettings):
    """MQL's settings and those of TCL."""

    window: Count = 10
    """Length of the history that MQL's context reads (Table 6), so that it learns on what it is used for."""
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


@dataclass(frozen=True)
class TCLRL2PPOSettings(TCLSettings, RL2PPOSettings):
    """RL2-PPO's settings and those of TCL."""

    policy_scale: Weight = 0.003
    """Weight of the contrastive loss, times `contrastive_scale`: TCL's share of the gradient is as in PEARL's encoder.

    Measured; see docs/algorithms/tcl.md.
    """


class TCLRL2PPODeclaration(RL2PPODeclaration):
    """RL2-PPO plus TCL."""

    implementation: ClassVar[str] = "algorithms.tcl_rl2_ppo:TCLRL2PPO"
    name: ClassVar[str] = "tcl-rl2-ppo"
    host: ClassVar[str | None] = "rl2-ppo"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = TCLRL2PPOSettings
