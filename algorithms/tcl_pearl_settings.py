"""Settings of PEARL with TCL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms.pearl_settings import PEARLDeclaration, PEARLSettings
from algorithms.tcl_settings import TCLSettings


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
