"""The time left of a plan: its forecast, corrected by what runs took."""

from __future__ import annotations

import pytest

from suite.console.time_left import TRUSTED_SECONDS, TimeLeft


def test_at_first_it_is_the_forecast() -> None:
    left = TimeLeft({"a": 300.0, "b": 100.0, "c": 100.0}, workers=2)
    assert left.left(["a", "b", "c"]) == 300.0  # of the longest alone
    assert left.left(["b", "c"]) == 100.0
    assert left.left(["somebody else's"]) == 0.0
    assert left.text(["a"]) == ", about 5 minutes left"
    assert left.text([]) == ""


def test_what_is_done_is_not_left_and_corrects_the_rest() -> None:
    """Half of a run took three times its forecast: 450 instead of 150 seconds."""
    left = TimeLeft({"a": 300.0, "b": 100.0}, workers=1)
    left.note("a", 0.5, 450.0)
    left.note("somebody else's", 0.5, 1e6)
    correction = (450.0 + TRUSTED_SECONDS) / (150.0 + TRUSTED_SECONDS)
    assert left.left(["a", "b"]) == pytest.approx(correction * 250.0)
    left.note("a", 1.0, 300.0)  # as forecast, in the end
    assert left.left(["b"]) == pytest.approx(100.0)


def test_a_cluster_that_is_asked_for_nothing_has_nothing_left() -> None:
    assert TimeLeft({}, workers=0).text(["done elsewhere"]) == ""


def test_a_run_that_has_gone_beyond_its_budget_leaves_no_less_than_nothing() -> None:
    left = TimeLeft({"a": 300.0}, workers=1)
    left.note("a", 1.5, 300.0)
    assert left.left(["a"]) == 0.0
