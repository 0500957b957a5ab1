"""Imports run one way: a layer imports only layers below it, and no module imports itself through others."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import suite

PACKAGE = Path(suite.__file__).parent
ROOT = PACKAGE.parent

LAYERS = (
    "store",
    "plan",
    "training",
    "inspect",
    "analysis",
    "papers",
    "console",
    "execute",
    "report",
    "session",
    "tuning",
    "cli",
)
"""In the order of CONTRIBUTING.md, the lowest first: each may import those before it."""

BASE = (
    "characters",
    "docstrings",
    "durations",
    "errors",
    "failures",
    "plain_yaml",
    "schema",
    "spec",
    "table",
    "versions",
)
"""Values that every layer may use; they import no layer."""


def modules() -> dict[str, Path]:
    """Return every module of `suite`, `algorithms` and `environments` by its dotted name."""
    found = {}
    for package in ("suite", "algorithms", "environments"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """Return the project's modules that a module imports, wherever in it that is, but for type checkers alone."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
            names.add(node.module)
    return names & MODULES.keys()


def layer(module: str) -> str:
    """Return the layer of a module of `suite`, or its own name in the base and above all layers."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_module_belongs_to_a_layer_or_to_the_base() -> None:
    here = {layer(name) for name in MODULES if name.startswith("suite.")}
    assert here == {*LAYERS, *BASE, "__main__"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    for other in imported(MODULES[name]):
        package, theirs = name.split(".")[0], other.split(".")[0]
        if package != "suite":
            assert theirs != "suite", f"{name} imports {other}"
            assert not (package == "environments" and theirs == "algorithms"), f"{name} imports {other}"
        elif theirs != "suite":
            assert layer(name) not in BASE, f"{name} imports {other}"
        elif layer(other) and layer(name) not in ("", "__main__"):
            mine, its = layer(name), layer(other)
            if mine in BASE:
                assert its in BASE, f"{name} imports {other}"
            elif its not in BASE:
                assert LAYERS.index(its) <= LAYERS.index(mine), f"{name} imports {other}"


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        name: {other for other in imported(path) if other != name and not name.startswith(f"{other}.")}
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()
