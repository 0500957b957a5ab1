"""The statistics of context embeddings beside printed ones, and a figure a run; in the report, and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from suite.analysis.intervals import mean_interval
from suite.inspect.cluster_records import STATISTICS, ClusterRecord, Statistics, frame
from suite.papers.paper import Paper
from suite.report import figures
from suite.report.files import write_page
from suite.report.html import drawn, fill
from suite.table import Cell, Table, interval

TITLE = "Clusters of context embeddings"
NOTE = (
    "Within: mean distance of a window to its task's centroid. Between: mean distance of two centroids. Ratio: between "
    "by within. Silhouette: its mean. "
    "The scale of t-SNE is arbitrary: compare ratios and silhouettes, not distances, and trust the latent space first. "
    "The papers' rows are printed; their ratios are computed from them."
)
HEADINGS = dict(zip(STATISTICS, ("within", "between", "ratio", "silhouette"), strict=True))
DRAWN = 24
"""Runs that get a figure in the report; a figure of 1,600 windows takes about 100 kB."""


OVER_SEEDS = (
    "Entries with several seeds that were embedded in the same way: means over seeds with Student's t interval; of "
    "ratios, which are skewed, the geometric mean. Windows: tasks x rollouts of at most so many transitions. Papers' "
    "rows are printed."
)


@dataclass(frozen=True)
class Section:
    """The clusters of some runs, as tables and figures."""

    over_seeds: Table
    table: Table
    figures: tuple[tuple[str, Markup, str], ...]
    """Key, figure, caption."""
    methods: tuple[str, ...]
    """The making of each run's windows, in a sentence."""
    undrawn: int
    """Runs without a figure, because there are too many."""


def section(records: Sequence[ClusterRecord], papers: Sequence[Paper], most: int = DRAWN) -> Section:
    """Lay out the statistics of some runs, with figures of `most` of them."""
    return Section(
        over_seeds(records, papers),
        table(records, papers),
        tuple(
            (
                f"clusters-{index}",
                drawn(figures.clusters(f"clusters-{index}", frame(record.points))),
                f"{record.label} on {record.environment}, seed {record.run_seed}",
            )
            for index, record in enumerate(_chosen(records, most))
        ),
        tuple(_method(record) for record in records),
        max(0, len(records) - most),
    )


def _chosen(records: Sequence[ClusterRecord], most: int) -> list[ClusterRecord]:
    """Choose what is drawn: every entry's first seed in every environment, then its second; alike ones side by side."""
    ranks: Counter[tuple[str, str]] = Counter()
    ranked: list[tuple[int, ClusterRecord]] = []
    for record in sorted(records, key=lambda record: record.run_seed):
        entry = (record.label, record.environment)
        ranked.append((ranks[entry], record))
        ranks[entry] += 1
    chosen = sorted(ranked, key=lambda each: each[0])[:most]
    return [record for _, record in sorted(chosen, key=lambda each: (each[1].environment, each[0]))]


def over_seeds(records: Sequence[ClusterRecord], papers: Sequence[Paper]) -> Table:
    """Put entries with several embedded seeds side by side, under what papers print; empty if there are none."""
    alike: dict[tuple[str, str, str], list[ClusterRecord]] = {}
    for record in records:
        made = f"{len(record.task_vectors)} x {record.rollouts} of {record.window}"
        alike.setdefault((record.environment, record.label, made), []).append(record)
    rows: list[tuple[Cell, ...]] = []
    for (environment, entry, made), group in sorted(alike.items()):
        if len(group) > 1:
            spaces = ([record.latent for record in group], [record.tsne for record in group])
            rows.append((environment, entry, len(group), *(cell for space in spaces for cell in _means(space)), made))
    if rows:
        rows = [
            (environment, source, *[None] * 7, between / within, *[None] * 2)
            for source, environment, within, between in _printed(papers)
        ] + rows
    columns = {name: name for name in ("environment", "entry", "seeds")}
    for key, space in (("latent", "latent"), ("tsne", "t-SNE")):
        for name in ("silhouette", "ratio"):
            columns |= {f"{key}_{name}": f"{space} {name}", f"{key}_{name}_ci": f"{space} {name}, 95 % CI"}
    return Table(
        "clusters-over-seeds",
        "Clusters over seeds",
        {**columns, "windows": "windows"},
        tuple(rows),
        OVER_SEEDS,
    )


def _means(space: Sequence[Statistics]) -> tuple[Cell, ...]:
    """Return the mean of the silhouette and the geometric mean of the ratio, each with its interval."""
    silhouette, *silhouette_ends = mean_interval(np.array([each.silhouette for each in space]), -1, 1)
    ratio, *ratio_ends = np.exp(mean_interval(np.log([each.ratio or np.nan for each in space])))
    return silhouette, interval(*silhouette_ends), float(ratio), interval(*map(float, ratio_ends))


def _printed(papers: Sequence[Paper]) -> Iterator[tuple[str, str, float, float]]:
    """Yield what papers print: source, environment, distance within, distance between."""
    for paper in papers:
        if about := paper.about.clusters:
            printed = paper.tables[about.table]
            for entry in printed.number_columns:
                within, between = (float(printed.cell(row, entry)) for row in (about.within, about.between))
                yield f"{entry}, {printed.about.title} of {paper.about.short}", about.environment, within, between


def table(records: Sequence[ClusterRecord], papers: Sequence[Paper]) -> Table:
    """Put the statistics of some runs under those that papers print."""
    rows: list[tuple[Cell, ...]] = [
        (source, environment, None, within, between, between / within, *[None] * 6)
        for source, environment, within, between in _printed(papers)
    ]
    for record in records:
        numbers = [getattr(space, name) for space in (record.tsne, record.latent) for name in STATISTICS]
        rows.append((record.label, record.environment, record.run_seed, *numbers, record.run))
    statistics = {
        f"{key}_{HEADINGS[name]}": f"{space} {HEADINGS[name]}"
        for key, space in (("tsne", "t-SNE"), ("latent", "latent"))
        for name in STATISTICS
    }
    return Table(
        "clusters",
        "Clusters",
        {**{name: name for name in ("entry", "environment", "seed")}, **statistics, "run": "run"},
        tuple(rows),
        NOTE,
    )


def write_clusters(reports: Path, records: Sequence[ClusterRecord], papers: Sequence[Paper]) -> Path:
    """Write `clusters.html`, one self-contained page, the same bytes for the same records.

    Returns
    -------
    The path of the page.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    return write_page(reports / "clusters.html", render(records, papers))


def render(records: Sequence[ClusterRecord], papers: Sequence[Paper]) -> str:
    """Return the page of some records."""
    return fill("clusters.html.j2", title=TITLE, clusters=section(records, papers, len(records)))


def _method(record: ClusterRecord) -> str:
    """Say in one sentence how a run's windows were made."""
    shortest, longest = record.window_rows
    rows = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    tsne = record.tsne_settings
    options = ", ".join(f"{name} {value}" for name, value in record.environment_options.items())
    return (
        f"{record.run}: {len(record.task_vectors)} tasks ({record.goals}), {record.rollouts} rollouts each"
        f" after {record.exploration_episodes} exploration episodes, windows of {rows} transitions, seed"
        f" {record.seed}; t-SNE of scikit-learn {tsne.scikit_learn}, perplexity {tsne.perplexity:g}, started"
        f" from {tsne.initialisation}" + (f"; {options}" if options else "")
    )
