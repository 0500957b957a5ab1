"""Printed means against expectations, on tables whose answers are worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.errors import UsageError
from tests.suite.papers.checks.test_logs import row

EXACT = [["setup", "value", "error"], ["a", "10", "0.5"], ["b", "20", "1"]]
"""Twice the error and half a unit of the print: up to 11.05 and 22.05."""


def printed(one: str, other: str) -> dict[str, list[list[str]]]:
    return {"table": [["setup", "ours"], ["a", one], ["b", other]], "exact": EXACT}


@pytest.mark.parametrize(
    ("one", "other", "relation", "verdict"),
    [
        ("11.0", "22.0", "equal to", "holds"),
        ("11.1", "20.0", "equal to", "contradicted"),
        ("9.0", "18.0", "equal to", "holds"),
        ("8.9", "20.0", "equal to", "contradicted"),
        ("8.9", "1.0", "at most", "holds"),
        ("8.9", "22.1", "at most", "contradicted"),
        ("11", "22", "at most", "holds"),
        ("12", "22", "at most", "contradicted"),
    ],
)
def test_a_mean_is_expected_within_two_errors_and_its_rounding(
    tmp_path: Path, one: str, other: str, relation: str, verdict: str
) -> None:
    check = {"table": "table", "columns": ["ours"], "exact": "exact", "value": "value", "error": "error"}
    found = row(tmp_path, printed(one, other), check="expected", relation=relation, **check)
    assert found["verdict"] == verdict


def test_what_is_above_its_expectation_by_chance_can_be_named(tmp_path: Path) -> None:
    check = {"table": "table", "columns": ["ours"], "exact": "exact", "value": "value", "error": "error"}
    found = row(tmp_path, printed("10.9", "20.0"), check="expected", explanation="{above} | {beyond}", **check)
    assert found["explanation"] == "ours 10.9 (a: 10.00) | none"
    assert found["recomputed"] == "2 of 2 numbers"


def test_without_an_error_only_rounding_is_allowed(tmp_path: Path) -> None:
    check: dict[str, Any] = {"table": "table", "columns": ["ours"], "exact": "exact", "value": "value"}
    assert row(tmp_path, printed("10", "20.0"), check="expected", **check)["verdict"] == "holds"
    assert row(tmp_path / "2", printed("10.1", "20"), check="expected", **check)["verdict"] == "contradicted"


@pytest.mark.parametrize(
    ("of", "verdict"), [("11.6", "holds"), ("11.4", "not derivable"), ("8.5", "not derivable"), ("8.4", "contradicted")]
)
def test_a_lead_is_more_than_chance_and_rounding(tmp_path: Path, of: str, verdict: str) -> None:
    # 2 x sqrt(2) x 0.5 = 1.414, and 0.1 of rounding in both together.
    check = {
        "of": {"number": of, "where": "page 1"},
        "over": {"number": "10.0", "where": "page 1"},
        "error": {"table": "exact", "row": "a", "column": "error"},
    }
    found = row(tmp_path, printed("1", "1"), check="lead", **check)
    assert found["verdict"] == verdict
    assert found["recomputed"] == f"{float(of) - 10:+.2f}; chance and rounding explain up to 1.51"


def divided(first: str, second: str) -> dict[str, list[list[str]]]:
    """Shares of totals 8.0 and 16.0 of 2 and 4 episodes."""
    return {
        "shares": [["setup", "ours"], ["2 episodes", first], ["4 episodes", second]],
        "totals": [["setup", "ours"], ["2 episodes", "8.0"], ["4 episodes", "16.0"]],
        "exact": [["setup", "value", "error"], ["2 episodes", "10", "0.5"], ["4 episodes", "20", "1"]],
    }


DIVISOR = {"shares": "shares", "totals": "totals", "columns": ["ours"], "exact": "exact", "value": "value"}


def test_shares_of_the_value_hold(tmp_path: Path) -> None:
    # 8 / 0.8 / 2 = 16 / 0.8 / 4 = 5 an episode, as 10 / 2 and 20 / 4 are.
    found = row(tmp_path, divided("0.80", "0.80"), check="divisor", error="error", per="episodes", **DIVISOR)
    assert found["verdict"] == "holds"
    assert found["recomputed"] == "5.00 to 5.00 in 2 cells; value 5.00"


def test_shares_of_less_are_contradicted(tmp_path: Path) -> None:
    words = {"explanation": "{mean:.3f} {ratio:.3f} {wrong} {one} {2 episodes ours:.3f}"}
    found = row(tmp_path, divided("0.95", "0.95"), check="divisor", error="error", per="episodes", **DIVISOR, **words)
    assert found["verdict"] == "contradicted"
    # 8 / 0.95 / 2 = 4.211, which is 0.842 of 5; of 5 the share is 0.8.
    assert found["explanation"] == "4.211 0.842 2 one number fits all 0.800"


def test_shares_of_several_numbers_are_checked_one_by_one(tmp_path: Path) -> None:
    words = {"explanation": "{one}, {wrong} of {cells}"}
    found = row(tmp_path, divided("0.80", "0.95"), check="divisor", error="error", per="episodes", **DIVISOR, **words)
    assert found["verdict"] == "contradicted"
    assert found["explanation"] == "no one number fits all, 1 of 2"


def test_a_share_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shares: 2 episodes ours: 0\.00: needs a share and a divisor above zero"):
        row(tmp_path, divided("0.00", "0.80"), check="divisor", error="error", per="episodes", **DIVISOR)


def test_rows_that_are_no_number_of_what_is_divided_by_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"exact\.csv: row '2 episodes': has no number of pulls"):
        row(tmp_path, divided("0.80", "0.80"), check="divisor", error="error", per="pulls", **DIVISOR)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ("2,000 episodes", ""),
        ("1.5 episodes", r"exact\.csv: row '1\.5 episodes': 1\.5 episodes: must be a whole number"),
    ],
)
def test_rows_have_whole_numbers_in_digits_with_commas(shape: str, says: str, tmp_path: Path) -> None:
    tables = {
        "shares": [["setup", "ours"], [shape, "0.80"]],
        "totals": [["setup", "ours"], [shape, "8000"]],
        "exact": [["setup", "value", "error"], [shape, "10000", "0.5"]],
    }
    tables = {
        key: [[f'"{cell}"' if "," in cell else cell for cell in line] for line in table]
        for key, table in tables.items()
    }
    words = {"check": "divisor", "error": "error", "per": "episodes", "explanation": "{mean:.3f}", **DIVISOR}
    if says:
        with pytest.raises(UsageError, match=says):
            row(tmp_path, tables, **words)
    else:
        assert row(tmp_path, tables, **words)["explanation"] == "5.000"
