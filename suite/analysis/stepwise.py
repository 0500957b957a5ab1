"""Runs that were tested step by step: what they gain with every adaptation."""

from __future__ import annotations

import pandas as pd

from suite.analysis.intervals import mean_interval
from suite.store.record import ADAPTATIONS


def trained_returns(adaptations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `Results.adaptations` that are of a run's last evaluation."""
    return adaptations[
        adaptations["environment_steps"] == adaptations.groupby("run")["environment_steps"].transform("max")
    ]


def return_by_adaptations(adaptations: pd.DataFrame) -> pd.DataFrame:
    """Average the returns of trained agents over seeds.

    Parameters
    ----------
    adaptations : `Results.adaptations`.

    Returns
    -------
    One row an (environment, entry, number of adaptations): `seeds`, and `mean`, `low`, `high` of the return.
    """
    rows = []
    keys = ["environment", "entry", ADAPTATIONS]
    for group, returns in trained_returns(adaptations).groupby(keys, sort=True):
        rows.append((*group, len(returns), *mean_interval(returns["return"].to_numpy(float))))
    return pd.DataFrame(rows, columns=[*keys, "seeds", "mean", "low", "high"])
