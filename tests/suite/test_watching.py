"""The user's view of runs and choice of them: status, logs, limits and selections of `suite run`."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from suite.console.progress import Progress
from suite.plan.benchmark import load_benchmark
from suite.plan.catalogue import catalogue
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.record import RunRecord
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.terminals import Terminal
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite


@pytest.fixture
def benchmark_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("[0, 1]", "[0, 1, 2]").replace("evaluations: 1", "evaluations: 3"))
    return path


@pytest.fixture
def lasting_file(benchmark_file: Path) -> Path:
    """The same of runs that do not end before anybody looks at them."""
    benchmark_file.write_text(benchmark_file.read_text().replace("budget: 3000", "budget: 300000"))
    return benchmark_file


def meanwhile(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Let something happen whenever the command line waits; what has not happened is left in what is returned."""
    left = iter(events)
    monkeypatch.setattr("suite.cli.status.time.sleep", lambda seconds: next(left)())
    return left


def taken(store: Store, spec: RunSpec) -> RunFolder:
    folder = store.folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    return folder


def said(folder: RunFolder, text: str) -> None:
    with (folder.path / "log.txt").open("a") as log:
        log.write(text)


@pytest.mark.parametrize("columns", ["40", "80", None])
def test_a_table_of_names_is_whole(
    columns: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    for what in ("environments", "algorithms", "benchmarks"):
        rows = catalogue(what)
        assert suite("list", what) == 0
        lines = capfd.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[1:]] == [row["name"] for row in rows]
        assert not any("…" in line for line in lines)


@pytest.mark.parametrize("columns", [40, 80])
def test_the_live_table_shows_whole_names(columns: int, tmp_path: Path) -> None:
    page = Terminal()
    environments = [row["name"] for row in catalogue("environments")]
    specs = [make_spec("a-label-that-is-longer-than-others", environment) for environment in environments]
    with Progress(Store(tmp_path), specs, Console(file=page, force_terminal=True, width=columns, height=100)):
        pass
    shown = "".join(page.getvalue().split())
    assert "…" not in shown
    assert "a-label" in shown


def test_names_can_be_copied_from_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    store = Store(tmp_path)
    runs = [store.folder(spec.run).run for spec in (make_spec(), make_spec(seed=1)) if taken(store, spec)]
    assert suite("status", "--results", tmp_path) == 0
    printed = capfd.readouterr().out
    assert all(run in printed for run in runs)


def test_logs_follow_to_the_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = taken(Store(tmp_path), make_spec())
    said(folder, "first\n")
    left = meanwhile(
        monkeypatch,
        lambda: said(folder, "second\n"),
        lambda: (said(folder, "the last words\n"), folder.release()),
        lambda: None,
    )
    assert suite("logs", folder.run, "--results", tmp_path, "-f") == 0
    assert capfd.readouterr().out.splitlines() == ["first", "second", "the last words"]
    assert list(left) == []


