"""Runs of entries by environment: an array of seeds for each, on environments that all have finished."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from environments import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Incomplete = Collection[tuple[str, str]]
"""Entries, each with the environment, of which runs are lost: nothing is decided there."""


def strata(done: pd.DataFrame, entry: str, environments: list[str], column: str = "score") -> list[FloatArray]:
    """Return an entry's values in each environment, one array of seeds each."""
    of_entry = done[done["entry"] == entry]
    values = {environment: group.to_numpy(float) for environment, group in of_entry.groupby("environment")[column]}
    return [values[environment] for environment in environments]


def common_environments(done: pd.DataFrame, entries: list[str]) -> list[str]:
    """Return the environments in which every one of the entries has a finished run."""
    sets = [set(done.loc[done["entry"] == entry, "environment"]) for entry in entries]
    return sorted(set.intersection(*sets)) if sets else []


def tried_environments(done: pd.DataFrame, entries: list[str], incomplete: Incomplete) -> list[str]:
    """Return the environments in which every one of the entries has a finished or a lost run."""
    lost = [{environment for which, environment in incomplete if which == entry} for entry in entries]
    sets = [set(common_environments(done, [entry])) | each for entry, each in zip(entries, lost, strict=True)]
    return sorted(set.intersection(*sets)) if sets else []


def any_lost(entries: Iterable[str], environments: Collection[str], incomplete: Incomplete) -> bool:
    """Return whether an entry has lost runs: the finished ones alone would favour whoever fails."""
    return any((entry, environment) in incomplete for entry in entries for environment in environments)
