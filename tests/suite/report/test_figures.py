"""Figures that matplotlib draws."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd

from suite.report import figures


def test_a_file_of_the_users_changes_no_figure() -> None:
    seconds = pd.DataFrame({"sampling": [30.0, 60.0], "updating": [5.0, 20.0]}, index=["pearl", "mql"])
    drawn = figures.split_bars("seconds", seconds)
    users = {"font.size": 30, "axes.linewidth": 9, "figure.dpi": 30, "hatch.linewidth": 5, "xtick.direction": "in"}
    with mpl.rc_context(users):
        assert figures.split_bars("seconds", seconds) == drawn
