"""Settings of RL2-PPO with TCL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms.declaration import Weight
from algorithms.rl2_ppo_settings import RL2PPODeclaration, RL2PPOSettings
from algorithms.tcl_settings import TCLSettings


@dataclass(frozen=True)
class TCLRL2PPOSettings(TCLSettings, RL2PPOSettings):
    """RL2-PPO's settings and those of TCL."""

    policy_scale: Weight = 0.003
    """Of the contrastive loss, times `contrastive_scale`: TCL's share of the gradient is then as in PEARL's encoder.

    Measured; see docs/algorithms/tcl.md.
    """


class TCLRL2PPODeclaration(RL2PPODeclaration):
    """RL2-PPO plus TCL."""

    implementation: ClassVar[str] = "algorithms.tcl_rl2_ppo:TCLRL2PPO"
    name: ClassVar[str] = "tcl-rl2-ppo"
    host: ClassVar[str | None] = "rl2-ppo"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = TCLRL2PPOSettings
