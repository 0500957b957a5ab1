"""Metrics beside the return: the success rate, and what algorithms and task families declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from suite.analysis.intervals import mean_interval

SUCCESS = "success"
METRIC_COLUMNS = ("run", "entry", "environment", "seed", "environment_steps", "metric", "value")


def declared(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return the metrics that a run's algorithm and family declared when it ran: name -> what it is, in words."""
    said = provenance.get("metrics")
    return {str(name): str(words) for name, words in said.items()} if isinstance(said, Mapping) else {}


def metric_rows(curve: pd.DataFrame, training: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a run's metrics: one row an evaluation and metric, with `environment_steps`, `metric` and `value`.

    Parameters
    ----------
    curve : one row an evaluation: the means of what was measured in its episodes.
    training : one row an evaluation: what the algorithm measured.
    names : what was declared.
    """
    found = [(SUCCESS, curve)] if curve[SUCCESS].notna().any() else []
    for name in names:
        found += [(name, table) for table in (curve, training) if name in table][:1]
    tables = [
        pd.DataFrame(
            {
                "environment_steps": table["environment_steps"].to_numpy(),
                "metric": name,
                "value": table[name].to_numpy(float),
            }
        )
        for name, table in found
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=["environment_steps", "metric", "value"])


def at_the_end(metrics: pd.DataFrame, done: pd.DataFrame, share: float) -> pd.DataFrame:
    """Average metrics over the last share of each run's environment steps, and over seeds.

    Parameters
    ----------
    metrics, done : rows of `Results.metrics` and `Results.done`.

    Returns
    -------
    One row an (environment, entry, metric) with `seeds`, `mean`, `low` and `high` (95 %, t).
    """
    spent = dict(zip(done["run"], done["environment_steps"], strict=True))
    rows = []
    for (environment, entry, metric), group in metrics.groupby(["environment", "entry", "metric"], sort=True):
        values = []
        for run, each in group.groupby("run", sort=True):
            steps = each["environment_steps"].to_numpy()
            late = (steps > round((1 - share) * spent[run], 6)) | (steps == steps.max())
            values.append(float(np.mean(each["value"].to_numpy(float)[late])))
        rows.append((environment, entry, metric, len(values), *mean_interval(np.array(values))))
    return pd.DataFrame(rows, columns=["environment", "entry", "metric", "seeds", "mean", "low", "high"])
