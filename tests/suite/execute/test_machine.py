"""The number of runs that a machine can hold: of what is there, what this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from suite.execute import cgroup
from suite.execute.machine import RUN_BYTES, Machine, this_machine, visible_gpus

GIB = 2**30

V2 = "26 20 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = (
    "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
)


def write(root: Path, path: str, **files: object) -> None:
    (root / path).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / path / name.replace("__", ".")).write_text(f"{content}\n")


def limit_v2(root: Path, path: str, memory: object, used: int, cpu: str, idle: int = 0) -> None:
    write(
        root, f"sys/fs/cgroup/{path}", memory__max=memory, memory__current=used, cpu__max=cpu,
        memory__stat=f"anon 5\ninactive_file {idle}",
    )  # fmt: skip


def limit_v1(root: Path, path: str, memory: int, used: int, quota: int, idle: int = 0) -> None:
    write(
        root, f"sys/fs/cgroup/memory/{path}", memory__limit_in_bytes=memory, memory__usage_in_bytes=used,
        memory__stat=f"inactive_file 7\ntotal_inactive_file {idle}",
    )  # fmt: skip
    write(root, f"sys/fs/cgroup/cpu,cpuacct/{path}", cpu__cfs_quota_us=quota, cpu__cfs_period_us=100_000)


def member(root: Path, cgroups: str, mountinfo: str) -> Path:
    write(root, "proc/self", cgroup=cgroups, mountinfo=mountinfo)
    return root


def test_a_container_of_version_2_is_held_to_its_limits(tmp_path: Path) -> None:
    member(tmp_path, "0::/", V2)
    limit_v2(tmp_path, "", int(0.8 * GIB), 300, "50000 100000", idle=100)
    assert cgroup.cores(tmp_path) == 0.5
    assert cgroup.memory(tmp_path) == int(0.8 * GIB) - 200
    machine = this_machine(tmp_path)
    assert machine.cores == 0.5
    assert machine.memory == int(0.8 * GIB) - 200
    assert machine.room_for(8) == 1


def test_limits_of_the_groups_above_count_too(tmp_path: Path) -> None:
    member(tmp_path, "0::/user.slice/job/task", V2)
    limit_v2(tmp_path, "user.slice/job/task", "max", 0, "max 100000")
    limit_v2(tmp_path, "user.slice/job", 4 * GIB, 0, "150000 100000")
    limit_v2(tmp_path, "user.slice", 3 * GIB, GIB, "max 100000")
    limit_v2(tmp_path, "beside", 1, 0, "1 100000")
    assert cgroup.cores(tmp_path) == 1.5
    assert cgroup.memory(tmp_path) == 2 * GIB


def test_version_1_has_a_hierarchy_for_each_controller(tmp_path: Path) -> None:
    member(tmp_path, "4:memory:/batch/a\n1:cpu,cpuacct:/batch/a\n0::/", V1)
    limit_v1(tmp_path, "", 2**63 - 4096, 0, -1)
    limit_v1(tmp_path, "batch", 5 * GIB, 2 * GIB, -1, idle=GIB)
    limit_v1(tmp_path, "batch/a", 2**63 - 4096, GIB, 250_000)
    assert cgroup.cores(tmp_path) == 2.5
    assert cgroup.memory(tmp_path) == 4 * GIB


def test_a_container_of_version_1_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    """Without a namespace of its own, its paths are the host's, of which nothing is mounted but its own group."""
    mounts = V1.replace(" / /sys", " /docker/abc /sys")
    member(tmp_path, "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc", mounts)
    limit_v1(tmp_path, "", GIB, 0, 50_000)
    assert cgroup.cores(tmp_path) == 0.5
    assert cgroup.memory(tmp_path) == GIB


@pytest.mark.parametrize("paths", ["0::/../../outside", "", "damaged", "0::/gone"])
def test_where_nothing_can_be_read_nothing_is_limited(paths: str, tmp_path: Path) -> None:
    member(tmp_path, paths, V2) if "damaged" not in paths else None
    assert cgroup.cores(tmp_path) == cgroup.memory(tmp_path) == float("inf")
    assert this_machine(tmp_path).cores >= 1


def test_this_machine_is_read_as_it_is() -> None:
    machine = this_machine()
    assert 0 < machine.cores <= len(os.sched_getaffinity(0))
    assert 0 < machine.memory <= psutil.virtual_memory().total


def test_affinity_counts(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert this_machine(tmp_path).cores == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("named", "seen", "gpus"),
    [
        (None, 2, ["0", "1"]),
        (None, 0, []),
        ("0, 1", 2, ["0", "1"]),
        ("1,0", 2, ["1", "0"]),
        ("1,99,0", 1, ["1"]),
        ("GPU-8932f937, GPU-1a2b", 2, ["GPU-8932f937", "GPU-1a2b"]),
        ("NoDevFiles", 0, []),
        ("void", 0, []),
        ("", 0, []),
        ("-1", 0, []),
        ("0,1", 0, []),
    ],
)
def test_what_torch_sees_counts(named: str | None, seen: int, gpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execute.machine._seen_by_torch", lambda: seen)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == gpus


@pytest.mark.parametrize(
    ("cores", "gib", "gpus", "room"), [(0.5, 64, 0, 1), (8.7, 64, 0, 8), (8, 5, 0, 2), (64, 64, 1, 4)]
)
def test_room_is_what_all_of_it_holds(cores: float, gib: int, gpus: int, room: int) -> None:
    assert Machine(cores, gib * GIB, ["0"] * gpus).room_for(100) == room
    assert RUN_BYTES == 2 * GIB


@pytest.mark.parametrize(("threads", "room"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_runs_of_several_threads_take_as_many_cores(threads: int, room: int) -> None:
    assert Machine(8.7, 64 * GIB, []).room_for(100, threads) == room
