"""The benchmark file that a search writes, which says at its head how its settings were found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from algorithms import ENTRANTS
from suite.analysis.tuned import Found
from suite.errors import UsageError, in_one_line
from suite.plain_yaml import write_yaml
from suite.plan.benchmark import Benchmark, Entry, Group
from suite.store.files import write_atomically
from suite.table import MISSING, number

BEGINNING = "# Written by `suite tune"
"""The first words of every such file."""

LONGEST_NAME = 60
"""Most characters of a name, as in `suite.plan.benchmark.Label`."""


def check_place(path: Path) -> None:
    """Make sure that a benchmark can be written there, and that nothing else is lost.

    Raises
    ------
    UsageError
        If there is a file that no search wrote, or no such folder.
    """
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"--out {path}: is a folder")
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(BEGINNING):
        raise UsageError(f"--out {path}: is there already, and was written by no search; give another name")


def write_tuned(path: Path, benchmark: Benchmark, found: Sequence[Found], how: str) -> Path:
    """Write a benchmark with what was found for its entries.

    Parameters
    ----------
    how : the command, and what else is worth knowing, in lines.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    text = "".join(f"# {in_one_line(line)}\n" for line in [*how.splitlines(), *map(_told, found)])
    text += write_yaml(tuned(benchmark, found, path.parent))
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be written ({error.strerror})") from error
    return path


def _told(found: Found) -> str:
    """Say in a line what was found for an entry."""
    where = ", ".join(found.serves) if len(found.serves) > 1 else found.environment
    place = f"{where} (searched on {found.environment})" if len(found.serves) > 1 else where
    heirs = f"; so has {', '.join(found.heirs)}" if found.heirs else ""
    if found.best is None:
        return f"{place}: {found.entry}: no trial has a score: as it was{heirs}"
    best, own = (MISSING if score is None else number(score) for score in (found.best.score, found.trials[0].score))
    of = f"trial {found.best.number} of {len(found.trials)}"
    return f"{place}: {found.entry}: {of}, score {best} (trial 0, as it was: {own}){heirs}"


def tuned(benchmark: Benchmark, found: Sequence[Found], folder: Path) -> dict[str, Any]:
    """Return a benchmark with what was found, as a value that YAML holds.

    A group whose environments were searched one by one becomes a group for each.

    Parameters
    ----------
    folder : where it will lie: its user modules are named from there.
    """
    name = f"{benchmark.name}-tuned"
    written: dict[str, Any] = {
        "name": name if len(name) <= LONGEST_NAME else benchmark.name,
        "description": benchmark.description,
        "groups": [
            piece
            for number, group in enumerate(benchmark.groups)
            for piece in _pieces(group, [each for each in found if each.group == number])
        ],
    }
    if benchmark.modules:
        written["modules"] = [
            os.path.relpath(benchmark.folder / module, folder.resolve()) if module.endswith(".py") else module
            for module in benchmark.modules
        ]
    return written | benchmark.model_dump(mode="json", exclude_unset=True, exclude={*written, "groups", "modules"})


def _pieces(group: Group, found: Sequence[Found]) -> list[dict[str, Any]]:
    together = group.tune is not None and group.tune.environment is not None
    places = [group.environments] if together else [[environment] for environment in group.environments]
    rest = group.model_dump(mode="json", exclude_unset=True, exclude={"environments", "seeds", "tune"})
    seeds = group.seeds if isinstance(group.seeds, list) else group.seeds.model_dump()
    pieces = []
    for environments in places:
        piece = {"environments": environments, "seeds": seeds, **rest}
        here = {
            label: each
            for each in found
            if list(each.serves) == environments
            for label in (each.entry, *each.heirs)
            if label in group.algorithms
        }
        piece["algorithms"] = {
            label: _entry(label, entry or Entry(), group.algorithms_by_label[label], here.get(label))
            for label, entry in group.algorithms.items()
        }
        pieces.append(piece)
    return pieces


def _entry(label: str, entry: Entry, algorithm: str, found: Found | None) -> dict[str, Any]:
    """Return an entry with the values of the best trial that are settings of its algorithm.

    One that inherits keeps what it says otherwise than its host: without that it would be no entry of its own.
    """
    written = entry.model_dump(mode="json", exclude_unset=True)
    if found is not None and found.best is not None and (found.best.number or found.heirs):
        known = {field.name for field in fields(ENTRANTS[algorithm].Settings)}
        if label != found.entry:
            known -= {name for name, value in entry.settings.items() if value != found.own.get(name)}
        values = {name: value for name, value in found.best.values.items() if name in known}
        written["settings"] = {**entry.settings, **values}
    return written
