from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from speed import growth
from speed.growth import VARIED, Measured, Point


def test_one_thing_is_varied_at_a_time_over_what_is_promised() -> None:
    for name, points in VARIED.items():
        assert all(point._replace(**{name: getattr(Point(), name)}) == Point() for point in points)
    spans = {name: (getattr(points[0], name), getattr(points[-1], name)) for name, points in VARIED.items()}
    assert spans == {"tasks": (10, 1_000), "transitions": (10_000, 1_000_000), "context": (64, 2_048)}


def test_every_point_is_measured_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    class Answer:
        def __init__(self, command: list[str], **_: object) -> None:
            asked.append(command[-3:])
            self.stdout = f"[[{len(asked)}.0, {len(asked)}.0], {len(asked)}]".encode()

    monkeypatch.setattr(growth.subprocess, "run", Answer)
    monkeypatch.setattr(growth, "VARIED", {"tasks": [Point(), Point(tasks=10)], "context": [Point()]})
    measured = growth.in_turn()
    assert asked == [["100", "100000", "128"], ["10", "100000", "128"]] * growth.ROUNDS
    assert measured == {Point(): Measured(3.0, 5.0), Point(tasks=10): Measured(4.0, 6.0)}


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    measured = {point: Measured(0.1, 2.0**30) for points in VARIED.values() for point in points}
    growth.draw(measured, tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as figure:
        assert figure.size[0] > 500
