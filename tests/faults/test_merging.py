"""Faults of a merge: killed within any write, with half of it on the disk, and the lease of a dead process left."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.store.merging import merge
from suite.store.runs import Store
from tests.faults.conftest import Note, count
from tests.faults.processes import FORKSERVER, die_within_a_write
from tests.suite.stores import finish, linear, make_spec

pytestmark = pytest.mark.faults


def merged(here: str, there: str, dies_at: int) -> None:
    die_within_a_write(dies_at)
    list(merge(Store(Path(here)), Store(Path(there))))


def test_a_merge_killed_within_a_write_is_made_good_by_the_next(tmp_path: Path, note: Note) -> None:
    there = Store(tmp_path / "there")
    for seed in range(2):
        finish(there, make_spec(seed=seed), linear(0, 1 + seed), state=b"tensors")
    kills = 0
    for number in range(1, count(200, 200), count(1, 5)):
        here = Store(tmp_path / f"here-{number}")
        here.prepare()
        process = FORKSERVER.Process(target=merged, args=(str(here.results), str(there.results), number))
        process.start()
        process.join()
        for record in here.records():
            if record.state == "done":
                record.verify()
        fates = [joined.fate for joined in merge(here, there)]
        assert set(fates) <= {"taken", "already here"}
        for record in there.records():
            mine = here.record(record.run)
            mine.verify()
            assert mine.content("done.json") == record.content("done.json")
        if process.exitcode == 0:
            break
        kills += 1
    assert kills > 2
    note("SIGKILL within a write of `suite merge`", kills, "no run is done but whole; the next merge brings the rest")
