"""Line charts as light SVG: whole numbers in paths, from which the page's script reads values, and moves to other axes.

A chart of matplotlib is four times as heavy and takes twenty times as long to draw, which a page of fifty environments
feels. What no script shows and paper has is all here; `charts.js` adds what needs a hand on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import escape
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from environments import FloatArray

SERIES = 7
"""Colours of the style sheet; beyond them a series is told by its marker and dashes."""
SIGNS = ("●", "■", "▲", "◆", "▼", "✚", "✖", "◀", "▶", "★", "⬟")
"""Markers as characters, for the page's own legend."""
SHAPES = (
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
    "M-2.6-2.6h5.2v5.2h-5.2z",
    "M0-3.2 3 2.4h-6z",
    "M0-3.6 2.8 0 0 3.6-2.8 0z",
    "M0 3.2 3-2.4h-6z",
    "M-1-3h2v2h2v2h-2v2h-2v-2h-2v-2h2z",
    "M-3-1.6-1.6-3 0-1.4 1.6-3 3-1.6 1.4 0 3 1.6 1.6 3 0 1.4-1.6 3-3 1.6-1.4 0z",
    "M-3.2 0 2.4-3v6z",
    "M3.2 0-2.4-3v6z",
    "M0-3.8.9-1.2H3.6L1.4.4 2.2 3 0 1.5-2.2 3-1.4.4-3.6-1.2H-.9z",
    "M0-3.3 3.1-1 1.9 2.7h-3.8L-3.1-1z",
)
"""The same as paths, in pixels."""

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 520, 64, 18, 8, 46
"""Width of a figure and its margins, in pixels."""
ACROSS = 500
"""Units of a path along the horizontal axis: one is a pixel, nearly."""
UP = (500, 1250)
"""Units along the vertical axis: at least the first, and fewer than the second; see `unit_of`."""
MARKS = 8
"""Markers of a curve."""
LEGEND_COLUMNS, LEGEND_ROW = 4, 17


@dataclass(frozen=True)
class Curve:
    """Points of a curve, in the order in which they are joined."""

    x: Mapping[str, FloatArray]
    """Axis -> (marks,) places; the chart's first axis is always there, finite and ascending."""
    y: FloatArray
    """(marks,) finite values."""


@dataclass(frozen=True)
class Series:
    """One entry of a chart."""

    mean: Curve
    low: FloatArray
    """(marks,) the lower ends of the interval; NaN where none is drawn."""
    high: FloatArray
    seeds: NDArray[np.int64]
    """(marks,) runs behind each mean; empty where they are not counted."""
    runs: Sequence[Curve] = ()
    level: float | None = None
    """Value that a paper has at the end: a line across."""
    points: Sequence[tuple[float, float]] = ()
    """Places on the first axis and values that a paper or others have."""
    joined: bool = False
    """True if those points are one run's."""


@dataclass(frozen=True)
class Axis:
    """A horizontal axis that a chart may have."""

    key: str
    label: str
    whole: bool = False
    """True if only whole numbers are places."""


