"""External results: drawn beside ours, listed with why each does or does not compare, never judged or averaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from environments import family_names
from suite.errors import UsageError, unknown
from suite.papers.folder import Folder, exact, inside, read_csv

COLUMNS = (
    "source",
    "entry",
    "environment",
    "environment_steps",
    "return",
    "seeds",
    "protocol",
    "comparable",
    "why",
)
Comparable = Literal["yes", "partly", "no"]


@dataclass(frozen=True)
class ReferenceRun:
    """A return that somebody else reports."""

    source: str
    entry: str
    environment: str
    environment_steps: int | None
    """None where it is not said."""
    value: float
    """The return, as our environments give it."""
    seeds: int
    protocol: str
    comparable: Comparable
    why: str


def read_reference(paper: Folder) -> list[ReferenceRun]:
    """Read `reference/*.csv`; a paper may have none.

    Raises
    ------
    UsageError
        If a file has other columns, names an unknown environment, or holds text where a number belongs.
    """
    folder = paper.folder / "reference"
    names = sorted(path.name for path in folder.glob("*.csv")) if folder.is_dir() else []
    return [run for name in names for run in _read(inside(paper.folder, f"reference/{name}"))]


def _read(path: Path) -> list[ReferenceRun]:
    heading, *body = read_csv(path)
    if tuple(heading) != COLUMNS:
        raise UsageError(f"paper file {path}: columns {', '.join(heading)}: must be {', '.join(COLUMNS)}")
    found = []
    for number, line in enumerate(body, start=2):
        row = dict(zip(COLUMNS, line, strict=True))
        where = f"paper file {path}: line {number}"
        if row["environment"] not in family_names():
            raise UsageError(f"{where}: {unknown('environment', row['environment'], family_names())}")
        if row["comparable"] not in ("yes", "partly", "no"):
            raise UsageError(f"{where}: {unknown('comparable', row['comparable'], ('yes', 'partly', 'no'))}")
        steps = row["environment_steps"]
        found.append(
            ReferenceRun(
                row["source"],
                row["entry"],
                row["environment"],
                _whole(f"{where}: environment_steps", steps) if steps else None,
                _number(f"{where}: return", row["return"]),
                _whole(f"{where}: seeds", row["seeds"]),
                row["protocol"],
                row["comparable"],  # type: ignore[arg-type]
                row["why"],
            )
        )
    return found


def _number(what: str, text: str) -> float:
    try:
        return float(exact(text))
    except ValueError:
        raise UsageError(f"{what}: {text!r}: must be a number") from None


def _whole(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{what}: {text!r}: must be a whole number")
    return int(text)
