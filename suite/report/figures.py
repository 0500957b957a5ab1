"""Figures as inline SVG: seaborn's style, the page's colours, identical for identical numbers.

Lines are drawn by matplotlib itself: `seaborn.lineplot` doubles the time of a report with fifty environments.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")
SIGNS = ("●", "■", "▲", "◆", "▼", "✚", "✖", "◀", "▶", "★", "⬟")
"""The same as characters, for the page's own legend."""
SERIES = 7
"""Colours of the style sheet; beyond them a series is told by its marker and dashes."""
LEGEND_COLUMNS = 4

BAND_SEEDS = 3
"""Fewer seeds have an interval so wide that it hides them; they are drawn one by one instead."""

INK, RULE = "#010101", "#020202"
"""Stand-ins, replaced by the page's own colours so that one figure serves light, dark and print."""

STYLE: dict[Any, Any] = {
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


def _stand_in(series: int) -> str:
    return f"#a0000{series % SERIES}"


def style(series: int) -> tuple[str, str, bool]:
    """Return how a series looks on the page: its colour, its marker as a character, whether it is dashed."""
    return f"var(--s{series % SERIES})", SIGNS[series % len(SIGNS)], series >= SERIES


def _dash(series: int) -> Any:
    """Return the line style of a series: dashed where its colour serves a second time."""
    return "solid" if series < SERIES else (0, (4, 1.5))


@mpl.rc_context(STYLE)
def curves(
    key: str,
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
    key : unique on the page.
    bands : rows of `suite.analysis.intervals.curve_bands` of this environment.
    runs : rows of `Results.curves` of this environment.
    order : all entries of the page; a series keeps its colour and marker in every figure.
    paper : entry -> the paper's end value, in the paper's unit.
    points : entry -> (environment steps, return) of external results, in the paper's unit.
    unit : what returns are divided by (1000 where the paper prints thousands).
    quantity : what `return` is, for the axis.
    """
    present = [entry for entry in order if entry in set(bands["entry"])]
    figure, axes = _figure(5.2, 2.9, legend=present)
    lines = {}
    for entry in present:
        index = order.index(entry)
        style_of: dict[str, Any] = {"color": _stand_in(index), "linestyle": _dash(index)}
        band = bands[bands["entry"] == entry]
        steps = band["environment_steps"].to_numpy(float)
        low, high = (band[end].to_numpy(float) / unit for end in ("low", "high"))
        for _, run in runs[runs["entry"] == entry].groupby("run", sort=True):
            axes.plot(
                run["environment_steps"].to_numpy(float),
                run["return"].to_numpy(float) / unit,
                **style_of,
                linewidth=0.7,
                alpha=0.75,
                gid=f"series-{index}-seed",
            )
        axes.fill_between(
            steps,
            low,
            high,
            where=(band["seeds"] >= BAND_SEEDS).to_numpy(bool),
            color=_stand_in(index),
            alpha=0.16,
            linewidth=0,
            gid=f"series-{index}-band",
        )
        if entry in points:
            axes.plot(
                *zip(*points[entry], strict=True),
                color=_stand_in(index),
                linestyle="none",
                marker=MARKERS[index % len(MARKERS)],
                fillstyle="none",
                gid=f"series-{index}-paper",
            )
        if entry in paper:
            axes.axhline(
                paper[entry],
                color=_stand_in(index),
                linestyle=(0, (2, 2)),
                linewidth=1.1,
                gid=f"series-{index}-paper",
            )
        (lines[entry],) = axes.plot(
            steps,
            band["mean"].to_numpy(float) / unit,
            **style_of,
            marker=MARKERS[index % len(MARKERS)],
            markevery=max(1, len(band) // 8),
            markeredgewidth=0,
            zorder=3,
            gid=f"series-{index}-mean",
        )
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    others = [value for entry in points for _, value in points[entry]]
    _limit(axes, runs["return"].to_numpy(float) / unit, [*paper.values(), *others])
    axes.set(xlabel="environment steps of meta-training", ylabel=quantity + (" (thousands)" if unit > 1 else ""))
    _legend_below(figure, lines)
    return as_svg(key, figure)


@mpl.rc_context(STYLE)
def adaptations(
    key: str, bands: pd.DataFrame, runs: pd.DataFrame, order: Sequence[str], logged: Mapping[tuple[str, int], float]
) -> str:
    """Draw one environment's returns by the number of adaptations: the mean over seeds, each seed, and a paper's log.

    Parameters
    ----------
    bands : rows of `suite.analysis.stepwise.return_by_adaptations` of this environment.
    runs : rows of `suite.analysis.stepwise.trained_returns` of this environment.
    order : all entries of the page.
    logged : (entry, adaptations) -> the return that a paper's log has.
    """
    present = [entry for entry in order if entry in set(bands["entry"])]
    figure, axes = _figure(5.2, 3.2, legend=present)
    lines = {}
    for entry in present:
        index = order.index(entry)
        style_of: dict[str, Any] = {"color": _stand_in(index), "linestyle": _dash(index)}
        marks: dict[str, Any] = {"marker": MARKERS[index % len(MARKERS)]}
        for _, run in runs[runs["entry"] == entry].groupby("run", sort=True):
            axes.plot(
                run["adaptations"], run["return"], **style_of, linewidth=0.7, alpha=0.6, gid=f"series-{index}-seed"
            )
        theirs = sorted((number, value) for (name, number), value in logged.items() if name == entry)
        if theirs:
            axes.plot(
                *zip(*theirs, strict=True),
                color=_stand_in(index),
                linestyle=(0, (2, 2)),
                linewidth=1.1,
                **marks,
                fillstyle="none",
                gid=f"series-{index}-paper",
            )
        band = bands[bands["entry"] == entry]
        (lines[entry],) = axes.plot(
            band["adaptations"],
            band["mean"],
            **style_of,
            **marks,
            markeredgewidth=0,
            zorder=3,
            gid=f"series-{index}-mean",
        )
    axes.set(xlabel="adaptations at meta-test", ylabel="return", xticks=sorted(set(bands["adaptations"])))
    _legend_below(figure, lines)
    return as_svg(key, figure)


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
            hatch=("", "///", "...", "xx")[index % 4],
            edgecolor=RULE,
            linewidth=0.4,
            height=0.62,
        )
        left += spent
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"{unit} a run (mean)")
    _legend_below(figure, bars)
    return as_svg(key, figure)


@mpl.rc_context(STYLE)
def profiles(
    key: str, levels: NDArray[np.float64], shares: Mapping[str, NDArray[np.float64]], order: Sequence[str]
) -> str:
    """Draw performance profiles: the share of runs above each normalised score.

    Parameters
    ----------
    levels : (levels,) normalised scores.
    shares : entry -> (levels, 3): share, low, high.
    """
    figure, axes = _figure(5.2, 3.5)
    lines = {}
    for index, entry in enumerate(order):
        if entry not in shares:
            continue
        share, low, high = shares[entry].T
        (lines[entry],) = axes.step(
            levels,
            share,
            where="post",
            color=_stand_in(index),
            marker=MARKERS[index % len(MARKERS)],
            markevery=max(1, len(levels) // 10),
            markeredgewidth=0,
            gid=f"series-{index}-mean",
        )
        axes.fill_between(
            levels,
            low,
            high,
            where=(share > 0) & (share < 1),  # beyond, the bands of all entries would cover one another
            step="post",
            color=_stand_in(index),
            alpha=0.14,
            linewidth=0,
            gid=f"series-{index}-band",
        )
    for end in (0.0, 1.0):
        axes.axvline(end, color=INK, linewidth=0.8, linestyle=(0, (1, 3)))
    axes.set(xlabel="normalised score (untrained 0, oracle 1)", ylabel="share of runs above it", ylim=(-0.02, 1.02))
    _legend_below(figure, lines)
    return as_svg(key, figure)


@mpl.rc_context(STYLE)
def strips(key: str, table: pd.DataFrame, name: str, order: Sequence[str]) -> str:
    """Draw one aggregate of every entry with its interval.

    Parameters
    ----------
    table : columns `entry`, `<name>`, `<name> low`, `<name> high`.
    """
    figure, axes = _figure(5.2, 0.8 + 0.34 * len(table))
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
    axes.set_yticks(range(len(table)), [str(entry) for entry in table["entry"]])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"{name} of normalised scores (untrained 0, oracle 1)")
    return as_svg(key, figure)


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


def _figure(width: float, height: float, legend: Sequence[str] = ()) -> tuple[Figure, Axes]:
    """Return axes that fill a figure, in inches.

    Parameters
    ----------
    legend : if empty, matplotlib finds the margins, which takes as long as drawing; else they are fixed, with room
        beneath (added to the height) for a legend of these names.
    """
    if not legend:
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()
    beneath = 0.18 * math.ceil(len(legend) / _legend_columns(legend, width))
    figure = Figure(figsize=(width, height + beneath))
    left, right, bottom, top = 0.68, 0.08, 0.62 + beneath, 0.08
    frame = (left / width, bottom / (height + beneath), 1 - (left + right) / width, 1)
    height += beneath
    return figure, figure.add_axes((*frame[:3], 1 - (bottom + top) / height))


def _limit(axes: Axes, values: NDArray[np.float64], lines: Sequence[float]) -> None:
    """Keep every seed and every line in view; a wide interval of few seeds may leave the frame."""
    shown = np.concatenate([values, np.asarray(lines, float)])
    shown = shown[np.isfinite(shown)]
    if len(shown):
        margin = 0.08 * (shown.max() - shown.min()) or 1.0
        axes.set_ylim(shown.min() - margin, shown.max() + margin)


def _legend_columns(names: Iterable[str], width: float) -> int:
    """Return how many names beside each other, with their marks, fit a figure of some width in inches."""
    return max(1, min(LEGEND_COLUMNS, int(width / (0.42 + 0.07 * max(map(len, names), default=0)))))


def _legend_below(figure: Figure, handles: Mapping[str, Any], **options: Any) -> None:
    """Name the series under the axes; matplotlib hides names that start with an underscore, so a mark precedes it."""
    names = [f"\u200b{name}" if name.startswith("_") else name for name in handles]
    figure.legend(
        list(handles.values()),
        names,
        loc="outside lower center" if figure.get_layout_engine() else "lower center",
        ncols=_legend_columns(names, figure.get_figwidth()),
        **options,
        columnspacing=1.2,
        handlelength=1.6,
    )


def as_svg(key: str, figure: Figure) -> str:
    """Write a figure as an SVG element that can stand on the page beside others."""
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
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1)
