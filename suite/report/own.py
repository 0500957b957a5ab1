"""The section of figures and tables that a benchmark's user modules make."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from suite.analysis.results import Results
from suite.errors import in_one_line
from suite.plan.plots import Plot
from suite.report import figures
from suite.report.html import drawn
from suite.report.sections import Section
from suite.table import Table


def section(plots: Sequence[Plot], results: Results) -> Section | None:
    """Make each figure and table; one that cannot be made is said to be missing, and the page does without it."""
    if not plots:
        return None
    shown: list[dict[str, Any]] = []
    for index, plot in enumerate(plots):
        key = f"own-{index}"
        try:
            shown.append({"key": key, "title": plot.title, **_shown(key, plot, plot.make(results))})
        except Exception as error:  # what somebody's code may raise
            shown.append({"key": key, "title": plot.title, "missing": f"{type(error).__name__}: {in_one_line(error)}"})
    tables = [each["table"] for each in shown if "table" in each]
    return Section("own", "Of this benchmark", {"plots": shown}, tables)


def _shown(key: str, plot: Plot, made: Any) -> dict[str, Any]:
    if isinstance(made, Figure):
        try:
            return {"figure": drawn(figures.as_svg(key, made))}
        finally:
            if pyplot := sys.modules.get("matplotlib.pyplot"):
                pyplot.close(made)  # which else keeps it
    if isinstance(made, Table):
        return {"table": made}
    if isinstance(made, pd.DataFrame):
        rows = tuple(tuple(_cell(value) for value in row) for row in made.itertuples(index=False, name=None))
        return {"table": Table(key, plot.title, {str(name): str(name) for name in made.columns}, rows)}
    raise TypeError(f"must return a matplotlib Figure, a DataFrame or a Table, not a {type(made).__name__}")


def _cell(value: Any) -> Any:
    """Return a value of a DataFrame as a plain one: numbers of numpy as Python's, what is missing as None."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or (isinstance(plain, float) and plain != plain):
        return None
    return plain if isinstance(plain, str | int | float | bool) else str(plain)