@dataclass(frozen=True)
class _Frame:
    """The heights at which values are drawn: `low` + n `unit` is n units above the bottom."""

    low: float
    unit: float
    units: int
    height: int
    extents: Mapping[str, tuple[float, float]]
    """Axis -> its ends."""

    def up(self, values: FloatArray) -> NDArray[np.int64]:
        """Return units from the top."""
        return np.asarray(self.units - np.rint((values - self.low) / self.unit), np.int64)

    def along(self, axis: str, places: FloatArray) -> NDArray[np.int64]:
        """Return units from the left."""
        low, high = self.extents[axis]
        return np.asarray(np.rint((places - low) / (high - low) * ACROSS), np.int64)

    def pixels(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Return where units are in the figure."""
        across, down = LEFT + x * (WIDTH - LEFT - RIGHT) / ACROSS, TOP + y * self.height / self.units
        return [(_short(a), _short(b)) for a, b in zip(across.tolist(), down.tolist(), strict=True)]


def unit_of(extent: float) -> float:
    """Return the unit, a 1, 2 or 5 with zeros, of which an axis of some extent has between 500 and 1250.

    Examples
    --------
    >>> unit_of(1.0), unit_of(100_000.0), unit_of(700.0)
    (0.002, 200.0, 1.0)
    """
    power = math.floor(math.log10(extent / UP[0]))
    return next(
        unit
        for unit in (digit * 10.0**exponent for exponent in (power, power - 1) for digit in (5, 2, 1))
        if extent / unit >= UP[0]
    )


def line_chart(
    series: Mapping[str, Series],
    order: Sequence[str],
    axes: Sequence[Axis],
    quantity: str,
    height: int = 226,
    limits: tuple[float, float] | None = None,
    guides: Sequence[float] = (),
    stepped: bool = False,
) -> str:
    """Draw entries' means over seeds with intervals, single seeds and what papers have.

    Parameters
    ----------
    series : entry -> what is drawn of it.
    order : all entries of the page; a series keeps its colour and marker in every figure.
    axes : the first is drawn; a script may show the others, of which curves that lack one have no places.
    quantity : what the vertical axis is.
    height : of the frame, in pixels.
    limits : ends of the vertical axis; by default all seeds, means and papers are in view.
    guides : places on the first axis that have a dotted line.
    stepped : True if a value holds until the next mark.
    """
    present = {order.index(entry): (entry, series[entry]) for entry in order if entry in series}
    frame = _frame([each for _, each in present.values()], axes, height, limits)
    first = axes[0].key
    lines: list[str] = []
    above: list[str] = []
    for index, (_, each) in present.items():
        for start, stop in _spans(np.isfinite(each.low) & np.isfinite(each.high)):
            x, ends = frame.along(first, each.mean.x[first][start:stop]), (each.high[start:stop], each.low[start:stop])
            lines.append(_band(index, x, frame.up(ends[0]), frame.up(ends[1]), start, stepped))
    for index, (_, each) in present.items():
        runs = (_line(index, "seed", run, frame, axes, stepped) for run in each.runs)
        how = f'style="stroke:var(--s{index % SERIES})" stroke-width=".7" stroke-opacity=".75"{_dashes(index)}'
        lines.append(f"<g {how}>{''.join(runs)}</g>")
    for index, (_, each) in present.items():
        lines += _paper_lines(index, each, frame, first)
        spots = [*zip(*each.points, strict=True)]
        if spots:
            places = frame.pixels(frame.along(first, np.array(spots[0])), frame.up(np.array(spots[1])))
            above.append(_marks(index, "paper", places, f"ring-{index}", ' data-first=""'))
    for index, (_, each) in present.items():
        how = f' style="stroke:var(--s{index % SERIES})" stroke-width="1.8"{_dashes(index)}'
        if len(each.seeds):
            counts = each.seeds.tolist()
            how += f' data-seeds="{_listed(counts[:1] if len(set(counts)) == 1 else counts)}"'
        lines.append(_line(index, "mean", each.mean, frame, axes, stepped, how))
        every = max(1, len(each.mean.y) // MARKS)
        x, y = frame.along(first, each.mean.x[first][::every]), frame.up(each.mean.y[::every])
        above.append(_marks(index, "marks", frame.pixels(x, y), f"mark-{index}", f' data-every="{every}"'))
    legend = _legend({index: entry for index, (entry, _) in present.items()}, TOP + height + BOTTOM)
    rows = math.ceil(len(present) / _columns([entry for entry, _ in present.values()]))
    dotted = "".join(
        f'<path d="M{_short(x)} {TOP}v{height}" style="stroke:currentColor" stroke-dasharray="1 3"/>'
        for x in (LEFT + (WIDTH - LEFT - RIGHT) * frame.along(first, np.array(guides)) / ACROSS).tolist()
    )
    digits = max(0, -math.floor(math.log10(frame.unit)))
    levels = "".join(_level(frame, axis, not index) for index, axis in enumerate(axes))
    kind = "chart stepped" if stepped else "chart"
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {TOP + height + BOTTOM + LEGEND_ROW * rows}"'
        f' xmlns="http://www.w3.org/2000/svg" font-size="11" style="font-family: inherit" data-low="{frame.low:.12g}"'
        f' data-unit="{frame.unit:.12g}" data-digits="{digits}" fill="currentColor">'
        f"{_upright(frame, quantity)}{levels}{dotted}"
        f'<svg class="plot" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{height}"'
        f' viewBox="0 0 {ACROSS} {frame.units}" preserveAspectRatio="none" fill="none">{"".join(lines)}</svg>'
        f"{''.join(above)}{legend}</svg>"
    )


def markers(count: int) -> str:
    """Return the definitions of the markers of so many entries, which a page with charts needs once."""
    shapes = [(index, SHAPES[index % len(SHAPES)], f"var(--s{index % SERIES})") for index in range(count)]
    how = 'viewBox="-5 -5 10 10" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse"'
    return "".join(
        f'<marker id="mark-{index}" {how}><path d="{shape}" style="fill:{colour}"/></marker>'
        f'<marker id="ring-{index}" {how}><path d="{shape}" style="fill:none;stroke:{colour}"/></marker>'
        for index, shape, colour in shapes
    )


def _frame(series: Sequence[Series], axes: Sequence[Axis], height: int, limits: tuple[float, float] | None) -> _Frame:
    """Keep every seed, mean and paper in view; a wide interval of few seeds may leave the frame."""
    curves = [curve for each in series for curve in (each.mean, *each.runs)]
    shown = np.concatenate(
        [
            *(curve.y for curve in curves),
            [each.level for each in series if each.level is not None],
            [value for each in series for _, value in each.points],
            np.zeros(0),
        ]
    )
    low, high = limits or ((float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0))
    if limits is None:
        varies = high - low > 1e-9 * max(abs(low), abs(high))  # more than by rounding
        margin = 0.08 * (high - low) if varies else max(1.0, 1e-6 * abs(low))
        low, high = low - margin, high + margin
    unit = unit_of(high - low)
    low = math.floor(low / unit) * unit
    extents = {}
    for index, axis in enumerate(axes):
        found = [curve.x[axis.key] for curve in curves if axis.key in curve.x]
        if not index:
            found.append(np.array([place for each in series for place, _ in each.points]))
        places = np.concatenate([*found, np.zeros(0)])
        places = places[np.isfinite(places)]
        ends = (float(min(places.min(), 0.0)), float(places.max())) if len(places) else (0.0, 1.0)
        extents[axis.key] = ends if ends[1] > ends[0] else (ends[0], ends[0] + 1.0)
    return _Frame(low, unit, math.ceil((high - low) / unit), height, extents)


def _spans(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and stop of each stretch of marks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]])))
    return [(start, stop) for start, stop in edges.reshape(-1, 2).tolist() if stop - start > 1]


def _path(x: NDArray[np.int64], y: NDArray[np.int64], stepped: bool = False) -> str:
    """Join points by relative moves, which have few digits."""
    moves = np.column_stack([np.diff(x), np.diff(y)]).tolist()
    if stepped:
        return f"M{x[0]} {y[0]}" + "".join(f"h{across}v{up}" for across, up in moves)
    joined = " ".join(f"{across} {up}" for across, up in moves).replace(" -", "-")
    return f"M{x[0]} {y[0]}" + (f"l{joined}" if moves else "")


def _line(
    index: int, part: str, curve: Curve, frame: _Frame, axes: Sequence[Axis], stepped: bool, more: str = ""
) -> str:
    drawn = frame.along(axes[0].key, curve.x[axes[0].key])
    for axis in axes[1:]:
        if axis.key not in curve.x or not np.isfinite(curve.x[axis.key]).all():
            more += f' data-{axis.key}=""'  # no place on this axis
        elif abs((places := frame.along(axis.key, curve.x[axis.key])) - drawn).max() > 1:
            found = " ".join(f"{mark} {places[mark]}" for mark in knots(places))
            more += f' data-{axis.key}="{found}"'
    return f'<path class="series-{index} {part}" d="{_path(drawn, frame.up(curve.y), stepped)}"{more}/>'


def _dashes(index: int) -> str:
    return "" if index < SERIES else ' stroke-dasharray="7 3"'


def knots(places: NDArray[np.int64]) -> list[int]:
    """Return marks between which all others lie on a straight line, to within a unit.

    Examples
    --------
    >>> knots(np.array([0, 0, 0, 5, 10, 15])), knots(np.array([0, 3, 6, 10]))
    ([0, 2, 5], [0, 3])
    """
    found, last = [0], len(places) - 1
    while found[-1] < last:
        start, low, high, stop = found[-1], -math.inf, math.inf, found[-1] + 1
        for mark in range(start + 1, last + 1):
            slope, give = (places[mark] - places[start]) / (mark - start), 1 / (mark - start)
            if low <= slope <= high:
                stop = mark
            low, high = max(low, slope - give), min(high, slope + give)
            if low > high:
                break
        found.append(stop)
    return found


def _band(
    index: int, x: NDArray[np.int64], high: NDArray[np.int64], low: NDArray[np.int64], start: int, stepped: bool
) -> str:
    if stepped:
        x, high, low = np.repeat(x, 2)[1:], np.repeat(high, 2)[:-1], np.repeat(low, 2)[:-1]
    d = _path(np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]]))
    more = f' data-start="{start}"' if start else ""
    return (
        f'<path class="series-{index} band" d="{d}z" style="fill:var(--s{index % SERIES})" fill-opacity=".16"{more}/>'
    )


def _paper_lines(index: int, each: Series, frame: _Frame, first: str) -> list[str]:
    how = f'style="stroke:var(--s{index % SERIES})" stroke-width="1.1" stroke-dasharray="2 2"'
    lines = []
    if each.level is not None:
        level = frame.up(np.array([each.level]))[0]
        lines.append(f'<path class="series-{index} paper" d="M0 {level}h{ACROSS}" {how}/>')
    if each.joined and each.points:
        x, y = (np.array(values) for values in zip(*each.points, strict=True))
        d = _path(frame.along(first, x), frame.up(y))
        lines.append(f'<path class="series-{index} paper" d="{d}" {how} data-first=""/>')
    return lines


def _marks(index: int, part: str, places: Sequence[tuple[str, str]], marker: str, more: str) -> str:
    d = "M" + " ".join(f"{x} {y}" for x, y in places)
    return f'<path class="series-{index} {part}" d="{d}" fill="none" style="marker:url(#{marker})"{more}/>'


def _upright(frame: _Frame, quantity: str) -> str:
    """Draw the vertical axis and its lines."""
    high = frame.low + frame.unit * frame.units
    values = _ticks(frame.low, high)
    places = TOP + frame.height * (high - np.array(values)) / (high - frame.low)
    rules = "".join(f"M{LEFT} {_short(y)}H{WIDTH - RIGHT}" for y in places.tolist())
    names = "".join(
        f'<text x="{LEFT - 6}" y="{_short(y + 4)}" text-anchor="end">{written(value)}</text>'
        for value, y in zip(values, places.tolist(), strict=True)
    )
    across = f'transform="translate(12 {TOP + frame.height / 2:g})rotate(-90)" text-anchor="middle"'
    return (
        f'<path d="{rules}" style="stroke:var(--rule)" stroke-width=".6"/>{names}'
        f'<text {across} font-size="12">{escape(quantity)}</text>'
    )


def _level(frame: _Frame, axis: Axis, shown: bool) -> str:
    """Draw a horizontal axis and its lines."""
    low, high = frame.extents[axis.key]
    values = _ticks(low, high, axis.whole)
    places = LEFT + (WIDTH - LEFT - RIGHT) * (np.array(values) - low) / (high - low)
    bottom = TOP + frame.height
    hidden = "" if shown else ' display="none"'
    rules = "".join(f"M{_short(x)} {TOP}v{frame.height}" for x in places.tolist())
    name = EngFormatter(sep="") if high >= 1000 else None
    names = "".join(
        f'<text x="{_short(x)}" y="{bottom + 15}">{escape(name(value) if name else written(value))}</text>'
        for value, x in zip(values, places.tolist(), strict=True)
    )
    return (
        f'<g class="axis" data-axis="{axis.key}" data-ends="{low:.9g} {high:.9g}" data-label="{escape(axis.label)}"'
        f' text-anchor="middle"{hidden}>'
        f'<path d="{rules}" style="stroke:var(--rule)" stroke-width=".6"/>{names}'
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{bottom + 32}" font-size="12">{escape(axis.label)}</text></g>'
    )


def _ticks(low: float, high: float, whole: bool = False) -> list[float]:
    found = MaxNLocator(6, steps=[1, 2, 5, 10], integer=whole).tick_values(low, high)
    return [float(value) for value in np.asarray(found) if low <= value <= high]


def _columns(names: Sequence[str]) -> int:
    """Return how many names, with their marks, fit beside each other."""
    return max(1, min(LEGEND_COLUMNS, int(WIDTH / (34 + 7 * max(map(len, names), default=0)))))


def _legend(entries: Mapping[int, str], top: int) -> str:
    columns = _columns(list(entries.values()))
    width = WIDTH / columns
    found = []
    for place, (index, entry) in enumerate(entries.items()):
        x, y = place % columns * width + 16, top + LEGEND_ROW * (place // columns) + 8
        line = f'd="M{x - 10:g} {y}h10h10" marker-mid="url(#mark-{index})" style="stroke:var(--s{index % SERIES})"'
        found.append(
            f'<g class="series-{index}"><path {line} stroke-width="1.8"{_dashes(index)} fill="none"/>'
            f'<text x="{x + 15:g}" y="{y + 4}">{escape(entry)}</text></g>'
        )
    return "".join(found)


def written(value: float) -> str:
    """Write a tick's value."""
    return f"{value + 0.0:,.10g}".replace("-", "−") if abs(value) < 1e10 else f"{value:.3g}"


def _listed(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _short(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")
