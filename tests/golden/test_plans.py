"""A run keeps its name until a revision, a version or its benchmark changes: otherwise stores lose what they hold."""

from __future__ import annotations

import json

import pytest

from suite.plan.benchmark import shipped_benchmarks
from tests.golden.plans import TABLE, entry

GOLDEN = json.loads(TABLE.read_text())


@pytest.mark.parametrize("name", shipped_benchmarks())
def test_the_runs_of_a_shipped_benchmark_keep_their_names(name: str) -> None:
    assert GOLDEN.get(name) == entry(name), "meant to be so? write them: python -m tests.golden.plans"
