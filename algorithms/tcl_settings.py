"""Settings of trajectory contrastive learning with any host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from algorithms.declaration import Count, Fraction, Weight

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
