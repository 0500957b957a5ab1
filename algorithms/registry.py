"""The algorithms by name."""

from __future__ import annotations

from algorithms.interface import Algorithm
from algorithms.pearl import PEARL
from algorithms.tcl_pearl import TCLPEARL

ALGORITHMS: dict[str, type[Algorithm]] = {algorithm.name: algorithm for algorithm in (PEARL, TCLPEARL)}
