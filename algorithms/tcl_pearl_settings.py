"""Settings that TCL adds to PEARL's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms.declaration import Count, Fraction, Weight
from algorithms.pearl_settings import PEARLDeclaration, PEARLSettings
from algorithms.tcl_settings import Crops, Temperature


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


class TCLPEARLDeclaration(PEARLDeclaration):
    """PEARL plus TCL."""

    implementation: ClassVar[str] = "algorithms.tcl_pearl:TCLPEARL"
    name: ClassVar[str] = "tcl-pearl"
    revision: ClassVar[int] = 3
    Settings: ClassVar[type[Any]] = TCLPEARLSettings