def test_watching_goes_on_between_two_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    first, second = taken(store, make_spec(seed=0)), taken(store, make_spec(seed=1))
    second.release()
    left = meanwhile(
        monkeypatch,
        lambda: first.fail("ValueError: bad", "error"),
        first.release,
        second.take,
        lambda: second.fail("ValueError: worse", "error"),
    )
    assert suite("status", "--results", tmp_path, "--watch") == 0
    lines = [line.partition("] ")[2] for line in capfd.readouterr().out.splitlines()]
    assert lines == [
        "failed pearl on reach-v1, seed 0: ValueError: bad",
        "running pearl on reach-v1, seed 1",
        "failed pearl on reach-v1, seed 1: ValueError: worse",
    ]
    assert list(left) == []


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["status", "--watch"], ["failed pearl on reach-v1, seed 0: ValueError: bad"]),
        (["logs", make_spec().run, "-f"], ["first", "the last words"]),
    ],
)
def test_watching_waits_for_a_store_that_is_away(
    words: list[str],
    shown: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It says so, misses nothing, and shows nothing twice."""
    folder = taken(Store(tmp_path), make_spec())
    said(folder, "first\n")
    state, away = RunRecord.state.fget, [False]  # type: ignore[attr-defined]

    def state_or_not(self: RunRecord) -> object:
        if away[0]:
            raise OSError(errno.ESTALE, "Stale file handle")
        return state(self)

    def ended() -> None:
        away[0] = False
        said(folder, "the last words\n")
        folder.fail("ValueError: bad", "error")
        folder.release()

    monkeypatch.setattr(RunRecord, "state", property(state_or_not))
    monkeypatch.setattr("suite.execute.patience.PAUSE_SECONDS", 0.0)
    steps: Iterator[Callable[[], object]] = iter([lambda: away.__setitem__(0, True), lambda: None, ended])
    monkeypatch.setattr("suite.cli.status.time.sleep", lambda seconds: next(steps, lambda: None)())
    assert suite(*words, "--results", tmp_path) == 0
    printed = capfd.readouterr()
    assert [line.partition("] ")[2] or line for line in printed.out.splitlines()] == shown
    assert printed.err.splitlines() == [
        f"{tmp_path}: is away ([Errno {errno.ESTALE}] Stale file handle); waiting for it, 10 minutes at most",
        f"{tmp_path}: is back",
    ]


def test_watch_ends_when_no_run_is_worked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("suite.console.progress.QUIET_SECONDS", 0.0)
    meanwhile(monkeypatch)
    taken(Store(tmp_path), make_spec()).release()
    assert suite("status", "--results", tmp_path, "--watch") == 0


def test_plain_lines_say_now_and_then_what_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, spec, page = Store(tmp_path), make_spec(budget=1000), io.StringIO()
    folder = taken(store, spec)
    folder.write_progress({"environment_steps": 250, "seconds": 5.0})
    progress = Progress(store, [spec], Console(file=page))
    progress.update()
    assert page.getvalue() == ""
    monkeypatch.setattr("suite.console.progress.LINES_SECONDS", 0.0)
    progress.update()
    assert "running pearl on reach-v1, seed 0  25%, 50 steps/s, 15 s left" in page.getvalue()


def test_only_failed_and_rerun_select_runs(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folders = ("--results", tmp_path, "--reports", tmp_path / "reports")
    store = Store(tmp_path)
    good, bad, pending = load_benchmark(str(benchmark_file)).plan()
    finish(store, good, linear(7, 7))
    fail(store, bad, "ValueError: bad")
    made_up = store.folder(good.run).evaluations()

    limits = ("--memory-limit", "inf", "--time-limit", "inf", "--silence-limit", "inf")
    assert suite("run", benchmark_file, *folders, "--only-failed", *limits) == 0
    assert [store.folder(spec.run).state for spec in (good, bad, pending)] == ["done", "done", "pending"]
    assert store.folder(good.run).evaluations().equals(made_up)
    log = store.folder(bad.run).log_tail()
    assert log.count("of 3,000 environment steps: mean return") == 4

    trained = (store.folder(bad.run).path / "done.json").stat().st_mtime_ns
    assert suite("run", benchmark_file, *folders, "--rerun", good.run) == 0
    assert not store.folder(good.run).evaluations().equals(made_up)
    assert (store.folder(bad.run).path / "done.json").stat().st_mtime_ns == trained
    assert store.folder(pending.run).state == "pending"

    assert suite("run", benchmark_file, *folders, "--rerun", "nothing") == 2
    assert "run 'nothing': is not of this benchmark; see: suite plan" in capfd.readouterr().err


def test_a_limit_on_memory_is_kept(lasting_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folders = ("--results", tmp_path, "--reports", tmp_path / "reports")
    assert suite("run", lasting_file, *folders, "--memory-limit", "0.03", "--workers", "1") == 1
    printed = capfd.readouterr().err
    assert printed.count("the limit is 30") == 6  # of each run, as it fails and in the end
    assert [folder.failure()["kind"] for folder in Store(tmp_path).folders()] == ["memory limit"] * 3


def test_pending_runs_are_visible_to_other_commands(
    lasting_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(self: Progress, *_: object, **__: object) -> None:
        seen.append(sorted(folder.run for folder in Store(tmp_path).folders()))

    monkeypatch.setattr("suite.console.progress.Progress.update", look)
    folders = ("--results", tmp_path, "--reports", tmp_path / "reports")
    assert suite("run", lasting_file, *folders, "--memory-limit", "0.03", "--workers", "1") == 1
    assert seen[0] == sorted(spec.run for spec in load_benchmark(str(lasting_file)).plan())
