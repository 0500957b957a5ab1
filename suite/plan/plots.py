"""Figures and tables of one's own for the page: functions of user modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plot:
    """A function that makes a figure or a table of a benchmark's results."""

    title: str
    make: Callable[[Any], Any]
    """From `suite.analysis.results.Results` to a matplotlib Figure, a DataFrame, or a `suite.table.Table`."""


def plot(title: str) -> Callable[[Callable[[Any], Any]], Plot]:
    """Mark a function of a user module as one whose figure or table the page shows.

    Parameters
    ----------
    title : what it shows, as the page says it.
    """
    return lambda make: Plot(title, make)
