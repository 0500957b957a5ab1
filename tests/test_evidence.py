"""The published snapshots stand: each is whole, small, and says what its runs give."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.analysis.consistency import inconsistencies
from suite.report import plain_tables
from suite.store.published import Snapshot
from suite.store.runs import Store

ROOT = Path(__file__).parents[1]
SNAPSHOTS = [path.parent for path in sorted((ROOT / "results" / "published").glob("*/snapshot.json"))]
LARGEST = 10 * 2**20
"""Bytes of a snapshot."""


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.name)
def test_a_published_snapshot_gives_its_tables_and_claims(path: Path) -> None:
    snapshot = Snapshot(path)
    assert snapshot.size < LARGEST
    assert plain_tables(Store(path)) == snapshot.tables
    assert inconsistencies(Store(path)) == []
