"""A benchmark run by a Python call: what comes back, what is refused, what an interrupt leaves."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from rich.console import Console

import suite
from suite.execute.registry import EXECUTORS
from suite.plan.benchmark import Benchmark
from suite.session import Interrupted
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite import instant
from tests.suite.stores import finish, linear, make_spec
from tests.suite.tiny import TINY


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """Two runs, which an executor of its own finishes at once: seed 1 fails."""
    monkeypatch.setitem(EXECUTORS, "instant", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "calls", [])
    monkeypatch.setattr(instant, "interrupt_after", None)
    monkeypatch.setattr(instant, "score", made_up)
    return Benchmark.model_validate(yaml.safe_load(TINY))


def made_up(spec: RunSpec) -> float | None:
    return None if spec.seed == 1 else 7.0


def test_run_returns_the_outcome_of_a_benchmark(tiny: Benchmark, tmp_path: Path) -> None:
    first, second = tiny.plan()
    outcome = suite.run(tiny, results=tmp_path / "r", reports=tmp_path / "p", executor="instant")
    assert outcome.runs == (first, second)
    assert outcome.failures == {second.run: ("error", "made to fail")}
    assert not outcome.is_complete
    assert outcome.report == tmp_path / "p" / "index.html"
    assert outcome.report.stat().st_size > 0
    assert outcome.scores()[["run", "seed", "score"]].values.tolist() == [[first.run, 0, 7.0]]


def test_only_what_is_selected_is_executed_and_nothing_twice(tiny: Benchmark, tmp_path: Path) -> None:
    chosen = suite.Selection(seeds="0")
    for _ in range(2):
        outcome = suite.run(tiny, results=tmp_path, reports=None, executor="instant", selection=chosen)
        assert outcome.is_complete
        assert outcome.report is None
    assert instant.calls == [[tiny.plan()[0].run], []]


def test_nothing_is_printed_unless_a_console_is_given(
    tiny: Benchmark, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    suite.run(tiny, results=tmp_path / "1", reports=None, executor="instant")
    assert capfd.readouterr() == ("", "")
    page = io.StringIO()
    suite.run(tiny, results=tmp_path / "2", reports=None, executor="instant", console=Console(file=page))
    assert page.getvalue().startswith("tiny: 2 runs, 0 done, 2 to run\n")
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_says_what_it_has_left(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instant, "interrupt_after", 1)
    with pytest.raises(Interrupted, match=r"^interrupted$"):
        suite.run(tiny, results=tmp_path, reports=None, executor="instant")


def test_it_runs_in_a_thread_which_gets_no_signals(tiny: Benchmark, tmp_path: Path) -> None:
    found = []
    thread = threading.Thread(
        target=lambda: found.append(suite.run(tiny, results=tmp_path, reports=None, executor="instant"))
    )
    thread.start()
    thread.join(60)
    assert [len(outcome.failures) for outcome in found] == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"benchmark": "quik"}, "did you mean 'quick'?"),
        ({"executor": "slrum"}, "executor 'slrum' is unknown"),
        ({"request": suite.Request(image="x")}, "--image: is for --executor docker"),
        ({"selection": suite.Selection(only=["algorithm=perl"])}, "algorithm 'perl' is unknown"),
    ],
)
def test_wrong_usage_is_an_error_of_one_line_before_anything_is_written(
    arguments: dict[str, object], says: str, tiny: Benchmark, tmp_path: Path
) -> None:
    with pytest.raises(suite.UsageError) as refused:
        suite.run(**{"benchmark": tiny, "results": tmp_path / "r", "executor": "instant", **arguments})  # type: ignore[arg-type]
    assert says in str(refused.value)
    assert not (tmp_path / "r").exists()


def test_importing_the_suite_imports_nothing_slow() -> None:
    script = "import sys, suite; print({'torch', 'pandas', 'numpy', 'rich'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_results_are_tidy_tables(tiny: Benchmark, tmp_path: Path) -> None:
    suite.run(tiny, results=tmp_path, reports=None, executor="instant")
    other = make_spec(seed=9)
    finish(Store(tmp_path), other, linear(0, 1))
    first, second = tiny.plan()
    scores = suite.results(tmp_path)
    assert set(scores["run"]) == {first.run, second.run, other.run}
    mine = suite.results(tmp_path, tiny)
    assert mine.set_index("run")["score"].to_dict() == {
        first.run: 7.0,
        second.run: pytest.approx(float("nan"), nan_ok=True),
    }
    assert mine.set_index("run")["state"].to_dict() == {first.run: "done", second.run: "failed"}
    assert suite.results(tmp_path, tiny, table="curves")["run"].unique().tolist() == [first.run]
    assert suite.results(tmp_path, tiny, table="training")["run"].unique().tolist() == [first.run]
    assert set(suite.results(tmp_path, tiny, table="metrics")["metric"]) == {"success"}
    assert len(suite.results("maml")) > 0  # a snapshot that came with the suite
    with pytest.raises(suite.UsageError, match="there is no such folder"):
        suite.results(tmp_path / "nowhere")
    with pytest.raises(suite.UsageError, match="table 'score' is unknown; did you mean 'scores'"):
        suite.results(tmp_path, table="score")  # type: ignore[arg-type]
