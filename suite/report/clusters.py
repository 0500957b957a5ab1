"""The page of cluster statistics: Table 2 beside ours, and a figure a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from suite.analysis import paper
from suite.analysis.clusters import STATISTICS
from suite.errors import UsageError
from suite.report import figures
from suite.report.table import Cell, Table
from suite.store import write_atomically

TITLE = "Clusters of context embeddings"
NOTE = (
    "Mean distance of a window to its task's centroid, mean distance of two centroids, their ratio, mean silhouette. "
    "The scale of t-SNE is arbitrary: compare ratios and silhouettes, not distances, and trust the latent space first. "
    "The paper's rows are its Table 2 (push-v1), the ratio computed from it."
)
PRINTED = {"to_centroid": "average distance to centroid", "between_centroids": "average distance between clusters"}
"""Rows of Table 2."""


def table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Put the statistics of some runs under those that the paper prints.

    Parameters
    ----------
    records : of `suite.analysis.clusters.embed`.
    """
    rows: list[tuple[Cell, ...]] = []
    for entry, column in paper.table("table2").items():
        within, between = (float(column[PRINTED[name]]) for name in ("to_centroid", "between_centroids"))
        rows.append((f"{entry}, paper", "push-v1", None, within, between, between / within, *[None] * 6))
    for record in records:
        numbers = [record[space][name] for space in ("tsne", "latent") for name in STATISTICS]
        rows.append((record["label"], record["environment"], record["run_seed"], *numbers, record["run"]))
    spaces = ("t-SNE", "latent")
    columns = [f"{space}: {name.replace('_', ' ')}" for space in spaces for name in STATISTICS]
    return Table(
        "clusters",
        "Clusters (Table 2)",
        ("entry", "environment", "seed", *columns, "run"),
        tuple(rows),
        NOTE,
    )


def write_clusters(reports: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write `clusters.html`, one self-contained page, the same bytes for the same records.

    Returns
    -------
    The path of the page.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    page = render(records)
    path = reports / "clusters.html"
    try:
        reports.mkdir(parents=True, exist_ok=True)
        write_atomically(path, page.encode(errors="replace"))
    except OSError as error:
        raise UsageError(f"--reports {reports}: cannot be written ({error.strerror})") from error
    return path


def render(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of some records."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("suite", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = Path(__file__).parent
    drawn = [
        (
            f"run-{index}",
            Markup(figures.clusters(f"run-{index}", pd.DataFrame(record["points"]))),  # noqa: S704 - drawn by us
            f"{record['label']} on {record['environment']}, seed {record['run_seed']}",
        )
        for index, record in enumerate(records)
    ]
    return environment.get_template("clusters.html.j2").render(
        title=TITLE,
        style=Markup((folder / "page.css").read_text()),  # noqa: S704 - our own file
        script=Markup((folder / "page.js").read_text()),  # noqa: S704 - our own file
        verdict_classes={},
        table=table(records),
        figures=drawn,
        methods=[_method(record) for record in records],
    )


def _method(record: Mapping[str, Any]) -> str:
    """Say in one sentence how a run's windows were made."""
    shortest, longest = record["window_rows"]
    rows = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    tsne = record["tsne_settings"]
    options = ", ".join(f"{name} {value}" for name, value in record["environment_options"].items())
    return (
        f"{record['run']}: {len(record['task_vectors'])} tasks ({record['goals']}), {record['rollouts']} rollouts each"
        f" after {record['exploration_episodes']} exploration episodes, windows of {rows} transitions, seed"
        f" {record['seed']}; t-SNE of scikit-learn {tsne['scikit_learn']}, perplexity {tsne['perplexity']:g}, started"
        f" from {tsne['initialisation']}" + (f"; {options}" if options else "")
    )
