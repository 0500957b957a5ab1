"""The report's tables of comparison: ranking, wins, efficiency."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from suite.analysis.aggregates import AGGREGATES, WITH_INTERVAL
from suite.analysis.equivalence import LEVEL, MARGIN, POWER
from suite.analysis.intervals import SCALE_ERROR
from suite.analysis.ranking import ALL
from suite.papers.judgements import lost_in_words
from suite.table import Cell, Table, interval

MAX_LISTED = 8
"""Environments that are named before the rest is counted."""


def ranking(index: int, table: pd.DataFrame, environments: Sequence[str]) -> Table:
    """Entries over environments that all of them finished, from `suite.analysis.ranking.ranking`."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.to_dict("records"):
        cells: list[Cell] = [row[name] for name in ("entry", "improvement", "mean_rank", "wins")]
        for name in AGGREGATES:
            cells.append(row[name])
            if name in WITH_INTERVAL:
                cells.append(interval(row[f"{name} low"], row[f"{name} high"]))
        rows.append(tuple(cells))
    scaled = int(table["normalised_environments"].iloc[0])
    columns = {"entry": "entry", "p_improvement": "P(improvement)", "mean_rank": "mean rank", "wins": "wins"}
    for name in AGGREGATES:
        key = name.lower().replace(" ", "_")
        columns |= {key: name} | ({f"{key}_ci": f"95 % CI ({name})"} if name in WITH_INTERVAL else {})
    count = f"{len(environments)} environment{'' if len(environments) == 1 else 's'}"
    return Table(
        "ranking" if not index else f"ranking-{index}",
        f"Ranking of {len(table)} entries on {count}",
        columns,
        tuple(rows),
        f"On {listed(environments)}, which all of them finished. P(improvement): the probability that a run beats "
        "a run of another entry, mean over environments and other entries. Mean rank and wins are by mean score; a tie "
        "is nobody's win. The aggregates are of scores normalised by the oracle (untrained 0, trained 1), on the "
        f"environments where it clearly learned ({scaled} of {len(environments)}); their intervals include the "
        "uncertainty of that scale. There is no interval for the oracle itself, for an IQM of two environments, where "
        f"the oracle's gain is known to worse than {100 * SCALE_ERROR:g} %, or for the median and the optimality gap, "
        "for which no interval covers as it should.",
    )


