"""Entries compared over environments: normalised scores, ranks, wins, pairwise improvement."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite.analysis import comparisons
from suite.analysis.aggregates import AGGREGATES, aggregates, probability_of_improvement
from suite.analysis.intervals import learnt

FloatArray = NDArray[np.float64]

ORACLE = "oracle-sac"


def normalised(done: pd.DataFrame) -> pd.DataFrame:
    """Normalise scores per environment: 0 is the untrained oracle, 1 the trained one (means over seeds).

    Environments without an oracle, or with one that learnt nothing, are left out.

    Returns
    -------
    The rows of `done` that can be normalised, with a column `normalised`.
    """
    oracle = done[done["entry"] == ORACLE].groupby("environment")[["untrained", "score"]].mean().dropna()
    able = [learnt(untrained, score) for untrained, score in zip(oracle["untrained"], oracle["score"], strict=True)]
    ends = oracle.loc[np.array(able, bool)]
    rows = done[done["environment"].isin(ends.index)]
    untrained = rows["environment"].map(ends["untrained"])
    return rows.assign(normalised=(rows["score"] - untrained) / (rows["environment"].map(ends["score"]) - untrained))


def strata(done: pd.DataFrame, entry: str, environments: list[str], column: str = "score") -> list[FloatArray]:
    """Return an entry's values in each environment, one array of seeds each."""
    of_entry = done[done["entry"] == entry]
    values = {environment: group.to_numpy(float) for environment, group in of_entry.groupby("environment")[column]}
    return [values[environment] for environment in environments]


def common_environments(done: pd.DataFrame, entries: list[str]) -> list[str]:
    """Return the environments in which every one of the entries has a finished run."""
    sets = [set(done.loc[done["entry"] == entry, "environment"]) for entry in entries]
    return sorted(set.intersection(*sets)) if sets else []


def ranking(done: pd.DataFrame, entries: list[str], matrix: pd.DataFrame) -> pd.DataFrame:
    """Rank entries.

    Entries may have run on different environments, so the order comes from pairs: an entry's probability of improvement
    over each other one, on the environments that both finished, averaged over the others.

    Parameters
    ----------
    matrix : of `win_matrix`.

    Returns
    -------
    One row an entry, best first: `improvement` (that average), `environments` (its own), `common` (those that all
    entries finished), `mean_rank` and `wins` (a tie is nobody's) over the common ones, and the aggregates of its
    normalised scores with `<name> low` and `<name> high`.
    """
    common = common_environments(done, entries)
    means = done.groupby(["environment", "entry"])["score"].mean().unstack("entry")
    ranks = means.loc[common, entries].rank(axis=1, ascending=False).mean()
    won = comparisons.wins(means.loc[common, entries].to_numpy(float)) if common else np.full(len(entries), np.nan)
    improvement = matrix.groupby("ours")["probability"].mean()
    scaled = normalised(done)
    rows = []
    for entry, entry_wins in zip(entries, won, strict=True):
        places = common_environments(scaled, [entry])
        found = (
            aggregates(strata(scaled, entry, places, "normalised")) if places else np.full((len(AGGREGATES), 3), np.nan)
        )
        row = {
            "entry": entry,
            "improvement": improvement.get(entry, np.nan),
            "environments": int((done["entry"] == entry).groupby(done["environment"]).any().sum()),
            "common": len(common),
            "mean_rank": ranks.get(entry, np.nan),
            "wins": entry_wins,
            "normalised_environments": len(places),
        }
        for name, (value, low, high) in zip(AGGREGATES, found, strict=True):
            row |= {name: value, f"{name} low": low, f"{name} high": high}
        rows.append(row)
    columns = ["entry", "improvement", "environments", "common", "mean_rank", "wins", "normalised_environments"]
    columns += [name + end for name in AGGREGATES for end in ("", " low", " high")]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["improvement", "entry"], ascending=[False, True], ignore_index=True
    )


def win_matrix(done: pd.DataFrame, entries: list[str]) -> pd.DataFrame:
    """Compare every ordered pair of entries over the environments that both finished.

    Returns
    -------
    One row an ordered pair (`ours`, `theirs`): `environments`, `wins`, `ties`, `losses` (by mean score) and the
    probability of improvement `probability` with `low` and `high`.
    """
    means = done.groupby(["environment", "entry"])["score"].mean().unstack("entry")
    rows = {}
    for ours, theirs in combinations(entries, 2):
        common = common_environments(done, [ours, theirs])
        if not common:
            continue
        difference = (means.loc[common, ours] - means.loc[common, theirs]).to_numpy(float)
        probability, low, high = probability_of_improvement(strata(done, ours, common), strata(done, theirs, common))
        wins, ties, losses = (int((np.sign(difference) == sign).sum()) for sign in (1, 0, -1))
        rows[ours, theirs] = (len(common), wins, ties, losses, probability, low, high)
        rows[theirs, ours] = (len(common), losses, ties, wins, 1 - probability, 1 - high, 1 - low)
    columns = ["ours", "theirs", "environments", "wins", "ties", "losses", "probability", "low", "high"]
    return pd.DataFrame([(*pair, *rows[pair]) for pair in permutations(entries, 2) if pair in rows], columns=columns)
