"""Line charts: what their paths say is what was measured."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from suite.report.charts import ACROSS, WIDTH, Axis, Curve, Series, knots, line_chart, markers, unit_of

SVG = "{http://www.w3.org/2000/svg}"
AXES = (Axis("steps", "environment steps"), Axis("seconds", "seconds of training"))
STEPS = np.array([0.0, 300.0, 1000.0])


def series(y: list[float], seconds: list[float], half: float = np.nan, **more: object) -> Series:
    mean = np.array(y, float)
    ends = (mean - half, mean + half)
    curve = Curve({"steps": STEPS, "seconds": np.array(seconds)}, mean)
    return Series(curve, *ends, np.full(3, 3), **more)  # type: ignore[arg-type]


def paths(svg: str, part: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [path for path in root.iter(f"{SVG}path") if path.get("class", "").split()[1:] == [part]]


def points(d: str) -> list[tuple[int, int]]:
    """Follow a path's relative moves, as SVG says."""
    first, *moves = re.findall(r"(-?\d+)[ ]?(-?\d+)", d)
    found = [(int(first[0]), int(first[1]))]
    for across, up in moves:
        found.append((found[-1][0] + int(across), found[-1][1] + int(up)))
    return found


def values(svg: str, d: str) -> list[float]:
    """Read a path's values from the chart, as a reader of the file would."""
    root = ElementTree.fromstring(svg)
    plot = root.find(f"{SVG}svg")
    assert plot is not None
    units = float(plot.get("viewBox", "").split()[3])
    low, unit = float(root.get("data-low", "")), float(root.get("data-unit", ""))
    return [low + unit * (units - y) for _, y in points(d)]


def test_paths_hold_the_values_to_a_thousandth_of_the_height() -> None:
    svg = line_chart({"pearl": series([-300.0, -212.3, -90.7], [0, 4, 9], half=10)}, ["pearl"], AXES, "return")
    (mean,), (band,) = paths(svg, "mean"), paths(svg, "band")
    height = 230 * 1.16  # all means, and 8 % beyond them both ways
    assert values(svg, mean.get("d", "")) == pytest.approx([-300.0, -212.3, -90.7], abs=height / 1000)
    assert [x for x, _ in points(mean.get("d", ""))] == [0, 0.3 * ACROSS, ACROSS]
    highs_and_lows = [-290.0, -202.3, -80.7, -100.7, -222.3, -310.0]
    assert values(svg, band.get("d", "")) == pytest.approx(highs_and_lows, abs=height / 1000)


@pytest.mark.parametrize("extent", [1e-6, 0.3, 1.0, 9.99, 123.0, 5e5, 7e9])
def test_units_are_round_and_neither_many_nor_few(extent: float) -> None:
    unit = unit_of(extent)
    assert 500 <= extent / unit < 1250.01
    assert f"{unit:.3e}"[:5] in {"1.000", "2.000", "5.000"}


def test_other_axes_have_a_place_for_every_mark() -> None:
    straight, bent = series([0, 1, 2], [0, 3, 10]), series([0, 1, 2], [0, 9, 10])
    svg = line_chart({"a": straight, "b": bent}, ["a", "b"], AXES, "return")
    a, b = paths(svg, "mean")
    assert a.get("data-seconds") is None  # where its steps are
    assert b.get("data-seconds") == f"0 0 1 {0.9 * ACROSS:.0f} 2 {ACROSS}"
    nowhere = series([0, 1, 2], [np.nan] * 3)
    (mean,) = paths(line_chart({"a": nowhere}, ["a"], AXES, "return"), "mean")
    assert mean.get("data-seconds") == ""


def test_knots_keep_every_mark_within_a_unit() -> None:
    generator = np.random.default_rng(0)
    for count in (1, 2, 50, 400):
        places = np.cumsum(generator.integers(0, 9, count))
        found = knots(places)
        assert np.abs(np.interp(np.arange(count), found, places[found]) - places).max() <= 1
    assert knots(np.arange(0, 1000, 5)) == [0, 199]


def test_what_papers_have_is_in_view_and_a_wide_interval_is_not() -> None:
    found = {"pearl": series([0, 1, 2], [0, 1, 2], half=50, level=10.0, points=((1500.0, -4.0),))}
    svg = line_chart(found, ["pearl"], AXES, "return")
    low, unit = (float(re.search(f'data-{name}="([^"]+)"', svg)[1]) for name in ("low", "unit"))  # type: ignore[index]
    units = int(re.search(rf'viewBox="0 0 {ACROSS} (\d+)"', svg)[1])  # type: ignore[index]
    assert low == pytest.approx(-4 - 0.08 * 14, abs=unit)
    assert low + unit * units == pytest.approx(10 + 0.08 * 14, abs=2 * unit)
    assert 'data-axis="steps" data-ends="0 1500"' in svg
    assert len(paths(svg, "paper")) == 2


@pytest.mark.parametrize("value", [0.1, 1.0, -3e7])
def test_what_does_not_vary_but_by_rounding_has_an_axis(value: float) -> None:
    mean = float(np.mean([value] * 3))
    svg = line_chart({"pearl": series([mean, value, np.nextafter(value, 1.0)], [0, 1, 2])}, ["pearl"], AXES, "return")
    (drawn,) = paths(svg, "mean")
    assert values(svg, drawn.get("d", "")) == pytest.approx([value] * 3, abs=3e-3 * max(1.0, 1e-6 * abs(value)))


def test_a_band_is_drawn_where_there_is_an_interval() -> None:
    each = series([0, 1, 2], [0, 1, 2], half=1)
    each.low[0] = np.nan
    (band,) = paths(line_chart({"a": each}, ["a"], AXES, "return"), "band")
    assert band.get("data-start") == "1"
    assert len(points(band.get("d", ""))) == 4


@pytest.mark.parametrize("longest", [4, 11, 16, 20, 40])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_names_stay_within_the_figure_and_beside_each_other(longest: int, count: int) -> None:
    names = [f"{index:02}" + "n" * (longest - 2) for index in range(count)]
    root = ElementTree.fromstring(line_chart(dict.fromkeys(names, series([0, 1, 2], [0, 1, 2])), names, AXES, "r"))
    rows: dict[float, list[tuple[float, float]]] = {}
    for group in root.findall(f"{SVG}g"):
        if group.get("class", "").startswith("series"):
            text = group.find(f"{SVG}text")
            assert text is not None
            assert text.text
            start = float(text.get("x", ""))
            width = TextPath((0, 0), text.text, 11, prop=FontProperties("DejaVu Sans")).get_extents().width
            rows.setdefault(float(text.get("y", "")), []).append((start - 25, start + width))
    assert sum(map(len, rows.values())) == count
    assert max(rows) <= float(root.get("viewBox", "").split()[3])
    for places in rows.values():
        assert places[0][0] >= 0
        assert places[-1][1] <= WIDTH
        assert all(left[1] <= right[0] for left, right in pairwise(places))


def test_markers_that_charts_use_are_defined() -> None:
    names = [f"entry {index}" for index in range(13)]
    found = {name: series([0, 1, 2], [0, 1, 2], points=((0.0, 1.0),)) for name in names}
    used = set(re.findall(r"url\(#([\w-]+)\)", line_chart(found, names, AXES, "return")))
    assert used == set(re.findall(r'id="([\w-]+)"', markers(13)))


def test_names_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    svg = line_chart({hostile: series([0, 1, 2], [0, 1, 2])}, [hostile], AXES, hostile)
    assert "<script" not in svg
    ElementTree.fromstring(svg)
