"""The algorithms by name, and the settings that the papers print for them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from algorithms.declaration import Declaration
from algorithms.maml_trpo_settings import MAMLTRPODeclaration
from algorithms.mql_settings import MQLDeclaration
from algorithms.oracle_sac_settings import BlindSACDeclaration, OracleSACDeclaration
from algorithms.oracle_trpo_settings import OracleTRPODeclaration
from algorithms.pearl_settings import PEARLDeclaration
from algorithms.peers.declarations import (
    GarageMAMLDeclaration,
    GarageMTSACDeclaration,
    GaragePEARLDeclaration,
    GarageRL2Declaration,
)
from algorithms.rl2_ppo_settings import RL2PPODeclaration
from algorithms.tcl_settings import TCLMQLDeclaration, TCLPEARLDeclaration, TCLRL2PPODeclaration

if TYPE_CHECKING:
    from algorithms.interface import Algorithm

ALGORITHMS: dict[str, type[Declaration]] = {
    declaration.name: declaration
    for declaration in (
        PEARLDeclaration,
        TCLPEARLDeclaration,
        MAMLTRPODeclaration,
        RL2PPODeclaration,
        TCLRL2PPODeclaration,
        MQLDeclaration,
        TCLMQLDeclaration,
        OracleSACDeclaration,
        BlindSACDeclaration,
        OracleTRPODeclaration,
    )
}
"""Return the declarations of the algorithms; `load_algorithm` gives the algorithms themselves."""

PEERS: dict[str, type[Declaration]] = {
    declaration.name: declaration
    for declaration in (GaragePEARLDeclaration, GarageMAMLDeclaration, GarageRL2Declaration, GarageMTSACDeclaration)
}
"""Published implementations, each in an environment of its own: they cannot go on from a checkpoint."""

ENTRANTS: Mapping[str, type[Declaration]] = ChainMap(ALGORITHMS, PEERS)
"""All that a benchmark may name."""

PRESETS = Path(__file__).parent / "presets"


def register_algorithm(algorithm: type[Declaration]) -> None:
    """Take up an algorithm, or its declaration, beside those that come with the suite.

    Raises
    ------
    ValueError
        If there is one of this name already.
    """
    if ENTRANTS.get(algorithm.name, algorithm) is not algorithm:
        raise ValueError(f"there is another algorithm of the name {algorithm.name!r}")
    ALGORITHMS[algorithm.name] = algorithm


def load_algorithm(name: str) -> type[Algorithm]:
    """Import an algorithm, and torch with it."""
    declaration = ENTRANTS[name]
    where = vars(declaration).get("implementation")
    if where is None:
        return cast("type[Algorithm]", declaration)
    module, _, implementation = where.partition(":")
    return cast("type[Algorithm]", getattr(import_module(module), implementation))


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
    settings = asdict(ENTRANTS[algorithm].Settings())
    for ancestor in reversed(ENTRANTS[algorithm].__mro__):
        if "name" in vars(ancestor):
            presets = _presets(vars(ancestor)["name"])
            settings |= deepcopy(presets.get(kind, {}) | presets.get(environment, {}))
    return settings
