"""A node that is lost without a signal: its run goes on elsewhere, from its checkpoint, with the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.conditions import assert_same_numbers, assert_sound
from tests.faults.conftest import Note
from tests.slurm.conftest import Asked, Cluster, wait_until

pytestmark = pytest.mark.slurm


def test_runs_of_a_lost_node_go_on_elsewhere(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    asked = Asked(tmp_path, runs=2, budget=40_000, concurrency=2, time="30")
    coordinator = asked.run()
    wait_until(lambda: len(asked.saved()) == 2)
    node = next(iter(cluster.nodes().values()))
    cluster.script("lose", node)
    try:
        _, said = coordinator.communicate(timeout=400)
    finally:
        cluster.script("back", node)
    assert coordinator.returncode == 0, said
    assert asked.states() == ["done", "done"]
    ends = [[record.kind for record in folder.attempts()] for folder in asked.folders]
    assert sorted(map(len, ends)) in ([1, 2], [2, 2])  # both may have been on that node
    assert all(end[-1] is None and set(end[:-1]) <= {"killed"} for end in ends)
    resumed = [folder for folder in asked.folders if "goes on at" in folder.log_tail(50)]
    assert len(resumed) == sum(len(end) == 2 for end in ends)
    for one, other in zip(asked.folders, asked.run_locally(), strict=True):
        assert_same_numbers(one, other)
    assert_sound(asked.results)
    note("a node lost without a signal", 1, f"{len(resumed)} of its runs went on elsewhere, bit-equal")
