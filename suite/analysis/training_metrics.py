"""The training metrics of finished runs as a tidy table: what an algorithm logs, beside counters and seconds."""

from __future__ import annotations

import pandas as pd

from suite.analysis.results import Results
from suite.store.runs import Store

COLUMNS = ("run", "entry", "environment", "seed", "environment_steps", "metric", "value")


def training_metrics(store: Store, results: Results) -> pd.DataFrame:
    """Return one row a done run, evaluation mark and metric (`COLUMNS`).

    Parameters
    ----------
    store : where the runs are read from.
    results : which runs are meant; those that it names as problems are left out.
    """
    parts = []
    identity = ["run", "entry", "environment", "seed"]
    for row in results.done[identity].to_dict("records"):
        table = store.record(str(row["run"])).training()
        numbers = table.select_dtypes("number").columns.difference(["environment_steps"], sort=False)
        long = table.melt("environment_steps", list(numbers), "metric", "value").dropna(subset="value")
        parts.append(long.assign(**{str(key): value for key, value in row.items()})[list(COLUMNS)])
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))
