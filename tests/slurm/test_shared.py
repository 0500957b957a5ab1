"""The store on a file system whose listings lag, or that cannot flush: nothing is done twice, the doctor says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.failures import STORAGE_STATUS
from suite.store.runs import Store
from tests.faults.conditions import committed
from tests.faults.conftest import Note
from tests.slurm.conftest import ROOT, wait_until
from tests.suite.stores import make_spec

pytestmark = pytest.mark.slurm

Mounted = Callable[..., Path]


@pytest.fixture(scope="module")
def fuse() -> None:
    pytest.importorskip("mfusepy")
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("needs the right to mount a file system of its own")
    if not list(Path("/usr/lib").rglob("libfuse.so.2")):
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "libfuse2"], check=True)


@pytest.fixture
def mounted(fuse: None, tmp_path: Path) -> Iterator[Mounted]:
    """Mount a file system that misbehaves as it is told."""
    servers = []

    def mount(*how: str) -> Path:
        folder, place = tmp_path / "folder", tmp_path / "place"
        folder.mkdir()
        command = [sys.executable, "-m", "tests.slurm.lagging", str(folder), str(place), *how]
        servers.append(subprocess.Popen(command, cwd=ROOT))
        wait_until(lambda: os.path.ismount(place), "for a mount", 30)
        return place / "results"

    yield mount
    subprocess.run(["umount", "-l", str(tmp_path / "place")], check=False)
    for server in servers:
        server.terminate()
        server.wait()


def doctor(results: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "suite", "doctor", "--store", "--results", str(results), "--json"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    checks = {check["what"]: check["verdict"] for check in json.loads(said.stdout)}
    assert said.returncode == ("failed" in checks.values()), said.stderr
    wait_until(lambda: not list(results.glob("runs/.probe*")), "for nothing to be left", 30)
    return checks


def test_a_sound_file_system_is_found_sound(mounted: Mounted, note: Note) -> None:
    checks = doctor(mounted())
    assert set(checks) == {"sync", "processes", "exclusive", "listings", "lag", "renewals", "rename"}
    assert set(checks.values()) == {"ok"}
    note("a sound FUSE file system", 1, "`suite doctor --store` says so")


@pytest.mark.parametrize(("lag", "failed"), [("1", {"listings"}), ("12", {"listings", "lag"})])
def test_listings_that_lag_are_found(lag: str, failed: set[str], mounted: Mounted, note: Note) -> None:
    checks = doctor(mounted("--lag", lag))
    assert {what for what, verdict in checks.items() if verdict == "failed"} == failed
    note(f"listings that lag by {lag} s", 1, "found by `suite doctor --store`")


def pull_all(results: Path, runs: int) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.faults.scheduler", "ends-well", str(results), str(runs)]
    return [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]


def test_runs_are_done_once_where_listings_lag_a_little(mounted: Mounted, note: Note) -> None:
    results = mounted("--lag", "1")
    for scheduler in pull_all(results, 6):
        assert scheduler.wait(300) == 0
    assert committed(results) == sorted(make_spec(seed=seed).run for seed in range(6))
    note("two schedulers where listings lag by a second", 6, "every run committed, none twice")


def test_where_listings_lag_too_much_a_run_is_refused(mounted: Mounted, note: Note) -> None:
    results = mounted("--lag", "60")
    spec = make_spec()
    Store(results).folder(spec.run).prepare(spec)
    (results / "runs" / spec.run / "claims").mkdir()
    command = [sys.executable, "-m", "suite", "exec", spec.run, "--results", str(results)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == STORAGE_STATUS, said.stderr
    assert "cannot be taken" in said.stderr
    assert said.stderr.count("\n") == 1
    note("a run where listings lag by a minute", 1, "refused in one line, not done")


def test_a_disk_that_cannot_flush_is_found_and_refused(mounted: Mounted, note: Note) -> None:
    results = mounted("--sync-fails")
    assert doctor(results) == {"sync": "failed"}
    command = [sys.executable, "-m", "suite", "run", "smoke", "--results", str(results)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == 2
    assert "cannot be written" in said.stderr
    assert said.stderr.count("\n") == 1
    note("a disk whose flushing fails", 2, "found by the doctor; `suite run` refuses in one line")
