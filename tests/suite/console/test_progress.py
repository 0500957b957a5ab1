"""The live view of a benchmark, on whatever lies in the store."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from suite.console.progress import Progress
from suite.store.runs import Store
from tests.suite.stores import fail, make_spec


@pytest.mark.parametrize("terminal", [True, False])
def test_what_runs_say_is_shown_as_it_is(terminal: bool, tmp_path: Path) -> None:
    store, specs = (
        Store(tmp_path),
        [make_spec(seed=seed).model_copy(update={"label": "pearl [/no-kl]"}) for seed in range(2)],
    )
    store.prepare()
    out = io.StringIO()
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