def with_left_out(table: Table, left_out: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Table:
    """Say in the note what else could stand side by side."""
    first = left_out[:MAX_LISTED]
    named = "; ".join(f"{', '.join(entries)} on {listed(environments)}" for entries, environments in first)
    more = f"; and {len(left_out) - MAX_LISTED} more" if len(left_out) > MAX_LISTED else ""
    return replace(table, note=f"{table.note} Not shown, though all finished the same: {named}{more}.")


def listed(environments: Sequence[str]) -> str:
    """Name environments; of many, the first."""
    shown = ", ".join(environments[:MAX_LISTED])
    return f"{shown} and {len(environments) - MAX_LISTED} more" if len(environments) > MAX_LISTED else shown


def budgets(steps: Iterable[int]) -> str:
    """Name different budgets in environment steps."""
    return " or ".join(f"{budget:,}" for budget in sorted({*steps}))


def with_lost(table: Table, lost: pd.DataFrame, entries: Collection[str], deciding: bool = True) -> Table:
    """Name in the note the runs of these entries that are lost (`Results.lost`).

    Parameters
    ----------
    deciding : whether the table compares these entries, and decides nothing where they lost runs.
    """
    gone = lost[lost["entry"].isin(entries)]
    if gone.empty:
        return table
    said = f"Runs lost: {lost_in_words(gone)}, on {listed(sorted(set(gone['environment'])))}"
    decided = ", and decide nothing there" if deciding else ""
    return replace(table, note=f"{table.note} {said}; numbers are of finished runs{decided}.")


def wins(table: pd.DataFrame) -> Table:
    """Every pair of entries, from `suite.analysis.ranking.win_matrix`."""
    rows = [
        (
            row["ours"],
            row["theirs"],
            row["environments"],
            row["wins"],
            row["ties"],
            row["losses"],
            row["probability"],
            interval(row["low"], row["high"]),
            row["decision"],
            _margin(row["margin"], row["gains"], row["environments"]),
        )
        for row in table.to_dict("records")
    ]
    return Table(
        "wins",
        "Pairs of entries",
        {
            **{name: name for name in ("entry", "against", "environments", "wins", "ties", "losses")},
            "p_improvement": "P(improvement)",
            "p_improvement_ci": "95 % CI",
            "decision": "decision",
            "margin": "smallest margin",
        },
        tuple(rows),
        "P(improvement): the probability that a run of the entry beats one of the other, mean over the environments "
        "that both finished; Clopper and Pearson's interval of as many independent pairs of runs, of each row by "
        f"itself. Decision: better or worse where that probability is not one half, {_equivalent(MARGIN)} "
        f"(Welch's two one-sided tests; on average over environments). All decisions together err in at most "
        f"{100 * LEVEL:g} % of cases (Bonferroni's correction for {len(rows) // 2} pairs). {SMALLEST}",
    )


SMALLEST = (
    "Smallest margin: that within which the gains would be called equivalent, as a share of the other's; in how many "
    "environments a gain shows, where not in all; none above 100 %."
)


def _equivalent(margin: float) -> str:
    return f"equivalent where the gain over untrained differs by less than {100 * margin:g} % of the other's"


def _margin(margin: float, gains: int, environments: int) -> str | None:
    """Write the smallest margin, in whole percents above it; None where there is none."""
    if np.isnan(margin):
        return None
    return f"{math.ceil(100 * margin)} %" + (f" ({gains} of {environments})" if gains < environments else "")


def efficiency(table: pd.DataFrame, units: Mapping[str, float]) -> Table:
    """Tabulate how fast entries learn, from `suite.analysis.efficiency`."""
    rows = []
    for row in table.to_dict("records"):
        unit = units[row["environment"]]
        rows.append(
            (
                row["environment"],
                row["entry"],
                row["seeds"],
                row["area"] / unit,
                interval(row["low"] / unit, row["high"] / unit),
                row["level"] / unit,
                f"{row['reached']} of {row['seeds']}" if np.isfinite(row["level"]) else None,
                row["steps"],
            )
        )
    return Table(
        "efficiency",
        "Sample efficiency",
        {
            **{name: name for name in ("environment", "entry", "seeds")},
            "area": "area under the curve",
            "area_ci": "95 % CI",
            "level": "level",
            "reached": "seeds that reached it",
            "steps_to_level": "steps to reach it",
        },
        tuple(rows),
        "Area: mean return over the environment steps spent. Level: 90 % of PEARL's way from untrained to its final "
        "score; steps are the median over the seeds that reached it.",
    )


def differences(table: pd.DataFrame, ours: str, theirs: str, units: Mapping[str, float], margin: float) -> Table:
    """Two entries in each environment and over all, from `suite.analysis.ranking.differences`."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.to_dict("records"):
        chance = (row["probability"], interval(row["low"], row["high"]))
        close = _margin(row["margin"], row["gains"], row["environments"])
        if row["environment"] == ALL:
            name = f"all {row['environments']}" + (f" of kind {row['kind']}" if isinstance(row["kind"], str) else "")
            rows.append((name, *[None] * 9, *chance, row["decision"], close, None))
            continue
        unit = units[row["environment"]]
        own, other, difference = (
            (row[name] / unit, interval(row[f"{name} low"] / unit, row[f"{name} high"] / unit))
            for name in ("ours", "theirs", "difference")
        )
        scores = (int(row["seeds"]), *own, int(row["their_seeds"]), *other, *difference)
        seen = row["detectable"] / unit
        rows.append((row["environment"], row["untrained"] / unit, *scores, *chance, row["decision"], close, seen))
    several = len(rows) > 1
    return Table(
        "differences",
        f"{ours} (A) and {theirs} (B)",
        {
            "environment": "environment",
            "untrained": "untrained",
            "seeds_a": "n (A)",
            "score_a": f"{ours} (A)",
            "score_a_ci": "95 % CI (A)",
            "seeds_b": "n (B)",
            "score_b": f"{theirs} (B)",
            "score_b_ci": "95 % CI (B)",
            "difference": "difference",
            "difference_ci": f"95 % CI (difference{', simultaneous' if several else ''})",
            "p_improvement": "P(improvement)",
            "p_improvement_ci": "95 % CI (P)",
            "decision": "decision",
            "margin": "smallest margin",
            "detectable": "could have been seen",
        },
        tuple(rows),
        "Scores: mean meta-test return over the last 10 % of the environment steps, mean over seeds, Student's t "
        f"interval; untrained: the mean of both before training; n: seeds; difference: {ours} less {theirs}, Welch's "
        f"interval. P(improvement): the probability that a run of {ours} beats one of {theirs}; Clopper and Pearson's "
        f"interval of as many independent pairs of runs. {_SIMULTANEOUS if several else ''}Decision: better or worse "
        f"where the difference is not zero{_OVER_ALL if several else ''}, {_equivalent(margin)} (Welch's two one-sided "
        f"tests), else inconclusive; the decisions of a table err in at most {100 * LEVEL:g} % of cases together. "
        f"{SMALLEST} Could have been seen: the difference that runs of this spread show in {100 * POWER:g} % of cases.",
    )


_SIMULTANEOUS = "Intervals hold for each row by itself, those of the difference for all rows together (Bonferroni). "
_OVER_ALL = " (over several environments: P(improvement) not one half; gains on average)"
