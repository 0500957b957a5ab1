"""Speeds kept beside a store: each finished run is read once, and what is kept is what the runs say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from suite.execute.measured import FILE, SCHEMA, measured_speeds
from suite.store.record import RunRecord
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec

ROOT = Path(__file__).parents[3]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose tables are read, one after the other."""
    found: list[str] = []
    training = RunRecord.training
    monkeypatch.setattr(RunRecord, "training", lambda record: found.append(record.run) or training(record))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    for seed in range(3):
        finish(store, make_spec(seed=seed), linear(0, 1), seconds=(30.0, 60.0 + seed, 10.0))
    finish(store, make_spec("mql", "cheetah-vel"), linear(0, 1))
    return store


def test_what_is_kept_is_what_the_runs_say_and_is_read_once(store: Store, read: list[str]) -> None:
    first = measured_speeds(store)
    assert len(first) == len(read) == 4
    read.clear()
    assert measured_speeds(store) == first
    assert read == []


def test_only_what_was_committed_since_is_read(store: Store, read: list[str]) -> None:
    before = measured_speeds(store)
    read.clear()
    new, again, forgotten = make_spec(seed=7), make_spec(seed=1), make_spec(seed=2)
    store.forget([again.run, forgotten.run], [again, forgotten])
    finish(store, new, linear(0, 1), seconds=(1.0, 2.0, 3.0))
    folder = finish(store, again, linear(0, 1), seconds=(4.0, 5.0, 6.0))
    os.utime(folder.path / "done.json", ns=(0, 1))  # whatever the clock's steps: not the time it had before
    after = measured_speeds(store)
    assert sorted(read) == sorted([new.run, again.run])
    steps = {round(each.speed.step * 1_000_000, 6) for each in after}
    assert steps == {90.0, 3.0, 9.0}  # of seed 0 and the run of MQL, of the new one, of the one executed again
    assert len(after) == len(before) == 4


def test_a_damaged_file_is_made_anew(store: Store, read: list[str]) -> None:
    whole = measured_speeds(store)
    path = store.results / FILE
    kept = json.loads(path.read_text())
    damaged: list[Any] = [b"", b"{half", b"[]", b"\xff", b'{"schema": 1}', b'{"schema": 1, "groups": [[1]]}']
    for number in ("NaN", "Infinity", '"no"', "[]", "0"):  # an iteration of no steps, or of what is no number
        damaged.append(f'{{"schema": 1, "groups": [["a", "b", "c", {{"run": [1, 1.0, 1.0, {number}]}}]]}}'.encode())
    damaged.append(b'{"schema": 1, "groups": [["a", "b", "c", {"run": [Infinity, 1.0, 1.0, 1.0]}]]}')
    damaged.append(json.dumps(kept | {"schema": SCHEMA + 1}).encode())
    for content in damaged:
        read.clear()
        path.write_bytes(content)
        assert measured_speeds(store) == whole, content
        assert len(read) == 4, content
        assert json.loads(path.read_text()) == kept


def test_a_run_that_cannot_be_read_is_left_out_until_it_can(store: Store) -> None:
    path = store.folder(make_spec(seed=1).run).path / "provenance.json"
    sound = path.read_bytes()
    path.write_bytes(b"{half")
    assert len(measured_speeds(store)) == 3
    path.write_bytes(sound)
    assert len(measured_speeds(store)) == 4


def test_a_run_that_took_no_seconds_that_are_a_number_has_no_speed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    origin = {"machine": {"processor": "test"}, "device": "cpu", "seconds_total": float("nan")}
    finish(store, make_spec(), linear(0, 1), provenance=origin)
    assert measured_speeds(store) == []


def test_where_nothing_can_be_or_is_to_be_written_nothing_is(store: Store, tmp_path: Path) -> None:
    (store.results / FILE).mkdir()  # in its way
    assert len(measured_speeds(store)) == 4
    assert measured_speeds(Store(tmp_path / "absent")) == []
    assert not (tmp_path / "absent").exists()
    snapshot = ROOT / "results" / "published" / "pilot"
    before = sorted(path.name for path in snapshot.iterdir())
    assert len(measured_speeds(Store(snapshot))) > 100
    assert sorted(path.name for path in snapshot.iterdir()) == before
