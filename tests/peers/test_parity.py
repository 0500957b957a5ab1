"""Ours as in garage's code is garage's to single precision; as in the paper it is not."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from algorithms import load_algorithm
from tests.peers.parity import BOUND, COMPARISONS, Row

pytestmark = pytest.mark.peer

TELLING = {
    "pearl": ("pearl", "regularisers-without-gradient", "gradients"),
    "maml-trpo": ("maml-trpo", "advantages-over-variance", "advantages"),
    "rl2-ppo": ("rl2-ppo", "uncentred-advantages", "gradients"),
    "rl2-ppo, early ends": ("rl2-ppo", "entropy-of-padding", "gradients"),
    "mtsac": ("oracle-sac", "temperature-by-last-input", "gradients"),
}
"""A difference without which ours is not garage's, and what tells."""


@pytest.mark.parametrize("name", COMPARISONS)
def test_one_update_is_garages(name: str) -> None:
    found = list(COMPARISONS[name]())
    assert found
    assert all(row.numbers > 0 for row in found)
    assert [row for row in found if row.difference > BOUND] == []


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_comparison_finds_a_difference(name: str) -> None:
    algorithm, difference, quantity = TELLING[name]
    kind = load_algorithm(algorithm)
    without = {"garage": kind.published["garage"] - {difference}}
    with patch.object(kind, "published", without):
        rows: dict[str, Row] = {row.quantity: row for row in COMPARISONS[name]()}
    assert rows[quantity].difference > BOUND
