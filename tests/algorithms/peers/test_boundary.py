"""garage's side stands alone: it runs where nothing of ours is installed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from algorithms import PEERS
from algorithms.peers import garage
from algorithms.peers.garage_process import wire

MODULES = sorted(garage.PROGRAM.glob("*.py"))
OURS = sorted(path for folder in ("algorithms", "suite") for path in (garage.ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return what a module imports from elsewhere than beside it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_garages_side_imports_nothing_of_ours(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & {"algorithms", "environments", "suite", "tests"}


def test_our_side_shares_the_messages_alone() -> None:
    shared = {
        name
        for path in OURS
        if path.parent != garage.PROGRAM
        for name in imported(path)
        if name.startswith(f"{garage.__name__.rpartition('.')[0]}.garage_process")
    }
    assert shared == {wire.__name__}


def test_what_may_be_asked_for_is_what_the_process_knows() -> None:
    tree = ast.parse((garage.PROGRAM / "serve.py").read_text())
    (known,) = (
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ENTRANTS"
    )
    assert {declaration.peer for declaration in PEERS.values()} == known.keys()  # type: ignore[attr-defined]
    assert {f"{module}.py" for module, _ in known.values()} <= {path.name for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nothing_is_unpickled(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & {"pickle", "cloudpickle", "shelve", "marshal"}
    assert "allow_pickle" not in path.read_text()
