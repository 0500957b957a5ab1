"""Imports run one way: from the page down to the ground floor, and never round in a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import suite

PACKAGE = Path(suite.__file__).parent
ROOT = PACKAGE.parent

WINGS = ("store", "plan", "run", "inspect", "analysis", "papers", "console", "execute", "report")
"""In the order of CONTRIBUTING.md: each may import from those before it."""

GROUND = ("errors", "failures", "plain_yaml", "spec", "table", "versions")
"""Values, which every wing may use, and which know no wing."""


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


def wing(module: str) -> str:
    """Return the wing of a module of `suite`, or its own name on the ground floor and above all wings."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_module_stands_in_a_wing_or_on_the_ground_floor() -> None:
    here = {wing(name) for name in MODULES if name.startswith("suite.")}
    assert here == {*WINGS, *GROUND, "cli", "__main__"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    for other in imported(MODULES[name]):
        package, theirs = name.split(".")[0], other.split(".")[0]
        if package != "suite":
            assert theirs != "suite", f"{name} imports {other}"
            assert not (package == "environments" and theirs == "algorithms"), f"{name} imports {other}"
        elif theirs == "suite" and wing(other) and wing(name) not in ("", "cli", "__main__"):
            mine, its = wing(name), wing(other)
            if mine in GROUND:
                assert its in GROUND, f"{name} imports {other}"
            elif its not in GROUND:
                assert WINGS.index(its) <= WINGS.index(mine), f"{name} imports {other}"


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        name: {other for other in imported(path) if other != name and not name.startswith(f"{other}.")}
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()


def test_no_two_modules_of_the_suite_share_a_name() -> None:
    seen: dict[str, str] = {}
    for name in MODULES:
        last = name.split(".")[-1]
        if name.startswith("suite.") and last != "__main__":
            assert seen.setdefault(last, name) == name, f"{name} and {seen[last]}"
