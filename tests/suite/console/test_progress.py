"""The live view of a benchmark, on whatever lies in the store."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from suite.console.progress import Progress
from suite.console.time_left import TimeLeft
from suite.plan.embeddings import ClusterSettings
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.terminals import Terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_output_of_runs_is_shown_as_it_is(terminal: bool, tmp_path: Path) -> None:
    store, specs = (
        Store(tmp_path),
        [make_spec(seed=seed).model_copy(update={"label": "pearl [/no-kl]"}) for seed in range(2)],
    )
    store.prepare()
    out = Terminal() if terminal else io.StringIO()
    with Progress(store, specs, Console(file=out, force_terminal=terminal, width=200, markup=False)) as progress:
        fail(store, specs[0], "ValueError: no file [/data/x]")
        folder = store.folder(specs[1].run)
        folder.prepare(specs[1])
        assert folder.take()
        for steps in ("x", None, [], 0, float("nan")):
            folder.write_progress({"environment_steps": steps, "seconds": 1.0, "budget": 100})
            progress.update()
        folder.release()
    assert "pearl [/no-kl]" in out.getvalue()
    assert "no file [/data/x]" in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_post_run_step_of_a_finished_run_is_shown(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.console.progress.LINES_SECONDS", 0.0)
    store, specs = Store(tmp_path), [make_spec("tcl-pearl", seed=seed) for seed in range(2)]
    wanted = ClusterSettings(rollouts=20).model_dump()
    folders = [finish(store, spec, linear(0.0, 1.0)) for spec in specs]
    for folder in folders:
        folder.want("clusters", wanted)
    out = Terminal() if terminal else io.StringIO()
    with Progress(store, specs, Console(file=out, force_terminal=terminal, width=200)) as progress:
        progress.update(seconds=1.0)
        assert set(progress.states.values()) == {"post-run due"}
        assert folders[1].take()
        folders[1].write_progress({"post_run": "clusters", "post_run_done": 5, "post_run_of": 20})
        progress.update(seconds=1.0)
        assert progress.states[folders[1].run] == "post-run"
        assert progress.is_worked_on()
        folders[1].fail_step("clusters", "nothing to embed")
        folders[1].release()
        progress.update(seconds=1.0)
        assert progress.states == {folders[0].run: "post-run due", folders[1].run: "done"}
    assert re.search(r"post-run.* clusters  25%", out.getvalue())
    assert "1/2 " in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_the_time_that_is_left_is_shown(terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four runs of ten minutes each by two workers: one is done after ten, one half after five."""
    store, specs = Store(tmp_path), [make_spec(seed=seed, budget=1000) for seed in range(4)]
    store.prepare()
    out = Terminal() if terminal else io.StringIO()
    left = TimeLeft({spec.run: 600.0 for spec in specs}, workers=2)
    with Progress(store, specs, Console(file=out, force_terminal=terminal, width=200), left) as progress:
        finish(store, specs[0], linear(0.0, 1.0), seconds=(200.0, 300.0, 100.0))
        folder = store.folder(specs[1].run)
        folder.prepare(specs[1])
        assert folder.take()
        folder.write_progress({"environment_steps": 500, "seconds": 300.0, "budget": 1000})
        progress.update(seconds=1.0)
        folder.release()
    assert left.left([spec.run for spec in specs[1:]]) == pytest.approx(1500.0 / 2)
    assert re.search(r"1/4 \d+ s, about 1[23] minutes left", out.getvalue())


def test_looking_at_many_runs_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that moves by a millisecond whenever a run is looked at: of a thousand, some at a time."""
    now, looked = 1000.0, []
    state = RunFolder.state

    def slow_state(folder: RunFolder) -> str:
        nonlocal now
        now += 0.001
        looked.append(folder.run)
        return str(state.__get__(folder))

    monkeypatch.setattr("suite.console.progress.time.monotonic", lambda: now)
    monkeypatch.setattr(RunFolder, "state", property(slow_state))
    monkeypatch.setattr(RunSpec, "run", property(lambda spec: f"run-{spec.seed}"))
    specs = [make_spec(seed=seed) for seed in range(1000)]
    progress = Progress(Store(tmp_path), specs, Console(file=io.StringIO()))
    monkeypatch.setattr(RunSpec, "run", property(lambda spec: pytest.fail("a specification is hashed again")))
    looked.clear()
    begun = now
    while set(looked) != {f"run-{seed}" for seed in range(1000)}:
        before = len(looked)
        progress.tick(lambda: ["run-7"])
        assert "run-7" in looked[before:] or len(looked) == before
        now += 0.1  # what the scheduler has to do meanwhile
    assert len(looked) * 0.001 <= 0.02 * (now - begun)
