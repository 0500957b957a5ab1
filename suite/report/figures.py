"""Figures as inline SVG in the page's colours, identical for identical numbers.

Curves are those of `suite.report.charts`; the rest is drawn by matplotlib in seaborn's style.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from environments import FloatArray
from suite.report.charts import LEGEND_COLUMNS, SERIES, SIGNS, Axis, Curve, Series, line_chart
from suite.table import interval, number
from suite.table import text as written

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")
"""The shapes of `charts.SIGNS`, as matplotlib names them."""

AXES = (
    Axis("steps", "environment steps"),
    Axis("gradient", "gradient steps"),
    Axis("seconds", "seconds of training"),
)
"""Horizontal axes of learning curves, the first the one that is drawn."""
PLACES = ("environment_steps", "gradient_steps", "seconds")
"""The columns of `Results.curves` that they show."""

BAND_SEEDS = 3
"""Fewer seeds have an interval so wide that it hides them; they are drawn one by one instead."""

INK, RULE = "#010101", "#020202"
"""Stand-ins, replaced by the page's own colours so that one figure serves light, dark and print."""

STYLE: dict[Any, Any] = {
    **{name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith(("backend", "interactive"))},
    **sns.axes_style("whitegrid"),
    "svg.fonttype": "none",
    "svg.hashsalt": "suite",
    "axes.edgecolor": RULE,
    "grid.color": RULE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "text.parse_math": False,
    "font.sans-serif": ["DejaVu Sans"],
}
"""Every parameter, so that a file of the user's (`matplotlibrc`) changes no figure."""


def _stand_in(series: int) -> str:
    return f"#a0000{series % SERIES}"


def style(series: int) -> tuple[str, str, bool]:
    """Return how a series looks on the page: its colour, its marker as a character, whether it is dashed."""
    return f"var(--s{series % SERIES})", SIGNS[series % len(SIGNS)], series >= SERIES


def curves(
    bands: pd.DataFrame,
    runs: pd.DataFrame,
    order: Sequence[str],
    paper: Mapping[str, float],
    points: Mapping[str, Sequence[tuple[float, float]]],
    unit: float = 1.0,
    quantity: str = "meta-test return",
) -> str:
    """Draw one environment's learning curves: mean and 95 % interval over seeds, each seed, the paper's end value.

    Parameters
    ----------
    bands : rows of `suite.analysis.intervals.curve_bands` of this environment.
    runs : rows of `Results.curves` of this environment.
    order : all entries of the page; a series keeps its colour and marker in every figure.
    paper : entry -> the paper's end value, in the paper's unit.
    points : entry -> (environment steps, return) of external results, in the paper's unit.
    unit : what returns are divided by (1000 where the paper prints thousands).
    quantity : what `return` is, for the axis.
    """
    series = {}
    for entry, band in bands[np.isfinite(bands["mean"])].groupby("entry", sort=False):
        low, high = (band[end].where(band["seeds"] >= BAND_SEEDS).to_numpy(float) / unit for end in ("low", "high"))
        own = runs[(runs["entry"] == entry) & np.isfinite(runs["return"])]
        series[str(entry)] = Series(
            _curve(band, "mean", unit),
            low,
            high,
            band["seeds"].to_numpy(np.int64),
            [_curve(run, "return", unit) for _, run in own.groupby("run", sort=True)],
            paper.get(str(entry)),
            points.get(str(entry), ()),
        )
    thousands = " (thousands)" if unit > 1 else ""
    return line_chart(series, order, AXES, quantity + thousands)


def _curve(rows: pd.DataFrame, quantity: str, unit: float) -> Curve:
    x = {axis.key: rows[column].to_numpy(float) for column, axis in zip(PLACES, AXES, strict=True) if column in rows}
    return Curve(x, rows[quantity].to_numpy(float) / unit)


