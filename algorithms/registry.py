"""The algorithms by name, and the settings that the papers print for them."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from algorithms.interface import Algorithm
from algorithms.maml_trpo import MAMLTRPO
from algorithms.mql import MQL
from algorithms.oracle_sac import BlindSAC, OracleSAC
from algorithms.pearl import PEARL
from algorithms.rl2_ppo import RL2PPO
from algorithms.tcl_mql import TCLMQL
from algorithms.tcl_pearl import TCLPEARL
from algorithms.tcl_rl2_ppo import TCLRL2PPO

ALGORITHMS: dict[str, type[Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (PEARL, TCLPEARL, MAMLTRPO, RL2PPO, TCLRL2PPO, MQL, TCLMQL, OracleSAC, BlindSAC)
}

PRESETS = Path(__file__).parent / "presets"


@cache
def _presets(algorithm: str) -> dict[str, dict[str, Any]]:
    path = PRESETS / f"{algorithm}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def paper_settings(algorithm: str, environment: str, kind: str) -> dict[str, Any]:
    """Return the settings printed for an algorithm on an environment.

    The settings class's defaults, overlaid by the preset of the environment's kind ("controls", "ml1", "toy") and then
    by that of the environment itself, from `presets/<algorithm>.yaml`. An algorithm that extends another starts from
    the other's presets.
    """
    settings = asdict(ALGORITHMS[algorithm].Settings())
    for ancestor in reversed(ALGORITHMS[algorithm].__mro__):
        if "name" in vars(ancestor):
            presets = _presets(vars(ancestor)["name"])
            settings |= presets.get(kind, {}) | presets.get(environment, {})
    return settings
