"""Checks of tables themselves: where numbers may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import UsageError
from tests.suite.papers.checks.test_logs import row

SHARES = {"shares": [["place", "share"], ["a", "0.2"], ["b", "1"]]}


@pytest.mark.parametrize("published", [{}, {"high": "1"}, {"low": "0.0"}, {"low": "0", "high": "1.00"}])
def test_one_printed_bound_and_one_that_is_implied_are_taken(tmp_path: Path, published: dict[str, str]) -> None:
    found = row(
        tmp_path, SHARES, check="bounds", table="shares", columns=["share"], low="0", high="1", published=published
    )
    assert found["verdict"] == "holds"


def test_a_printed_number_that_is_no_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"published: 0\.9: is neither low nor high"):
        row(tmp_path, SHARES, check="bounds", table="shares", columns=["share"], high="1", published={"most": "0.9"})