def adaptations(
    bands: pd.DataFrame, runs: pd.DataFrame, order: Sequence[str], logged: Mapping[tuple[str, int], float]
) -> str:
    """Draw one environment's returns by the number of adaptations: the mean over seeds, each seed, and a paper's log.

    Parameters
    ----------
    bands : rows of `suite.analysis.stepwise.return_by_adaptations` of this environment.
    runs : rows of `suite.analysis.stepwise.trained_returns` of this environment.
    order : all entries of the page.
    logged : (entry, adaptations) -> the return that a paper's log has.
    """

    def curve(rows: pd.DataFrame, quantity: str) -> Curve:
        return Curve({"adaptations": rows["adaptations"].to_numpy(float)}, rows[quantity].to_numpy(float))

    series = {}
    for entry, band in bands.groupby("entry", sort=False):
        none = np.full(len(band), np.nan)
        each = [curve(run, "return") for _, run in runs[runs["entry"] == entry].groupby("run", sort=True)]
        theirs = sorted((float(number), value) for (name, number), value in logged.items() if name == entry)
        counts = np.full(len(band), len(each))
        series[str(entry)] = Series(curve(band, "mean"), none, none, counts, each, points=theirs, joined=True)
    return line_chart(series, order, [Axis("adaptations", "adaptations at meta-test", whole=True)], "return")


def profiles(levels: FloatArray, shares: Mapping[str, FloatArray], order: Sequence[str]) -> str:
    """Draw performance profiles: the share of runs above each normalised score.

    Parameters
    ----------
    levels : (levels,) normalised scores.
    shares : entry -> (levels, 3): share, low, high.
    """
    series = {}
    for entry, found in shares.items():
        share, low, high = found.T
        inside = (share > 0) & (share < 1)  # beyond, the bands of all entries would cover one another
        low, high = (np.where(inside, end, np.nan) for end in (low, high))
        series[entry] = Series(Curve({"level": levels}, share), low, high, np.zeros(0, np.int64))
    axis = Axis("level", "normalised score (untrained 0, oracle 1)")
    return line_chart(
        series, order, [axis], "share of runs above it", limits=(-0.02, 1.02), guides=(0.0, 1.0), stepped=True
    )


@mpl.rc_context(STYLE)
def split_bars(key: str, seconds: pd.DataFrame) -> str:
    """Draw where the time goes: one bar an entry, split into its parts.

    Parameters
    ----------
    seconds : index: entries; one column a part, in seconds a run.
    """
    figure, axes = _figure(7.2, 0.9 + 0.38 * len(seconds))
    unit, divisor = next(
        (unit for unit in (("hours", 3600.0), ("minutes", 60.0)) if seconds.sum(axis=1).max() >= unit[1]),
        ("seconds", 1.0),
    )
    left = np.zeros(len(seconds))
    bars = {}
    for index, part in enumerate(seconds.columns):
        spent = seconds[part].fillna(0).to_numpy(float) / divisor
        bars[str(part)] = axes.barh(
            seconds.index,
            spent,
            left=left,
            color=_stand_in(index + 4),
            hatch=("", "///", "xx")[index % 3],
            edgecolor=RULE,
            linewidth=0.4,
            height=0.62,
        )
        left += spent
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"{unit} a run (mean)")
    _legend_below(figure, bars)
    times = (seconds.fillna(0) / divisor).assign(total=seconds.sum(axis=1) / divisor)
    rows = [
        Row(place, str(entry), [(str(part), f"{number(value)} {unit}") for part, value in parts.items()])
        for place, (entry, parts) in enumerate(times.iterrows())
    ]
    return as_svg(key, figure, rows)


