"""Seconds of runs that compare: of one machine type, by one clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from suite.analysis.strata import common_environments

if TYPE_CHECKING:
    import pandas as pd


def of_one_machine(runs: pd.DataFrame, entries: Sequence[str]) -> pd.DataFrame:
    """Return the runs of the machine type that ran all entries on the most environments; none if there is no such.

    Where each of them computed on the processor alone and recorded how long that worked, `seconds_total` is that: what
    else the machine does delays a run, and adds much less to its processor seconds.

    Parameters
    ----------
    runs : rows of `Results.done`.

    Returns
    -------
    Rows with a further column `clock`: processor or wall.
    """
    best = runs.iloc[:0]
    most = (0, 0)
    for _, group in runs.groupby("machine", sort=True):
        shared = len(common_environments(group, list(entries)))
        if shared and (shared, len(group)) > most:
            best, most = group, (shared, len(group))
    return _by_one_clock(best)


def _by_one_clock(runs: pd.DataFrame) -> pd.DataFrame:
    recorded = len(runs) > 0 and bool(runs["processor_seconds"].notna().all())
    if recorded and runs["machine"].str.endswith(", cpu").all():
        return runs.assign(clock="processor", seconds_total=runs["processor_seconds"])
    return runs.assign(clock="wall")
