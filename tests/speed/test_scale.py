from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from speed import scale
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store
from tests.suite.stores import make_spec


class Few:
    """Three runs instead of `full`."""

    @staticmethod
    def plan() -> list[object]:
        return [make_spec(label) for label in ("pearl", "mql", "maml-trpo")]


def test_every_second_run_is_finished_and_every_command_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], int, int]] = []

    def timed(words: list[str], folder: Path, calls: int) -> tuple[float, float]:
        done = [record.state for record in Store(folder / "results").records()].count("done")
        asked.append((words, calls, done))
        return 100.0, float(len(asked))

    monkeypatch.setattr(scale, "load_benchmark", lambda name: Few())
    monkeypatch.setattr(scale, "seconds", timed)
    plans = [["plan", "full", "--seeds", seeds] for seeds in ("0-0", "0-1")]
    assert scale.measure((1, 2)) == {
        "plan: first": {3: 1.0, 6: 5.0},
        "plan": {3: 2.0, 6: 6.0},
        "status": {3: 3.0, 6: 7.0},
        "export": {3: 4.0, 6: 8.0},
    }
    assert asked == [
        (plans[0], 1, 2),
        (plans[0], 3, 2),
        (["status"], 3, 2),
        (["export"], 1, 2),
        (plans[1], 1, 3),
        (plans[1], 3, 3),
        (["status"], 3, 3),
        (["export"], 1, 3),
    ]


def test_the_greatest_size_is_about_ten_thousand_runs() -> None:
    planned = load_benchmark("full").plan()
    assert 9_500 < scale.SEEDS[-1] * len(planned) / len({spec.seed for spec in planned}) < 10_500


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    scale.draw({command: {10: 0.1, 1000: 0.5} for command in scale.COMMANDS}, tmp_path / "scale.png")
    with Image.open(tmp_path / "scale.png") as figure:
        assert figure.size[0] > 500
