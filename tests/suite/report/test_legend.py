"""Legends fit their figure."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from suite.report.figures import STYLE, _figure, _legend_below


@pytest.mark.parametrize("longest", [4, 11, 16, 20, 40])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_a_legend_stays_within_its_figure(longest: int, count: int) -> None:
    import matplotlib as mpl

    names = [f"{index:02}" + "n" * (longest - 2) for index in range(count)]
    with mpl.rc_context(STYLE):
        figure, axes = _figure(5.2, 2.9, legend=names)
        _legend_below(figure, {name: axes.plot([0, 1])[0] for name in names})
        FigureCanvasAgg(figure).draw()
        (legend,) = figure.legends
        box, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0
    assert box.x1 <= whole.x1
    assert box.y0 >= whole.y0
    assert box.y1 <= axes.get_window_extent().y0
