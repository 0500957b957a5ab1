"""Learning of entries: untrained and final scores, and how many seeds gained something."""

from __future__ import annotations

from collections import Counter
from math import nan

import pandas as pd

from suite.analysis.intervals import LEARNT_SHARE, mean_interval


def learning(done: pd.DataFrame, diverged: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count the seeds of each entry that learned.

    A seed learned if its gain over the entry's untrained score is more than a tenth of that score's size, and more than
    a tenth of what the best entry of the environment gained: 1,000 is nothing where others reach 100,000.

    Parameters
    ----------
    done : rows of `Results.done`.
    diverged : rows of `Results.lost`: their seeds learned nothing. An entry of which all have has NaN for scores.

    Returns
    -------
    One row an (environment, entry): `untrained` and `score` (means over seeds), `low`, `high` (95 %, t, of the score),
    `seeds`, `learned`, the number of seeds that did, and `learns_above`, the score above which a seed did.
    """
    lost: Counter[tuple[str, str]] = Counter()
    if diverged is not None:
        lost.update(zip(diverged["environment"], diverged["entry"], strict=True))
    rows = []
    for environment, here in done.groupby("environment", sort=True):
        means = here.groupby("entry")[["untrained", "score"]].mean()
        best = float((means["score"] - means["untrained"]).max())
        for entry, runs in here.groupby("entry", sort=True):
            scores, untrained = runs["score"].to_numpy(float), float(runs["untrained"].mean())
            above = untrained + LEARNT_SHARE * max(abs(untrained), best)
            count = int((scores > above).sum())
            seeds = len(scores) + lost[str(environment), str(entry)]
            rows.append((environment, entry, untrained, *mean_interval(scores), seeds, count, above))
        rows += [
            (environment, entry, nan, nan, nan, nan, seeds, 0, nan)
            for (place, entry), seeds in lost.items()
            if place == environment and entry not in means.index
        ]
    columns = ["environment", "entry", "untrained", "score", "low", "high", "seeds", "learned", "learns_above"]
    return pd.DataFrame(rows, columns=columns)
