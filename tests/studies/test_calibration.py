from __future__ import annotations

import math

import numpy as np
import pytest

from studies.calibration import equivalence, sequential, verdicts
from studies.calibration.__main__ import too_many
from studies.calibration.intervals import Cell as IntervalCell
from studies.calibration.intervals import covered
from studies.calibration.noise import KINDS, draw, residuals
from suite.analysis.hypotheses import Finding


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", [2.0, -2.0])
def test_noise_has_the_mean_and_the_deviation_that_it_is_asked_for(kind: str, mean: float) -> None:
    drawn = draw(np.random.default_rng(0), kind, np.array([mean]), 0.3, 100_000)
    assert drawn.mean() == pytest.approx(mean, abs=0.01)
    assert drawn.std() == pytest.approx(0.6, rel=0.02)


def test_residuals_are_those_of_real_runs() -> None:
    assert len(residuals()) == 72
    assert residuals().std() == pytest.approx(1)


def test_a_judge_that_errs_too_often_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(entries: object) -> Finding:
        ours, theirs = entries  # type: ignore[misc]
        return Finding("", 0, 0, 0, 0.01 if ours[0].mean() > theirs[0].mean() else 0.5, 1.0, math.nan, 0.01)

    monkeypatch.setitem(verdicts.STATEMENTS, "hasty", (hasty, (1, 1), (0.3,)))
    found = verdicts.count(verdicts.Cell("hasty", 1, "normal", 0.3, 3), 200)
    assert found.reproduced == pytest.approx(100, abs=30)
    (named,) = too_many([("hasty", found.reproduced or 0, 200), ("good", 10, 200)], 0.05)
    assert named.startswith("hasty")


def test_holms_correction_allows_for_the_number_of_cells() -> None:
    few, many = [("a", 18, 200)], [("a", 18, 200), *((f"cell {index}", 10, 200) for index in range(100))]
    assert too_many(few, 0.05) != []
    assert too_many(many, 0.05) == []


def test_so_few_runs_that_they_cannot_decide_are_not_counted() -> None:
    found = verdicts.count(verdicts.Cell("better in most", 1, "normal", 0.3, 2), 5)
    assert (found.reproduced, found.not_reproduced) == (None, None)


def test_coverage_is_counted() -> None:
    found = covered(IntervalCell("mean", 6, "normal", 0.3, 3), 200)
    assert 180 <= found.hits <= found.trials == found.hits + found.misses
    assert (
        covered(IntervalCell("mean, normalised by three seeds", 6, "normal", 0.5, 3), 20).misses == 0
    )  # none is given


def test_decisions_of_comparisons_are_counted() -> None:
    wrong = equivalence.Cell(0.9, 1, "normal", 0.03, (5, 5))
    right = equivalence.Cell(1.0, 1, "normal", 0.03, (5, 5))
    assert equivalence.equivalent(wrong, 60).decided <= 10 < 50 <= equivalence.equivalent(right, 60).decided
    assert equivalence.different(equivalence.Cell(1.0, 6, "normal", 0.3, (3, 3)), 60).decided <= 10
    assert equivalence.different(equivalence.Cell(2.0, 6, "normal", 0.1, (5, 5)), 10).decided == 10


def test_unequal_noise_moves_no_entry_ahead() -> None:
    cell = sequential.Cell(1, "log-normal", 0.0, 10.0)
    of = sequential.comparison("one")
    generator = np.random.default_rng(1)
    ahead = [
        np.mean([found[run] for run in of.runs[0]] > np.array([found[run] for run in of.runs[1]]))
        for found in (sequential._scores(generator, of, cell) for _ in range(300))
    ]
    assert np.mean(ahead) == pytest.approx(0.5, abs=0.03)


def test_decisions_of_adaptive_seeds_are_counted() -> None:
    assert sequential.identical(sequential.Cell(2, "normal"), 10).decided <= 3
    apart = sequential.different(sequential.Cell(2, "normal", 6.0), 10)
    assert apart.decided == 10
    assert apart.seeds == 6


def test_interim_analyses_without_correction_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.analysis.sequential.critical_p_values", lambda of, comparisons: [0.1] * len(of.stages))
    found = sequential.identical(sequential.Cell(2, "normal"), 40)
    assert too_many([("hasty", found.decided, found.trials)], 0.05) != []
