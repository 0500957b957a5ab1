"""Entries compared over environments: normalised scores, ranks, wins, pairwise improvement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, compress, permutations

import numpy as np
import pandas as pd

from environments import FloatArray
from suite.analysis import comparisons
from suite.analysis.aggregates import AGGREGATES, aggregates
from suite.analysis.equivalence import LEVEL, MARGIN, Compared, decision, on_one, over_all
from suite.analysis.intervals import (
    Scale,
    chance_interval,
    clearly_not_zero,
    difference_interval,
    learnt,
    mean_interval,
)
from suite.analysis.samples import difference
from suite.analysis.strata import Incomplete, any_lost, common_environments, strata, tried_environments
from suite.plan.environment_sets import kind_of

ORACLE = "oracle-sac"


def normalised(done: pd.DataFrame) -> pd.DataFrame:
    """Normalise scores per environment: 0 is the untrained oracle, 1 the trained one (means over seeds).

    Environments without an oracle, or whose oracle learnt nothing or no gain clearly away from zero, are left out.
    How well the ends are known is in the intervals of aggregates (`scales`).

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


def scales(done: pd.DataFrame, environments: Sequence[str]) -> list[Scale]:
    """Return the oracle's runs that `normalised` takes the ends of its scale from, in each environment."""
    oracle = done[done["entry"] == ORACLE].dropna(subset=["untrained", "score"])
    ends = (strata(oracle, ORACLE, list(environments), column) for column in ("untrained", "score"))
    return [Scale(*each) for each in zip(*ends, strict=True)]


def comparisons_alike(done: pd.DataFrame, entries: list[str]) -> list[tuple[list[str], list[str]]]:
    """Return everything that may stand side by side: sets of entries, each with the environments that all finished.

    Every set is as large as it can be: another entry would cost an environment, and another environment an entry.

    Returns
    -------
    (entries, environments), most entries first. Entries that share no environment with another are in none.
    """
    finished = done[done["entry"].isin(entries)].groupby("environment")["entry"].agg(frozenset)
    together: set[frozenset[str]] = set()
    for present in sorted(set(finished), key=sorted):
        together |= {present, *(present & other for other in together)}
    found = []
    for present in sorted(together, key=lambda names: (-len(names), sorted(names))):
        places = [str(environment) for environment, here in finished.items() if present <= here]
        if len(present) > 1:
            found.append(([entry for entry in entries if entry in present], sorted(places)))
    return found


def most_telling(
    found: Sequence[tuple[list[str], list[str]]], count: int
) -> tuple[list[tuple[list[str], list[str]]], list[tuple[list[str], list[str]]]]:
    """Choose so many of `comparisons_alike`, and return them and the rest.

    First those that show entries which no earlier one shows, so that each is somewhere; then the largest.
    """
    seen: set[str] = set()
    chosen = []
    for each in found:
        if not set(each[0]) <= seen:
            chosen.append(each)
            seen |= set(each[0])
    rest = [each for each in found if each not in chosen]
    chosen += sorted(rest, key=lambda each: -len(each[0]) * len(each[1]))
    return [each for each in found if each in chosen[:count]], [each for each in found if each in chosen[count:]]


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
        found = np.full((len(AGGREGATES), 3), np.nan)
        if places:
            found = aggregates(strata(scaled, entry, places, "normalised"), scales(done, places))
        if entry == ORACLE:  # its own runs are the scale
            found[:, 1:] = np.nan
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


def win_matrix(
    done: pd.DataFrame, entries: list[str], margin: float = MARGIN, incomplete: Incomplete = ()
) -> pd.DataFrame:
    """Compare every ordered pair of entries over the environments that both finished.

    Nothing is decided where one of them lost some or all of its runs in an environment that both tried.

    Parameters
    ----------
    margin : of equivalence, as a share of the second entry's gain.
    incomplete : as of `Results`.

    Returns
    -------
    One row an ordered pair (`ours`, `theirs`): `environments`, `wins`, `ties`, `losses` (by mean score), the
    probability of improvement `probability` with `low` and `high`, and, over all pairs together, `decision`, the
    smallest margin `margin` within which both are equivalent, and `gains`, in how many environments a gain shows.
    """
    pairs = [pair for pair in combinations(entries, 2) if common_environments(done, list(pair))]
    means = done.groupby(["environment", "entry"])["score"].mean().unstack("entry")
    rows = {}
    for ours, theirs in pairs:
        common = common_environments(done, [ours, theirs])
        lead = difference(means.loc[common, ours].to_numpy(float), means.loc[common, theirs].to_numpy(float))
        own, other = (strata(done, entry, common) for entry in (ours, theirs))
        before = _untrained(done, [ours, theirs], common)
        there, back = (over_all(*two, before, margin, len(pairs)) for two in ((own, other), (other, own)))
        probability, low, high = chance_interval(own, other)
        wins, ties, losses = (int((np.sign(lead) == sign).sum()) for sign in (1, 0, -1))
        tried = tried_environments(done, [ours, theirs], incomplete)
        there, back = (_unless_lost(each, [ours, theirs], tried, incomplete) for each in (there, back))
        rows[ours, theirs] = (len(common), wins, ties, losses, probability, low, high, *_decided(there))
        rows[theirs, ours] = (len(common), losses, ties, wins, 1 - probability, 1 - high, 1 - low, *_decided(back))
    columns = ["ours", "theirs", "environments", "wins", "ties", "losses", "probability", "low", "high"]
    columns += ["decision", "margin", "gains"]
    return pd.DataFrame([(*pair, *rows[pair]) for pair in permutations(entries, 2) if pair in rows], columns=columns)


