"""The machines of people: shared stores, folders full of their own files, pipes that nobody reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.plan.benchmark import load_benchmark
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.suite.permissions import as_anybody, give_away
from tests.suite.stores import finish, linear, make_spec
from tests.suite.trained_runs import suite

ROOT = Path(__file__).parents[2]


@pytest.fixture
def anothers(benchmark_file: Path, tmp_path: Path) -> Iterator[RunFolder]:
    """A run of a shared store that nobody but its owner may look into; the benchmark's other run is done."""
    store = Store(tmp_path / "results")
    first, second = load_benchmark(str(benchmark_file)).plan()
    finish(store, first, linear(0, 1))
    folder = store.folder(second.run)
    folder.prepare(second)
    (folder.path / ".old.tmp").touch()
    give_away(folder.path)
    with as_anybody():
        yield folder
    folder.path.chmod(0o700)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["plan", "FILE"], 0),
        (["plan", "FILE", "--json"], 0),
        (["run", "FILE"], 1),
        (["run", "FILE", "--only-failed"], 0),
        (["run", "FILE", "--rerun", "RUN"], 2),
        (["exec", "RUN"], 77),
        (["status"], 0),
        (["logs", "RUN"], 2),
        (["watch", "RUN", "--task", "0"], 2),
        (["clusters", "RUN"], 2),
        (["report"], 0),
        (["report", "FILE"], 0),
        (["gc"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_anothers_folder_is_named_and_the_rest_goes_on(
    words: list[str],
    status: int,
    anothers: RunFolder,
    benchmark_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "runs" / ".probe.left").mkdir()
    words = [{"FILE": str(benchmark_file), "RUN": anothers.run}.get(word, word) for word in words]
    assert suite(*words) == status
    printed = capfd.readouterr()
    assert anothers.run in printed.err or words[0] == "report" or "--only-failed" in words
    assert "storage" not in printed.err
    assert "--reports" not in printed.err
    if words[0] == "report":
        assert anothers.run in (tmp_path / "reports" / "index.html").read_text()
    if words[0] == "gc":
        assert ".probe.left" in printed.out


def test_a_folder_that_may_be_read_and_not_written_is_no_full_disk(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    first, second = load_benchmark(str(benchmark_file)).plan()
    finish(store, first, linear(0, 1))
    folder = store.folder(second.run)
    folder.prepare(second)
    give_away(folder.path, 0o755)
    with as_anybody():
        assert suite("exec", second.run, "--results", store.results) == 77
        assert "Permission denied" in capfd.readouterr().err
        found = subprocess.run(
            [sys.executable, "-c", NOT_OVERRIDING, str(benchmark_file), str(store.results), str(tmp_path / "reports")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert found.returncode == 1, found.stderr
    assert f"failed: {second.run}: permission: " in found.stderr


NOT_OVERRIDING = """
import ctypes, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # what is executed from here on cannot override either
import subprocess
file, results, reports = sys.argv[1:]
command = [sys.executable, "-P", "-m", "suite", "run", file, "--results", results, "--reports", reports]
sys.exit(subprocess.run(command).returncode)
"""


def test_modules_in_the_working_folder_shadow_no_package(benchmark_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "algorithms").mkdir(parents=True)
    names = ("queue", "suite", "docker", "torch", "select", "typing", "registry", "failures")
    for path in (home / "algorithms" / "__init__.py", *(home / f"{name}.py" for name in names)):
        path.write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write(__file__); raise SystemExit('shadowed')")
    command = Path(sys.executable).with_name("suite")
    folders = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    done = subprocess.run(
        [command, "run", benchmark_file, *folders], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {folder.state for folder in Store(tmp_path / "results").folders()} == {"done"}
    (home / "suite.py").unlink()  # which Python itself executes when told to: python -m suite
    asked = subprocess.run(
        [sys.executable, "-m", "suite", "list", "benchmarks"], cwd=home, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr
    assert not (tmp_path / "executed").exists()


def test_a_pipe_that_nobody_reads_stops_nothing(benchmark_file: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    folders = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    command = [sys.executable, "-m", "suite", "run", str(benchmark_file), *folders]
    assert subprocess.run(command, stderr=writer, timeout=300, check=False).returncode == 0
    os.close(reader)
    os.close(writer)
    assert {folder.state for folder in Store(tmp_path / "results").folders()} == {"done"}


def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seed in range(3):
        store.folder(make_spec(seed=seed).run).prepare(make_spec(seed=seed))
    for words in (["list", "environments"], ["list", "environments", "--json"], ["status", "--results", str(tmp_path)]):
        reader, writer = os.pipe()
        os.close(reader)
        asked = subprocess.run(
            [sys.executable, "-m", "suite", *words], stdout=writer, stderr=subprocess.PIPE, check=False
        )
        os.close(writer)
        assert asked.stderr == b""


LEFT_BY_TOOLS = (".tox/tests/log", ".venv", "meta_rl_suite.egg-info/PKG-INFO", "suite/__pycache__/cli.pyc")
LEFT_BY_TOOLS += (".pytest_cache/README.md", ".hypothesis/examples/1", ".mypy_cache/1", ".ruff_cache/1", "build/lib/1")


def refused() -> None:
    raise UsageError("no container engine answers")


def test_the_checkout_stays_clean(benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every command of the README, a calibration, and what tox and pip leave."""
    checkout = tmp_path / "checkout"
    for name in (".gitignore", "results/.gitkeep", "reports/.gitkeep"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    git = ["git", "-C", str(checkout), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(checkout)
    monkeypatch.setattr("suite.execute.docker.client.connect", refused)
    run = load_benchmark(str(benchmark_file)).plan()[0].run
    for line in (
        f"run {benchmark_file} --checkpoint-every 0",
        "list algorithms",
        f"plan {benchmark_file}",
        f"plan {benchmark_file} --calibrate",
        "status",
        "report",
        "audit",
        f"watch {run} --task 3",
        "doctor",
        "gc",
    ):
        suite(*line.split())
        changed = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
        assert changed == "", f"after suite {line}"
    assert list((checkout / "results" / "runs").iterdir())
    for name in LEFT_BY_TOOLS:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    assert subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True).stdout == b""
    (checkout / "suite" / "new.py").touch()
    assert subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True).stdout != b""
