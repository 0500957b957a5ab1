"""Runs of entries by environment: an array of seeds for each, on environments that all have finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environments import FloatArray

if TYPE_CHECKING:
    import pandas as pd


def strata(done: pd.DataFrame, entry: str, environments: list[str], column: str = "score") -> list[FloatArray]:
    """Return an entry's values in each environment, one array of seeds each."""
    of_entry = done[done["entry"] == entry]
    values = {environment: group.to_numpy(float) for environment, group in of_entry.groupby("environment")[column]}
    return [values[environment] for environment in environments]


def common_environments(done: pd.DataFrame, entries: list[str]) -> list[str]:
    """Return the environments in which every one of the entries has a finished run."""
    sets = [set(done.loc[done["entry"] == entry, "environment"]) for entry in entries]
    return sorted(set.intersection(*sets)) if sets else []
