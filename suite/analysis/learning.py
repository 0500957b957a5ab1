"""Which entries learned: untrained and final scores, and how many seeds gained something."""

from __future__ import annotations

import pandas as pd

from suite.analysis.intervals import LEARNT_SHARE, learnt, mean_interval


def learning(done: pd.DataFrame) -> pd.DataFrame:
    """Count the seeds of each entry that learned.

    A seed learned if its gain over the entry's untrained score is a tenth of that score's size at least, and a tenth of
    what the best entry of the environment gained: a return of 1,000 is nothing where others reach 100,000.

    Returns
    -------
    One row an (environment, entry): `untrained` and `score` (means over seeds), `low`, `high` (95 %, t, of the score),
    `seeds`, and `learned`, the number of seeds that did.
    """
    rows = []
    for environment, here in done.groupby("environment", sort=True):
        means = here.groupby("entry")[["untrained", "score"]].mean()
        best = float((means["score"] - means["untrained"]).max())
        for entry, runs in here.groupby("entry", sort=True):
            scores, untrained = runs["score"].to_numpy(float), float(runs["untrained"].mean())
            enough = scores - untrained >= LEARNT_SHARE * best
            count = sum(bool(each) and learnt(untrained, score) for each, score in zip(enough, scores, strict=True))
            rows.append((environment, entry, untrained, *mean_interval(scores), len(scores), count))
    columns = ["environment", "entry", "untrained", "score", "low", "high", "seeds", "learned"]
    return pd.DataFrame(rows, columns=columns)
