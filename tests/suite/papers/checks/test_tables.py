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


@pytest.mark.parametrize(("lowest", "highest", "wrong"), [("0", "0.9", "0.9"), ("0.1", "1", "0.1")])
def test_two_printed_numbers_are_both_bounds(lowest: str, highest: str, wrong: str, tmp_path: Path) -> None:
    published = {"lowest": lowest, "highest": highest}
    with pytest.raises(UsageError, match=f"published: {wrong}: is neither low nor high"):
        row(tmp_path, SHARES, check="bounds", table="shares", columns=["share"], low="0", high="1", published=published)


@pytest.mark.parametrize("published", [{"a": "0", "b": "0"}, {"a": "0", "b": "0.0", "c": "1"}, {"a": "0", "b": "1"}])
def test_one_bound_may_be_printed_twice(published: dict[str, str], tmp_path: Path) -> None:
    bounds = {"low": "0", "high": "1", "published": published}
    found = row(tmp_path, SHARES, check="bounds", table="shares", columns=["share"], **bounds)
    assert found["rule"] == "every number of Table shares is at least 0 and at most 1"


@pytest.mark.parametrize(("cell", "verdict"), [("40", "holds"), ("40.0", "holds"), ("41", "contradicted")])
def test_without_bounds_every_number_has_to_be_the_published_one(cell: str, verdict: str, tmp_path: Path) -> None:
    table = {"paths": [["policy", "paths"], ["a", "40"], ["b", cell]]}
    found = row(tmp_path, table, check="bounds", table="paths", columns=["paths"], published={"paths": "40"})
    assert (found["verdict"], found["rule"]) == (verdict, "every number of Table paths is 40")


def test_without_bounds_and_without_a_published_number_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="low and high: are missing"):
        row(tmp_path, SHARES, check="bounds", table="shares", columns=["share"])
