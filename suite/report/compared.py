"""The report's tables of comparison: ranking, wins, efficiency, and Tables 1, 3 and 9 beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from suite.analysis import comparisons
from suite.analysis.aggregates import AGGREGATES
from suite.papers import paper
from suite.papers.claims import failure_threshold
from suite.table import Cell, Table, interval

GROUPS = {1: "better", 0: "comparable", -1: "worse"}


def ranking(table: pd.DataFrame) -> Table:
    """Entries over environments, from `suite.analysis.ranking.ranking`."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.to_dict("records"):
        cells: list[Cell] = [row[name] for name in ("entry", "improvement", "environments", "mean_rank", "wins")]
        for name in AGGREGATES:
            cells += [row[name], interval(row[f"{name} low"], row[f"{name} high"])]
        rows.append((*cells, row["normalised_environments"]))
    common = int(table["common"].iloc[0]) if len(table) else 0
    names = [column for name in AGGREGATES for column in (name, f"{name}, 95 %")]
    return Table(
        "ranking",
        "Ranking",
        ("entry", "beats the others", "environments", "mean rank", "wins", *names, "normalised on"),
        tuple(rows),
        "Beats the others: the probability that a run beats one of another entry, over the environments that both "
        "finished, mean over the others. Rank and wins by mean score over the environments that every entry finished "
        f"({common}); a tie is nobody's win. "
        "Aggregates of normalised scores (untrained 0, oracle 1) by rliable, where the oracle ran; intervals from "
        "resampling seeds within each environment.",
    )


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
        ("entry", "against", "environments", "wins", "ties", "losses", "P(improvement)", "95 % interval"),
        tuple(rows),
        "P(improvement): the probability that a run of the entry beats one of the other, mean over environments.",
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
    """Table 9 of the paper beside ours, for the environments that ran."""
    printed = paper.table("table9")
    ours = done.groupby(["environment", "entry"])["seconds_total"].mean()
    timed = done[done["entry"].isin(["tcl-pearl", "pearl"])]
    rows = []
    for environment in printed.index:
        measured = [ours.get((environment, entry)) for entry in ("tcl-pearl", "pearl")]
        if any(value is not None for value in measured):
            tcl, pearl = printed["tcl-pearl"][environment], printed["pearl"][environment]
            machines = timed.loc[timed["environment"] == environment, "machine"]
            alike = machines.notna().all() and machines.nunique() == 1
            ratio = measured[0] / measured[1] if alike and measured[0] and measured[1] else None
            rows.append(
                (str(environment), float(tcl), measured[0], float(pearl), measured[1], float(tcl / pearl), ratio)
            )
    return Table(
        "table-9",
        "Table 9: seconds a run",
        ("environment", "tcl-pearl, paper", "tcl-pearl", "pearl, paper", "pearl", "ratio, paper", "ratio"),
        tuple(rows),
        "The paper's machine: Tesla M40. Seconds compare only between runs of the same budget and machine; ratios do. "
        "A ratio is given where both entries ran on one machine type (processor and device).",
        decimals=2,
    )


CAVEAT = "Shown, never judged: Meta-World v3's geometry is not v1's."


def _means(scores: pd.DataFrame, environments: Sequence[object]) -> dict[str, dict[str, float]]:
    """Return {environment: {entry: mean score in the paper's unit}} of the environments that ran."""
    found: dict[str, dict[str, float]] = {}
    for row in scores[scores["environment"].isin(environments)].to_dict("records"):
        found.setdefault(row["environment"], {})[row["entry"]] = row["mean"] / paper.unit(row["environment"])
    return found
