"""The page: one self-contained HTML file (but for clips), the same bytes for the same results and clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.analysis.equivalence import MARGIN
from suite.analysis.ranking import ALL, differences
from suite.analysis.results import read_results
from suite.errors import UsageError, unknown
from suite.papers.paper import Paper, read_papers
from suite.plan.environment_sets import kind_of
from suite.plan.plots import Plot
from suite.plan.seeds import Comparison
from suite.report import own
from suite.report.charts import markers
from suite.report.clips import Clip
from suite.report.contents import Contents, adaptive_entries, concerned, contents, deciding, units
from suite.report.html import drawn, fill
from suite.report.sections import sections
from suite.report.summary import summary
from suite.report.tables import comparisons as comparison_tables
from suite.report.tables import runs as run_tables
from suite.report.tables.adaptive import marked
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.table import Format, Table, as_latex, as_markdown

TITLE = "Reproducing meta-reinforcement learning"


def page_of(
    store: Store,
    planned: Sequence[RunSpec] | None = None,
    title: str = TITLE,
    papers: Sequence[Paper] | None = None,
    comparisons: Sequence[Comparison] | None = None,
    plots: Sequence[Plot] = (),
    description: str = "",
    pairs: Sequence[tuple[str, str]] = (),
    clips: Mapping[str, Sequence[Clip]] | None = None,
) -> str:
    """Judge a store and return the page's text.

    Parameters
    ----------
    store : the run store; an empty one gives a page that says so.
    planned : the runs of the benchmark: others are left out, and missing ones are shown. None: all runs of the store.
    title : heading of the page.
    papers : those whose claims are judged; by default those that come with the suite and have claims about these runs.
    comparisons : what decides how many seeds there are; by default those of a store that is a snapshot.
    plots : figures and tables of user modules, for a section of their own.
    description : of the benchmark.
    pairs : the entries that are compared first.
    clips : run -> clips of its trained agent, which are beside the page; see `suite.report.clips.find_clips`.
    """
    found = replace(_found(store, planned, papers, comparisons, pairs), clips=clips or {})
    return render(found, title, plots, description)


def tables_as(
    format: Format,
    store: Store,
    planned: Sequence[RunSpec] | None = None,
    papers: Sequence[Paper] | None = None,
    comparisons: Sequence[Comparison] | None = None,
) -> str:
    """Return the report's tables alone, in Markdown (for a pull request) or LaTeX (for a paper)."""
    write = {"markdown": as_markdown, "latex": as_latex}[format]
    found = _found(store, planned, papers, comparisons)
    return "\n".join(write(table) for section in sections(found) for table in section.tables if table.rows)


def plain_tables(
    store: Store,
    planned: Sequence[RunSpec] | None = None,
    papers: Sequence[Paper] | None = None,
    comparisons: Sequence[Comparison] | None = None,
) -> list[dict[str, Any]]:
    """Return the tables and claims that rest on runs as values that JSON holds.

    Audits, which need no run, and the scores by environment, whose numbers are those of the scores, are left out.
    """
    found = _found(store, planned, papers or read_papers(), comparisons)
    rest = (section for section in sections(found) if section.key != "audit")
    tables = (table for section in rest for table in section.tables if table.key != run_tables.BY_ENVIRONMENT)
    return [table.plain() for table in tables if table.rows]


def difference_table(
    store: Store,
    ours: str,
    theirs: str,
    planned: Sequence[RunSpec] | None = None,
    comparisons: Sequence[Comparison] | None = None,
    margin: float = MARGIN,
) -> Table:
    """Return how two entries differ on every environment that both finished.

    Parameters
    ----------
    margin : of equivalence, as a share of the second entry's gain over untrained.

    Raises
    ------
    UsageError
        If one of them has no finished run, or they share no environment.
    """
    results = read_results(store, planned)
    done = results.done
    names = sorted(set(done["entry"]))
    if not names:
        published = " or ".join(str(snapshot.path) for snapshot in store.snapshots)
        hint = f"; published runs are in --results {published}" if published else ""
        raise UsageError(f"--results {store.results}: holds no finished run to compare{hint}")
    for entry in (ours, theirs):
        if entry not in names:
            raise UsageError(unknown("entry", entry, names))
    found = differences(done, ours, theirs, margin, results.incomplete)
    if found.empty:
        raise UsageError(f"{ours} and {theirs} have finished no common environment")
    table = comparison_tables.differences(found, ours, theirs, units(read_papers(), done), margin)
    table = comparison_tables.with_lost(table, results.lost, [ours, theirs])
    added = adaptive_entries(store, results, comparisons)
    places = {environment for environment, entries in added.items() if entries & {ours, theirs}}
    places &= set(found["environment"])
    kinds = {kind_of(environment) for environment in places}
    for name, row in zip((str(row[0]) for row in table.rows), found.to_dict("records"), strict=True):
        if row["environment"] == ALL and places and (row["kind"] in kinds or not isinstance(row["kind"], str)):
            places.add(name)
    return marked(table, {}, places)


def _found(
    store: Store,
    planned: Sequence[RunSpec] | None,
    papers: Sequence[Paper] | None,
    comparisons: Sequence[Comparison] | None,
    pairs: Sequence[tuple[str, str]] = (),
) -> Contents:
    results, shipped = read_results(store, planned), read_papers()
    judged = concerned(shipped, results) if papers is None else papers
    named = {paper.name for paper in papers or ()}
    known = [*(papers or ()), *(paper for paper in shipped if paper.name not in named)]
    return contents(results, known, deciding(store, comparisons), judged, pairs)


def render(found: Contents, title: str = TITLE, plots: Sequence[Plot] = (), description: str = "") -> str:
    """Return the page of what was found."""
    runs = found.results.runs
    counts = runs["state"].value_counts()
    versions = {str(each.provenance.get("versions", {}).get("suite")) for each in found.results.each.values()}
    return fill(
        "page.html.j2",
        title=title,
        description=description,
        sections=[*sections(found), *filter(None, [own.section(plots, found.results)])],
        summary=summary(found) if len(found.results.done) else None,
        markers=drawn(markers(len(found.order))),
        entries=len(found.order),
        environments=runs.loc[runs["entry"].notna(), "environment"].nunique(),
        total=len(runs),
        counts={state: int(counts.get(state, 0)) for state in run_tables.STATES},
        unpublished=found.results.unpublished,
        glyphs=run_tables.GLYPHS,
        versions=sorted(versions - {"None"}),
    )
