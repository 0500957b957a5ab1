"""The power of three seeds for a paper's claims if its print is true, as `python -m studies.calibration` found it."""

from __future__ import annotations

from dataclasses import dataclass

from suite.errors import UsageError
from suite.papers.folder import Folder, exact, inside, read_csv

FILE = "power.csv"
COLUMNS = ("claim", "assumed", "deviation", "decided", "seeds")


@dataclass(frozen=True)
class Power:
    """The power of a claim: how often it is decided for its own side."""

    claim: str
    assumed: str
    """The source of the true values."""
    deviation: float
    """Standard deviation of runs over seeds, as a share of their mean."""
    decided: float
    """Share of trials with three seeds."""
    seeds: int | None
    """The fewest tried that decide in 80 % of trials; None if none does."""


def read_power(paper: Folder) -> list[Power]:
    """Read `power.csv`; a paper may have none.

    Raises
    ------
    UsageError
        If it has other columns, or text where a number belongs.
    """
    if not (paper.folder / FILE).exists():
        return []
    path = inside(paper.folder, FILE)
    heading, *body = read_csv(path)
    if tuple(heading) != COLUMNS:
        raise UsageError(f"paper file {path}: columns {', '.join(heading)}: must be {', '.join(COLUMNS)}")
    found = []
    for number, (claim, assumed, *numbers) in enumerate(body, start=2):
        try:
            deviation, decided, seeds = (float(exact(text)) if text else None for text in numbers)
        except ValueError:
            raise UsageError(f"paper file {path}: line {number}: {numbers}: must be numbers") from None
        if deviation is None or decided is None:
            raise UsageError(f"paper file {path}: line {number}: {numbers}: only the last may be missing")
        found.append(Power(claim, assumed, deviation, decided, None if seeds is None else int(seeds)))
    return found
