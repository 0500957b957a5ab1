"""Measurements on tables whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.papers.audit import AuditRow
from tests.suite.papers.checks.test_logs import row

WORDS = {"rule": "r", "explanation": "e"}


def steps(power: float) -> dict[str, list[list[str]]]:
    """Rewards of places at distances 5 and 13 from their goals, and of the goals from the origin."""
    lines = [("3", "4", "0", "0", 5.0), ("6", "14", "1", "2", 13.0)]
    return {
        "steps": [
            ["step", "x", "y", "goal x", "goal y", "reward"],
            *[[str(at), *line[:4], f"{-(line[4] ** power):.9f}"] for at, line in enumerate(lines)],
        ],
        "goals": [["task", "x", "y"], ["0", "3", "4"], ["1", "0", "1"]],
    }


def distance(folder: Path, power: float, printed: str) -> AuditRow:
    return row(
        folder,
        steps(power),
        check="measurement",
        measurement="distance-exponent",
        tables={"steps": "steps", "goals": "goals"},
        published={"exponent": printed},
        recomputed="{exponent:.3f} {steps} {still:.1f} {still squared:.1f}",
        **WORDS,
    )


@pytest.mark.parametrize(
    ("power", "printed", "verdict"), [(1, "1", "holds"), (2, "2", "holds"), (1, "2", "contradicted")]
)
def test_the_exponent_of_a_distance_is_found(tmp_path: Path, power: float, printed: str, verdict: str) -> None:
    found = distance(tmp_path, power, printed)
    assert found["verdict"] == verdict
    # Standing still: -100 x (5 + 1) / 2, and of the squares (25 + 1) / 2.
    assert found["recomputed"] == f"{power:.3f} 2 -300.0 -1300.0"


def test_a_reward_without_a_distance_is_refused(tmp_path: Path) -> None:
    tables = steps(1)
    tables["steps"][1][1:3] = ["0", "0"]
    with pytest.raises(UsageError, match="every step needs a distance and a loss above zero"):
        row(
            tmp_path,
            tables,
            check="measurement",
            measurement="distance-exponent",
            tables={"steps": "steps", "goals": "goals"},
            published={"exponent": "1"},
            recomputed="r",
            **WORDS,
        )


@pytest.mark.parametrize(("printed", "verdict"), [("0.25", "holds"), ("0.26", "contradicted"), ("0.1", "contradicted")])
def test_a_step_size_is_the_change_by_the_gradient(tmp_path: Path, printed: str, verdict: str) -> None:
    changes = [["change", "before", "after", "gradient"], ["x", "0", "0.5", "2"], ["y", "-1", "-1.25", "-1"]]
    found = row(
        tmp_path,
        {"changes": changes},
        check="measurement",
        measurement="step-size",
        tables={"changes": "changes"},
        published={"step size": printed},
        recomputed="{lowest:.3f} {highest:.3f} {changes}",
        **WORDS,
    )
    assert (found["verdict"], found["recomputed"]) == (verdict, "0.250 0.250 2")


def test_a_measurement_without_its_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tables: has no 'changes', which the measurement reads"):
        row(
            tmp_path,
            check="measurement",
            measurement="step-size",
            published={"step size": "0.1"},
            recomputed="r",
            **WORDS,
        )
