"""The report's tables of comparison: ranking, wins, efficiency, and Tables 1, 3 and 9 beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from suite.analysis import comparisons
from suite.analysis.aggregates import AGGREGATES, WITH_INTERVAL
from suite.papers import paper
from suite.papers.claims import failure_threshold
from suite.table import Cell, Table, interval

SHOWN = 8
"""Environments that are named before the rest is counted."""

GROUPS = {1: "better", 0: "comparable", -1: "worse"}


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
    names = [column for name in AGGREGATES for column in (name, *(["95 %"] if name in WITH_INTERVAL else []))]
    count = f"{len(environments)} environment{'' if len(environments) == 1 else 's'}"
    return Table(
        "ranking" if not index else f"ranking-{index}",
        f"Ranking of {len(table)} entries on {count}",
        ("entry", "beats others", "rank", "wins", *names),
        tuple(rows),
        f"On {listed(environments)}, which all of them finished. Beats others: the probability that a run beats "
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
            interval(round(row["low"], 3), round(row["high"], 3)),
        )
        for row in table.to_dict("records")
    ]
    return Table(
        "wins",
        "Pairs of entries",
        ("entry", "against", "environments", "wins", "ties", "losses", "P(improvement)", "95 % interval"),
        tuple(rows),
        "P(improvement): the probability that a run of the entry beats one of the other, mean over the environments "
        "that both finished; Clopper and Pearson's interval of as many independent pairs of runs.",
    )


def efficiency(table: pd.DataFrame, units: Mapping[str, float]) -> Table:
    """How fast entries learn, from `suite.analysis.efficiency`."""
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
        (
            "environment",
            "entry",
            "seeds",
            "area under the curve",
            "95 % interval",
            "level",
            "seeds that reached it",
            "steps to reach it",
        ),
        tuple(rows),
        "Area: mean return over the environment steps spent. Level: 90 % of PEARL's way from untrained to its final "
        "score; steps are the median over the seeds that reached it.",
    )


def table1(scores: pd.DataFrame) -> Table:
    """Table 1 of the paper beside ours, for the environments that ran."""
    printed = paper.table("table1")
    ours = _means(scores, list(printed.index))
    failure = failure_threshold()
    rows: list[tuple[Cell, ...]] = []
    for environment, measured in ours.items():
        row = printed.loc[environment]
        tcl, pearl = measured.get("tcl-pearl"), measured.get("pearl")
        group = None
        if tcl is not None and pearl is not None:
            group = GROUPS[int(comparisons.groups(np.array(tcl), np.array(pearl), failure))]
        rows.append(
            (environment, float(row["pearl"]), pearl, float(row["tcl-pearl"]), tcl, str(row["paper-group"]), group)
        )
    return Table(
        "table-1",
        "Table 1: ML1, PEARL and TCL-PEARL",
        ("environment", "pearl, paper", "pearl", "tcl-pearl, paper", "tcl-pearl", "group, paper", "group"),
        tuple(rows),
        f"Returns in thousands; {len(rows)} of {len(printed)} environments ran. Failure threshold of the groups: "
        f"{failure:g} thousand. {CAVEAT}",
        decimals=2,
    )


def table3(scores: pd.DataFrame) -> Table:
    """Table 3 of the paper beside ours, for the environments that ran."""
    printed = paper.table("table3")
    ours = _means(scores, list(printed.index))
    rows = [
        (
            environment,
            *(
                cell
                for entry in printed.columns
                for cell in (float(printed[entry][environment]), measured.get(str(entry)))
            ),
        )
        for environment, measured in ours.items()
    ]
    columns = [column for entry in printed.columns for column in (f"{entry}, paper", str(entry))]
    return Table(
        "table-3",
        "Table 3: ML1, five algorithms",
        ("environment", *columns),
        tuple(rows),
        f"Returns in thousands; {len(rows)} of {len(printed)} environments ran. {CAVEAT}",
        decimals=2,
    )


def table9(done: pd.DataFrame) -> Table:
    """Table 9 of the paper beside ours, on the environments that one machine type ran both entries on."""
    printed = paper.table("table9")
    pair = ["tcl-pearl", "pearl"]
    timed = done[done["entry"].isin(pair) & done["environment"].isin(printed.index)]
    rows = []
    for environment, here in timed.groupby("environment", sort=True):
        alike = [group for _, group in here.groupby(["machine", "budget"]) if set(group["entry"]) == set(pair)]
        if not alike:
            continue
        measured = max(alike, key=len)
        seconds = measured.groupby("entry")["seconds_total"].mean()
        ours, theirs = (float(printed[entry][environment]) for entry in pair)
        tcl, pearl = (float(seconds[entry]) for entry in pair)
        machine = str(measured["machine"].iloc[0])
        rows.append((str(environment), ours, tcl, theirs, pearl, ours / theirs, tcl / pearl, len(measured), machine))
    return Table(
        "table-9",
        "Table 9: seconds a run",
        (
            "environment",
            "tcl-pearl, paper",
            "tcl-pearl",
            "pearl, paper",
            "pearl",
            "ratio, paper",
            "ratio",
            "runs",
            "machine",
        ),
        tuple(rows),
        "The paper's machine: Tesla M40. Environments on which one machine type (processor and device) ran both "
        "entries under one budget; of several types, the one with the most runs. All seconds stand under Wall-clock.",
        decimals=2,
    )


CAVEAT = "Shown, never judged: Meta-World v3's geometry is not v1's."


def _means(scores: pd.DataFrame, environments: Sequence[object]) -> dict[str, dict[str, float]]:
    """Return {environment: {entry: mean score in the paper's unit}} of the environments that ran."""
    found: dict[str, dict[str, float]] = {}
    for row in scores[scores["environment"].isin(environments)].to_dict("records"):
        found.setdefault(row["environment"], {})[row["entry"]] = row["mean"] / paper.unit(row["environment"])
    return found
