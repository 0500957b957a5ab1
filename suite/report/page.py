"""The page: one self-contained HTML file, the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from suite.analysis.intervals import curve_bands, score_table
from suite.analysis.tables import Results, read_results
from suite.report import figures, tables
from suite.report.table import Table, text
from suite.spec import RunSpec
from suite.store import Store, write_atomically

TITLE = "Reproducing meta-reinforcement learning"

KNOWN_ENTRIES = ("tcl-pearl", "pearl", "oracle-sac", "blind-sac", "mql", "rl2-ppo", "maml-trpo")
"""Entries that always look the same; others follow by name."""

VERDICT_CLASSES: dict[str, str] = {}


@dataclass(frozen=True)
class EnvironmentSection:
    """What the page says of one environment."""

    key: str
    name: str
    figure: Markup
    scores: Table


def write_report(store: Store, reports: Path, planned: Sequence[RunSpec] | None = None, title: str = TITLE) -> Path:
    """Judge a store and write `index.html`.

    Parameters
    ----------
    store : the run store; an empty one gives a page that says so.
    reports : folder to write to; made if absent.
    planned : the runs of the benchmark: others are left out, and missing ones are shown. None: all runs of the store.
    title : heading of the page.

    Returns
    -------
    The path of the page.
    """
    results = read_results(store, planned)
    reports.mkdir(parents=True, exist_ok=True)
    path = reports / "index.html"
    write_atomically(path, render(results, title).encode())
    return path


def render(results: Results, title: str = TITLE) -> str:
    """Return the page of results already read."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("suite", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = text
    folder = Path(__file__).parent
    return environment.get_template("page.html.j2").render(
        title=title,
        style=Markup((folder / "page.css").read_text()),  # noqa: S704 - our own file
        script=Markup((folder / "page.js").read_text()),  # noqa: S704 - our own file
        **context(results),
    )


def context(results: Results) -> dict[str, Any]:
    """Gather everything that the template shows."""
    done = results.done
    order = entries(results.runs)
    scores = score_table(done)
    bands = curve_bands(results.curves)
    units = dict.fromkeys(scores["environment"], 1.0)
    counts = results.runs["state"].value_counts()
    return {
        "counts": {state: int(counts.get(state, 0)) for state in tables.STATES},
        "verdicts": VERDICT_CLASSES,
        "entries": [(index, entry, figures.SERIES) for index, entry in enumerate(order)],
        "scores": tables.scores(scores, units),
        "environments": [
            _environment_section(f"environment-{index}", name, results, scores, bands, order, units)
            for index, name in enumerate(sorted(units))
        ],
        "wall_clock": tables.wall_clock(done),
        "wall_clock_figure": _wall_clock_figure(done, order),
        "matrix": _matrix(results.runs, order),
        "glyphs": tables.GLYPHS,
        "problems": results.problems,
        "failed": _failed(results),
        "others": results.others,
        "provenance": tables.provenance(results),
        "settings": tables.settings(results),
    }


def entries(runs: pd.DataFrame) -> list[str]:
    """Order the entries: the known ones first, so that they keep their colours."""
    found = set(runs["entry"].dropna())
    return [entry for entry in KNOWN_ENTRIES if entry in found] + sorted(found - set(KNOWN_ENTRIES))


def _environment_section(
    key: str,
    name: str,
    results: Results,
    scores: pd.DataFrame,
    bands: pd.DataFrame,
    order: Sequence[str],
    units: Mapping[str, float],
) -> EnvironmentSection:
    figure = figures.curves(
        key,
        bands[bands["environment"] == name],
        results.curves[results.curves["environment"] == name],
        order,
        {},
        units[name],
    )
    table = tables.scores(scores[scores["environment"] == name], units)
    table = replace(table, key=f"{key}-scores", title=f"Final scores on {name}", note="")
    return EnvironmentSection(key, name, Markup(figure), table)  # noqa: S704 - drawn by us, text escaped by matplotlib


def _wall_clock_figure(done: pd.DataFrame, order: Sequence[str]) -> Markup:
    if done.empty:
        return Markup("")
    parts = {"seconds_sampling": "sampling", "seconds_updating": "updating", "seconds_evaluating": "evaluating"}
    seconds = done.groupby("entry")[list(parts)].mean().rename(columns=parts)
    present = [entry for entry in order if entry in seconds.index]
    return Markup(figures.split_bars("wall-clock", seconds.loc[present]))  # noqa: S704 - as above


def _matrix(runs: pd.DataFrame, order: Sequence[str]) -> list[tuple[str, list[list[tuple[int, str, str]]]]]:
    """Return one row an environment; one cell an entry; one (seed, state, run) a run."""
    cells: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for row in runs[runs["entry"].notna()].to_dict("records"):
        cells.setdefault((row["environment"], row["entry"]), []).append((int(row["seed"]), row["state"], row["run"]))
    names = sorted({environment for environment, _ in cells})
    return [(name, [sorted(cells.get((name, entry), [])) for entry in order]) for name in names]


def _failed(results: Results) -> list[tuple[str, str, str, str]]:
    """Return (run, state, reason, log tail) of the runs that failed or cannot be read."""
    reasons = {problem.run: problem.problem for problem in results.problems}
    rows = []
    for row in results.runs[results.runs["state"].isin(["failed", "unreadable"])].to_dict("records"):
        failure = results.failures.get(row["run"], {})
        reason = reasons.get(row["run"]) or ": ".join(str(failure[key]) for key in ("kind", "reason") if key in failure)
        rows.append((row["run"], row["state"], reason, results.log_tails.get(row["run"], "")))
    return rows
