"""The causes of a new run, and the warning of other code."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.plan.identity import code_hash, drift, why
from suite.store.runs import Store
from tests.suite.stores import SETTINGS, finish, linear, make_spec


def test_the_field_that_made_a_run_new_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = make_spec()
    finish(store, old, linear(0, 1))
    finish(store, make_spec(budget=5, evaluations=2), linear(0, 1))
    new = make_spec(settings={**SETTINGS, "batch_size": 32}, label="renamed", algorithm="pearl")
    assert why(new.run, [new], store) == [f"differs from {old.run}:", "  settings.batch_size: 256 -> 32"]


def test_why_of_a_first_run_and_of_a_finished_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(), linear(0, 1))
    other = make_spec(seed=1)
    assert why(other.run, [other], store) == ["is the first of pearl on reach-v1 with seed 1"]
    assert why(make_spec().run, [make_spec()], store) == ["is done: nothing makes it new"]
    with pytest.raises(UsageError, match="is unknown"):
        why("nothing", [other], store)


def test_runs_from_other_code_are_warned_of(tmp_path: Path) -> None:
    store = Store(tmp_path)
    specs = [make_spec(seed=seed) for seed in range(3)]
    for seed, spec in enumerate(specs[:2]):
        finish(store, spec, linear(0, 1), provenance={"commit": "abc", "code": code_hash() if seed else "other"})
    warnings = drift(specs, store)
    assert len(warnings) == 1
    assert warnings[0].startswith("drift: 1 finished runs came from other code (commit abc)")