def against_best(done: pd.DataFrame, entries: list[str], incomplete: Incomplete = ()) -> pd.DataFrame:
    """Compare on each environment every entry with the one of the highest mean score.

    Which one is the highest is found in the same runs, so that all pairs on all environments are read together: all
    their decisions err in at most 5 % of cases (Bonferroni), whichever pairs are looked at. An entry of which runs are
    lost there is neither best nor worse, and no other is worse than it.

    Parameters
    ----------
    incomplete : as of `Results`.

    Returns
    -------
    One row an (environment, entry): `best`, whether its mean is the highest; `leader`, one whose mean is, of finished
    runs; `worse`, whether it is worse than the leader by Welch's interval of the difference.
    """
    here = done[done["entry"].isin(entries)]
    scores = {
        environment: {entry: runs.to_numpy(float) for entry, runs in group.groupby("entry", sort=True)["score"]}
        for environment, group in here.groupby("environment", sort=True)
    }
    pairs = sum(math.comb(len(found), 2) for found in scores.values())
    rows = []
    for environment, found in scores.items():
        leader = max(found, key=lambda entry: found[entry].mean())
        lost = any_lost(entries, [str(environment)], incomplete)
        for entry, sample in found.items():
            _, _, high = difference_interval(sample, found[leader], 1 - LEVEL / max(1, pairs))
            best = not difference(sample.mean(), found[leader].mean())
            rows.append((environment, entry, best and not lost, leader, not best and high < 0 and not lost))
    return pd.DataFrame(rows, columns=["environment", "entry", "best", "leader", "worse"])


def _untrained(done: pd.DataFrame, entries: list[str], environments: list[str]) -> list[FloatArray]:
    """Return in each environment the untrained values of the entries' runs."""
    return strata(done[done["entry"].isin(entries)].assign(entry=""), "", environments, "untrained")


def _unless_lost(found: Compared, entries: list[str], environments: list[str], incomplete: Incomplete) -> Compared:
    """Decide nothing where runs are lost."""
    lost = any_lost(entries, environments, incomplete)
    return replace(found, direction=0, decision=decision(0, equivalent=False)) if lost else found


def _decided(found: Compared) -> tuple[str, float, int]:
    return found.decision, found.equivalence.smallest, found.equivalence.environments


ALL = "all of these"
"""Stands for the environments of `differences` together."""


def differences(
    done: pd.DataFrame, ours: str, theirs: str, margin: float = MARGIN, incomplete: Incomplete = ()
) -> pd.DataFrame:
    """Compare two entries in each environment that both finished, and over several of them.

    Over several, nothing is decided where one of them lost some or all of its runs in one that both tried.

    Parameters
    ----------
    margin : of equivalence, as a share of the second entry's gain over untrained.
    incomplete : as of `Results`.

    Returns
    -------
    One row an environment: `untrained`, the mean over both entries' seeds; `seeds` and `their_seeds`; `ours`, `theirs`
    and `difference`, means over seeds, each with `<name> low` and `<name> high`, those of the difference for all rows
    together; `probability`, that a run of ours beats one of theirs, with `low` and `high`; and, over all rows together,
    `decision`, the smallest margin `margin` within which both are equivalent, `gains`, the number of its `environments`
    where a gain shows, and `detectable`, the difference that would have been found in 80 % of cases. Then rows `ALL`
    have what there is of several environments: of each `kind`, where several kinds have several, and last of all.
    """
    environments = common_environments(done, [ours, theirs])
    own, other = (strata(done, entry, environments) for entry in (ours, theirs))
    before = _untrained(done, [ours, theirs], environments)
    tried = tried_environments(done, [ours, theirs], incomplete)
    together = _together(environments)
    count = len(environments) + len(together)
    rows: list[dict[str, object]] = []
    for environment, x, y, untrained in zip(environments, own, other, before, strict=True):
        found = _unless_lost(on_one(x, y, untrained, margin, count), [ours, theirs], [environment], incomplete)
        row: dict[str, object] = {"environment": environment, "untrained": untrained.mean()}
        row |= {"environments": 1, "seeds": len(x), "their_seeds": len(y)}
        for name, sample in (("ours", x), ("theirs", y)):
            row[name], row[f"{name} low"], row[f"{name} high"] = mean_interval(sample)
        row |= {"difference": x.mean() - y.mean(), "difference low": found.low, "difference high": found.high}
        row |= _chance([x], [y]) | _verdict(found)
        rows.append(row)
    for kind in together:
        among = [kind is None or kind_of(environment) == kind for environment in environments]
        mine, its, at_first = ([*compress(samples, among)] for samples in (own, other, before))
        places = [environment for environment in tried if kind is None or kind_of(environment) == kind]
        found = _unless_lost(over_all(mine, its, at_first, margin, count), [ours, theirs], places, incomplete)
        row = {"environment": ALL, "kind": kind, "environments": len(mine)}
        rows.append(row | _chance(mine, its) | _verdict(found))
    return pd.DataFrame(rows)


def _together(environments: Sequence[str]) -> list[str | None]:
    """Return the kinds of environments to compare over: those that several have, if several do; and all, as None."""
    if len(environments) < 2:
        return []
    counts = Counter(kind_of(environment) for environment in environments)
    kinds = sorted(kind for kind, count in counts.items() if kind is not None and count > 1)
    return [*(kinds if len(kinds) > 1 else ()), None]


def _chance(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, object]:
    return dict(zip(("probability", "low", "high"), chance_interval(ours, theirs), strict=True))


def _verdict(found: Compared) -> dict[str, object]:
    seen = np.nan if found.direction else found.detectable
    return dict(zip(("decision", "margin", "gains"), _decided(found), strict=True)) | {"detectable": seen}
