"""Numbers change only together with a revision: otherwise old results would pass for new ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from algorithms import ALGORITHMS
from environments import family_names
from tests.golden.numbers import TABLE, Entry, algorithm_entry, family_entry

GOLDEN = json.loads(TABLE.read_text())

WRITE = "then write the new numbers: python -m tests.golden.numbers"


def check(what: str, golden: Entry | None, now: Entry) -> None:
    assert golden is not None, f"{what} has no golden numbers yet; {WRITE}"
    assert golden["revision"] == now["revision"], f"{what} has a new revision; {WRITE}"
    # Processors differ in the last bits, which a short run does not amplify further than this.
    same = np.allclose(golden["numbers"], now["numbers"], rtol=1e-3, atol=1e-6)
    assert same, f"{what} gives other numbers than before: raise its revision, {WRITE}\n{golden}\n{now}"


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_an_algorithm_gives_its_golden_numbers(name: str) -> None:
    check(f"algorithm {name}", GOLDEN["algorithms"].get(name), algorithm_entry(name))


@pytest.mark.parametrize("name", sorted(family_names()))
def test_a_family_gives_its_golden_numbers(name: str) -> None:
    check(f"environment {name}", GOLDEN["families"].get(name), family_entry(name))


def test_changed_numbers_ask_for_a_higher_revision() -> None:
    golden = {"revision": 1, "numbers": [1.0, 2.0]}
    with pytest.raises(AssertionError, match="raise its revision"):
        check("x", golden, {"revision": 1, "numbers": [1.0, 2.1]})
    with pytest.raises(AssertionError, match="has a new revision"):
        check("x", golden, {"revision": 2, "numbers": [1.0, 2.1]})
