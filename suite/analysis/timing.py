"""Seconds of runs that compare: of one machine type, by one clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from suite.analysis.strata import common_environments

if TYPE_CHECKING:
    import pandas as pd


def timed_alike(runs: pd.DataFrame, entries: Sequence[str]) -> pd.DataFrame:
    """Return the runs of the machine type that ran all entries on the most environments, with seconds that compare.

    The seconds that the processor worked, on environments where all of these runs recorded them: what else the machine
    does delays a run, and adds much less to them. Else those that passed.

    Parameters
    ----------
    runs : rows of `Results.done`.

    Returns
    -------
    Rows of the environments that all entries ran on, none if no machine type did; further columns are `clock`
    (processor or wall) and `seconds`.
    """
    best = runs.iloc[:0]
    most = (0, 0)
    for _, group in runs.groupby("machine", sort=True):
        shared = group[group["environment"].isin(common_environments(group, list(entries)))]
        size = shared["environment"].nunique(), len(shared)
        if size > most:
            best, most = shared, size
    recorded = best["processor_seconds"].notna().groupby(best["environment"]).transform("all").astype(bool)
    return best.assign(
        clock=np.where(recorded, "processor", "wall"),
        seconds=best["processor_seconds"].where(recorded, best["seconds_total"]),
    )
