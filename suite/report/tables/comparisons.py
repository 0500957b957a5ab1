"""The report's tables of comparison: ranking, wins, efficiency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from suite.analysis.aggregates import AGGREGATES, WITH_INTERVAL
from suite.table import Cell, Table, interval

SHOWN = 8
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
        "one of another entry, mean over environments and the others. Mean rank and wins by mean score; a tie is "
        "nobody's win. Aggregates of scores normalised by the oracle (untrained 0, trained 1), on the environments on "
        f"which it clearly learnt ({scaled} of {len(environments)}). The median and the optimality gap have no "
        "interval: over few seeds none covers.",
    )


def listed(environments: Sequence[str]) -> str:
    """Name environments; of many, the first."""
    shown = ", ".join(environments[:SHOWN])
    return f"{shown} and {len(environments) - SHOWN} more" if len(environments) > SHOWN else shown


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
        },
        tuple(rows),
        "P(improvement): the probability that a run of the entry beats one of the other, mean over the environments "
        "that both finished; Clopper and Pearson's interval of as many independent pairs of runs.",
    )


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


def differences(table: pd.DataFrame, ours: str, theirs: str, units: Mapping[str, float]) -> Table:
    """Two entries in each environment, from `suite.analysis.ranking.differences`."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.to_dict("records"):
        unit = units[row["environment"]]
        own, other, difference = (
            (row[name] / unit, interval(row[f"{name} low"] / unit, row[f"{name} high"] / unit))
            for name in ("ours", "theirs", "difference")
        )
        chance = (row["probability"], interval(row["low"], row["high"]))
        begun = (row["environment"], row["untrained"] / unit)
        rows.append((*begun, row["seeds"], *own, row["their_seeds"], *other, *difference, *chance))
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
            "difference_ci": "95 % CI (difference)",
            "p_improvement": "P(improvement)",
            "p_improvement_ci": "95 % CI (P)",
        },
        tuple(rows),
        "Scores: mean meta-test return over the last 10 % of the environment steps, mean over seeds, Student's t "
        f"interval; untrained: the mean of both before training; n: seeds; difference: {ours} less {theirs}, Welch's "
        f"interval. P(improvement): the probability that a run of {ours} beats one of {theirs}; Clopper and Pearson's "
        "interval of as many independent pairs of runs.",
    )
