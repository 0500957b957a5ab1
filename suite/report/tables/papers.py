"""Reported values and external results beside measured ones: shown, never judged or averaged with ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from suite.analysis import comparisons
from suite.analysis.strata import common_environments, strata
from suite.analysis.timing import timed_alike
from suite.papers.folder import PrintedTable
from suite.papers.paper import Paper
from suite.papers.statements.statement import OfMeans
from suite.report.tables.comparisons import budgets
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


def summary(paper: Paper, done: pd.DataFrame) -> Table:
    """Put what a paper counts or averages over environments beside the same of its table, and of our runs, there.

    Parameters
    ----------
    done : finished runs, as `suite.papers.judgements.settled` returns them.
    """
    rows: list[tuple[Cell, ...]] = []
    plain = {claim.key: (claim.about, claim.entries) for claim in paper.claims if isinstance(claim.about, OfMeans)}
    for claim in paper.variants(set(done["entry"])):
        about = claim.about
        if not isinstance(about, OfMeans):
            continue
        runs = done[done["entry"].isin(claim.entries) & done["environment"].isin(claim.environments)]
        alike = runs.groupby("environment")["budget"].nunique() == 1
        runs = runs[runs["environment"].isin(alike[alike].index)]
        if about.measure == "seconds":
            runs = timed_alike(runs, claim.entries)
        shared = set(common_environments(runs, list(claim.entries)))
        here = [each for each in claim.environments if each in shared]
        if not here:
            continue
        units = np.array([paper.unit(each) if about.measure == "score" else 1.0 for each in here])
        means = [
            np.array([values.mean() for values in strata(runs, entry, here, about.measure)]) / units
            for entry in claim.entries
        ]
        ours = about.summary(means)
        theirs: list[tuple[str | None, ...]] = [(None, None)] * len(ours)
        if about.table is not None:
            printed, (of_plain, entries) = paper.tables[about.table], plain[claim.key]
            columns = (
                of_plain.summary([printed.scores(entry, places) for entry in entries])
                for places in (here, claim.environments)
            )
            theirs = list(zip(*(each.values() for each in columns), strict=True))
        runs = runs[runs["environment"].isin(here)]
        seeds = runs.groupby(["environment", "entry"]).size()
        scale = (
            f"{len(here)} of {len(claim.environments)}",
            " to ".join(str(count) for count in sorted({seeds.min(), seeds.max()})),
            budgets(runs["budget"]),
        )
        rows += [
            (claim.name, words, value, *of_table, about.published, *scale)
            for (words, value), of_table in zip(ours.items(), theirs, strict=True)
        ]
    return Table(
        f"{paper.name}-summary",
        f"What {paper.about.short} counts and averages, of its tables and of our runs",
        {
            "statement": "claim",
            "summary": "count or average",
            "ours": "ours",
            "paper_here": "paper, there",
            "paper": "paper",
            "stated": "stated",
            "environments": "environments",
            "seeds": "seeds",
            "environment_steps": "environment steps",
        },
        tuple(rows),
        "Means over seeds are compared without a test, as papers do it; no row is a verdict. Ours are of the "
        'environments on which all entries have finished runs of one budget, at this report\'s settings. "Paper" is '
        'computed from the paper\'s table, "there" on our environments alone; "stated" is what its text says, whose '
        "definition it may not print. In brackets behind a ratio of returns: how many environments its definition "
        "keeps; of two negative returns, a ratio above 1 is worse. A verdict leaves noisy environments out of a mean "
        "ratio, so its value may differ from ours here.",
    )


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