@mpl.rc_context(STYLE)
def aggregates(key: str, table: pd.DataFrame, names: Sequence[str], order: Sequence[str]) -> str:
    """Draw aggregates of every entry side by side, each with its interval where it has one.

    Parameters
    ----------
    table : one row an entry: columns `entry`, `<name>`, `<name> low`, `<name> high`.
    names : of the aggregates.
    """
    figure = Figure(figsize=(2.0 + 2.1 * len(names), 0.8 + 0.3 * len(table)), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        for row, values in enumerate(table.to_dict("records")):
            index = order.index(values["entry"])
            axes.plot(
                [values[f"{name} low"], values[f"{name} high"]],
                [row, row],
                color=_stand_in(index),
                linewidth=7,
                alpha=0.35,
                solid_capstyle="butt",
                gid=f"series-{index}-band",
            )
            axes.plot(
                [values[name]],
                [row],
                color=_stand_in(index),
                marker=MARKERS[index % len(MARKERS)],
                markersize=8,
                markeredgewidth=0,
                gid=f"series-{index}-mean",
            )
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_title(name)
    panels[0].set_yticks(range(len(table)), [str(entry) for entry in table["entry"]])
    panels[0].set_ylim(len(table) - 0.4, -0.6)
    figure.supxlabel("of normalised scores (untrained 0, oracle 1)", fontsize=9)
    rows = [
        Row(
            place,
            str(values["entry"]),
            [
                (name, number(values[name]), written(limits) if limits else "")
                for name in names
                for limits in [interval(values[f"{name} low"], values[f"{name} high"])]
            ],
        )
        for place, values in enumerate(table.to_dict("records"))
    ]
    return as_svg(key, figure, rows)


@mpl.rc_context(STYLE)
def clusters(key: str, points: pd.DataFrame) -> str:
    """Draw windows in the plane, each with the colour and the marker of its task.

    Parameters
    ----------
    points : columns `task` (0, 1, ...), `x` and `y`.
    """
    figure, axes = _figure(5.2, 5.0)
    dots = {}
    for index in sorted(points["task"].unique().tolist()):
        own = points[points["task"] == index]
        dots[f"task {index}"] = axes.scatter(
            own["x"],
            own["y"],
            s=11,
            color=_stand_in(index),
            marker=MARKERS[index % len(MARKERS)],
            alpha=0.75,
            linewidth=0,
        )
    axes.set(xlabel="t-SNE 1", ylabel="t-SNE 2", xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    _legend_below(figure, dots, markerscale=1.8)
    return as_svg(key, figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return axes that fill a figure, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _legend_columns(names: Iterable[str], width: float) -> int:
    """Return how many names beside each other, with their marks, fit a figure of some width in inches."""
    return max(1, min(LEGEND_COLUMNS, int(width / (0.42 + 0.07 * max(map(len, names), default=0)))))


def _legend_below(figure: Figure, handles: Mapping[str, Any], **options: Any) -> None:
    """Name the series under the axes; matplotlib hides names that start with an underscore, so a mark precedes it."""
    names = [f"\u200b{name}" if name.startswith("_") else name for name in handles]
    figure.legend(
        list(handles.values()),
        names,
        loc="outside lower center",
        ncols=_legend_columns(names, figure.get_figwidth()),
        **options,
        columnspacing=1.2,
        handlelength=1.6,
    )


@dataclass(frozen=True)
class Row:
    """Everything at a height of a figure's first axes, as the page's script says it."""

    height: float
    name: str
    values: Sequence[Sequence[str]]
    """A name, a value, and an interval or nothing, each."""


def as_svg(key: str, figure: Figure, rows: Sequence[Row] = ()) -> str:
    """Write a figure as an SVG element that can stand on the page beside others.

    Parameters
    ----------
    rows : from top to bottom, what the figure has at each height.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Text stays text in the SVG: the font that lacks a glyph only measures it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"(?<=[\s\"LMCQH,])(-?\d+\.\d\d)\d+", r"\1", text)
    text = text.replace("font-family: 'DejaVu Sans'", "font-family: inherit")
    text = text.replace(INK, "currentColor").replace(RULE, "var(--rule)")
    for series in range(SERIES):
        text = text.replace(_stand_in(series), f"var(--s{series})")
    text = re.sub(r'id="(series-\d+)-(\w+)"', r'class="\1 \2"', text)
    referenced = set(re.findall(r"#([\w-]+)", text))

    def rename(match: re.Match[str]) -> str:
        return f'id="{key}-{match[1]}"' if match[1] in referenced else ""

    text = re.sub(r'\bid="([^"]*)"', rename, text)
    text = re.sub(r"(url\(|href=\")#([\w-]+)", rf"\1#{key}-\2", text)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1)
    if rows:
        text = text.replace("<svg", f'<svg data-rows="{escape(json.dumps(_placed(figure, rows)))}"', 1)
    return text


def _placed(figure: Figure, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows with their distance from the top, as a share of the figure's height."""
    up = figure.axes[0].transData.transform([(0.0, row.height) for row in rows])[:, 1] / figure.bbox.height
    return [
        {"at": round(1 - at, 4), "name": row.name, "values": row.values}
        for row, at in zip(rows, up.tolist(), strict=True)
    ]
