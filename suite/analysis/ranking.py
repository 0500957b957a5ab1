"""Entries compared over environments: normalised scores, ranks, wins, pairwise improvement."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite.analysis import comparisons
from suite.analysis.aggregates import AGGREGATES, aggregates
from suite.analysis.intervals import chance_interval, clearly_not_zero, difference_interval, learnt, mean_interval

FloatArray = NDArray[np.float64]

ORACLE = "oracle-sac"


def normalised(done: pd.DataFrame) -> pd.DataFrame:
    """Normalise scores per environment: 0 is the untrained oracle, 1 the trained one (means over seeds).

    Environments without an oracle, or whose oracle learnt nothing or no gain clearly away from zero, are left out.
    The ends are taken as measured: intervals of normalised scores are over the entry's seeds alone.

    Returns
    -------
    The rows of `done` that can be normalised, with a column `normalised`.
    """
    oracle = done[done["entry"] == ORACLE].dropna(subset=["untrained", "score"])
    ends = oracle.groupby("environment")[["untrained", "score"]].mean()
    able = [
        learnt(untrained, score) and clearly_not_zero((runs["score"] - runs["untrained"]).to_numpy(float))
        for (untrained, score), (_, runs) in zip(ends.to_numpy(), oracle.groupby("environment"), strict=True)
    ]
    ends = ends.loc[np.array(able, bool)]
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


def comparisons_alike(done: pd.DataFrame, entries: list[str]) -> list[tuple[list[str], list[str]]]:
    """Return what may stand side by side: sets of entries, each with the environments that all of them finished.

    First all entries; then, for every environment that not all of them finished, fewer entries on more environments.

    Returns
    -------
    (entries, environments), most entries first; every further one has more environments than those before it. Entries
    that share no environment with another are in none.
    """
    finished = done.groupby("environment")["entry"].agg(frozenset)
    together = {frozenset(entries), *finished}
    found: list[tuple[list[str], list[str]]] = []
    for present in sorted(together, key=lambda names: (-len(names), sorted(names))):
        places = [str(environment) for environment, here in finished.items() if present <= here]
        if len(present) > 1 and len(places) > max((len(earlier) for _, earlier in found), default=0):
            found.append(([entry for entry in entries if entry in present], sorted(places)))
    return found


def ranking(done: pd.DataFrame, entries: list[str], environments: list[str]) -> pd.DataFrame:
    """Rank entries on environments that all of them finished.

    Returns
    -------
    One row an entry, best first: `improvement` (the probability that its run beats one of another entry, mean over
    environments and the others), `mean_rank` and `wins` by mean score (a tie is nobody's), and the aggregates of its
    normalised scores with `<name> low` and `<name> high` over the `normalised_environments` that can be normalised.
    """
    here = done[done["environment"].isin(environments) & done["entry"].isin(entries)]
    means = here.groupby(["environment", "entry"])["score"].mean().unstack("entry")
    ranks = means[entries].rank(axis=1, ascending=False).mean()
    won = comparisons.wins(means[entries].to_numpy(float))
    improvement = win_matrix(here, entries).groupby("ours")["probability"].mean()
    scaled = normalised(done)
    places = sorted(set(scaled["environment"]) & set(environments))
    rows = []
    for entry, entry_wins in zip(entries, won, strict=True):
        found = (
            aggregates(strata(scaled, entry, places, "normalised")) if places else np.full((len(AGGREGATES), 3), np.nan)
        )
        row = {
            "entry": entry,
            "improvement": improvement.get(entry, np.nan),
            "mean_rank": ranks[entry],
            "wins": entry_wins,
            "normalised_environments": len(places),
        }
        for name, (value, low, high) in zip(AGGREGATES, found, strict=True):
            row |= {name: value, f"{name} low": low, f"{name} high": high}
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["improvement", "entry"], ascending=[False, True], ignore_index=True)


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
        probability, low, high = chance_interval(strata(done, ours, common), strata(done, theirs, common))
        wins, ties, losses = (int((np.sign(difference) == sign).sum()) for sign in (1, 0, -1))
        rows[ours, theirs] = (len(common), wins, ties, losses, probability, low, high)
        rows[theirs, ours] = (len(common), losses, ties, wins, 1 - probability, 1 - high, 1 - low)
    columns = ["ours", "theirs", "environments", "wins", "ties", "losses", "probability", "low", "high"]
    return pd.DataFrame([(*pair, *rows[pair]) for pair in permutations(entries, 2) if pair in rows], columns=columns)


def differences(done: pd.DataFrame, ours: str, theirs: str) -> pd.DataFrame:
    """Compare two entries in each environment that both finished.

    Returns
    -------
    One row an environment: `untrained`, the mean over both entries' seeds; `seeds` and `their_seeds`; `ours`, `theirs`
    and `difference`, means over seeds, each with `<name> low` and `<name> high`; `probability`, that a run of ours
    beats one of theirs, with `low` and `high`.
    """
    rows = []
    for environment in common_environments(done, [ours, theirs]):
        (own,), (other,) = (strata(done, entry, [environment]) for entry in (ours, theirs))
        here = done[done["environment"].eq(environment) & done["entry"].isin([ours, theirs])]
        row: dict[str, object] = {"environment": environment, "untrained": here["untrained"].mean()}
        row |= {"seeds": len(own), "their_seeds": len(other)}
        found = {
            "ours": mean_interval(own),
            "theirs": mean_interval(other),
            "difference": difference_interval(own, other),
        }
        for name, (value, low, high) in found.items():
            row |= {name: value, f"{name} low": low, f"{name} high": high}
        row["probability"], row["low"], row["high"] = chance_interval([own], [other])
        rows.append(row)
    return pd.DataFrame(rows)
