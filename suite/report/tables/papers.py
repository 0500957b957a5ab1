"""Reported values and external results beside measured ones: shown, never judged or averaged with ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from suite.analysis import comparisons
from suite.analysis.timing import timed_alike
from suite.papers.folder import PrintedTable
from suite.papers.paper import Paper
from suite.table import Cell, Table

GROUPS = {1: "better", 0: "comparable", -1: "worse"}


def table(paper: Paper, key: str, done: pd.DataFrame) -> Table | None:
    """Put one of a paper's tables over environments beside what was measured; None for other tables."""
    printed = paper.tables[key]
    if printed.about.measure == "score":
        return _scores(paper, key, printed, done)
    if printed.about.measure == "seconds_total":
        return _seconds(paper, key, printed, done)
    return None


def _scores(paper: Paper, key: str, printed: PrintedTable, done: pd.DataFrame) -> Table:
    ours = done.groupby(["environment", "entry"])["score"].mean()
    entries, groups = printed.number_columns, printed.about.groups
    rows: list[tuple[Cell, ...]] = []
    for environment in printed.rows:
        means = {entry: ours.get((environment, entry)) for entry in entries}
        measured = {entry: mean / paper.unit(environment) for entry, mean in means.items() if mean is not None}
        if not measured:
            continue
        cells: list[Cell] = [environment]
        for entry in entries:
            cells += [float(printed.cell(environment, entry)), measured.get(entry)]
        if groups:
            cells.append(printed.column(groups.column, numbers=False)[printed.rows.index(environment)])
            one, other = measured.get(groups.ours), measured.get(groups.baseline)
            known = one is not None and other is not None
            codes = comparisons.groups(np.array(one), np.array(other), groups.failure) if known else None
            cells.append(None if codes is None else GROUPS[int(codes)])
        rows.append(tuple(cells))
    columns = _pairs(entries)
    unit = f"Returns in {printed.about.unit}; " if printed.about.unit else ""
    note = f"{unit}{len(rows)} of {len(printed.rows)} environments ran."
    if groups:
        columns |= _pairs(["group"])
        note += f" Failure threshold of the groups: {groups.failure:g}."
    title = f"{printed.about.title} of {paper.about.short}: final scores"
    note = f"{note} {printed.about.about}".strip()
    return Table(f"{paper.name}-{key}", title, columns, tuple(rows), note, decimals=2)


def _seconds(paper: Paper, key: str, printed: PrintedTable, done: pd.DataFrame) -> Table:
    """Tabulate seconds on the environments that one machine type ran all entries on."""
    entries = printed.number_columns
    timed = done[done["entry"].isin(entries) & done["environment"].isin(printed.rows)]
    rows: list[tuple[Cell, ...]] = []
    for environment, here in timed.groupby("environment", sort=True):
        measured = max((timed_alike(group, entries) for _, group in here.groupby("budget")), key=len)
        if not len(measured):
            continue
        seconds = measured.groupby("entry")["seconds"].mean()
        theirs = [float(printed.cell(str(environment), entry)) for entry in entries]
        ours = [float(seconds[entry]) for entry in entries]
        cells: list[Cell] = [str(environment)]
        for pair in zip(theirs, ours, strict=True):
            cells += pair
        if len(entries) == 2:
            cells += [theirs[0] / theirs[1], ours[0] / ours[1]]
        rows.append((*cells, len(measured), *map(str, measured[["clock", "machine"]].iloc[0])))
    columns = _pairs([*entries, *["ratio"] * (len(entries) == 2)])
    columns |= {name: name for name in ("runs", "clock", "machine")}
    return Table(
        f"{paper.name}-{key}",
        f"{printed.about.title} of {paper.about.short}: seconds a run",
        columns,
        tuple(rows),
        f"{printed.about.about} Environments on which one machine type (processor and device) ran all entries under "
        "one budget; of several types, the one with the most runs. Clock: the processor's, where all these runs "
        "recorded how long it worked for them, which other work on the machine changes less; else wall-clock. All "
        "seconds stand under Wall-clock.".strip(),
        decimals=2,
    )


def _pairs(names: Sequence[str]) -> dict[str, str]:
    """Return the columns of an environment's reported and measured values."""
    pairs = {f"{name}_{kind}": f"{name}, {kind}" for name in names for kind in ("reported", "measured")}
    return {"environment": "environment", **pairs}


def reference(paper: Paper, environments: set[str]) -> Table:
    """Tabulate external results that a paper's folder lists, on the environments of this report."""
    rows = [
        (
            run.environment,
            run.entry,
            run.environment_steps,
            run.value / paper.unit(run.environment),
            run.seeds,
            run.comparable,
            run.why,
            run.protocol,
            run.source,
        )
        for run in paper.reference
        if run.environment in environments
    ]
    return Table(
        f"{paper.name}-reference",
        f"External results ({paper.about.short})",
        {
            "environment": "environment",
            "entry": "entry",
            "environment_steps": "environment steps",
            "return": "return",
            "seeds": "seeds",
            "comparable": "comparable",
            "reason": "reason",
            "protocol": "protocol",
            "source": "source",
        },
        tuple(rows),
        "Drawn as hollow points in the curves where they are at least partly comparable and say after how many steps; "
        "never judged, nor averaged with ours.",
    )
