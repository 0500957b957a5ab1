from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from studies.calibration import curves, equivalence, sequential, verdict_tables, verdicts
from studies.calibration.__main__ import too_many, upper_bound
from studies.calibration.intervals import Cell as IntervalCell
from studies.calibration.intervals import covered
from studies.calibration.noise import KINDS, draw, residuals
from suite.analysis import equivalence as judge
from suite.analysis.sequential import sequential_tests
from suite.papers.paper import read_paper
from suite.papers.power import read_power
from suite.papers.statements import EquivalentWithin


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
    # Without its doubts the judge takes a skewed entry that varies more for the worse one.
    monkeypatch.setattr("suite.papers.statements.shares.Share.doubts", lambda about, entries, sides: {})
    cell = verdicts.Cell("better: most barely, the rest x0.2", 25, "log-normal", 0.3, 15, spread=2.0)
    found = verdicts.count(cell, 200)
    (named,) = too_many([("hasty", found.not_reproduced, 200), ("good", 10, 200)], 0.05)
    assert named.startswith("hasty")


def test_a_judge_that_withholds_verdicts_errs_seldom() -> None:
    cell = verdicts.Cell("better: most barely, the rest x0.2", 25, "log-normal", 0.3, 15, spread=2.0)
    found = verdicts.count(cell, 200)
    assert found.not_reproduced <= 10
    assert found.silent >= 0.75


@pytest.mark.parametrize("world", [*verdicts.WORLDS, *verdicts.ALONE])
def test_a_verdict_is_wrong_in_every_world_that_says_so(world: str) -> None:
    """The true value does not lie clearly on the side that is called wrong."""
    about = verdicts.WORLDS.get(world) or verdicts.ALONE[world]
    for environments in (1,) if world in verdicts.ALONE else (1, 6, 25, 50):
        means = about.means(environments)
        value = about.statement.value([[mean + 1e-9 * np.array([-1, 1]) for mean in entry] for entry in means])[0]
        if isinstance(about.statement, EquivalentWithin):
            assert abs(value - 1) == pytest.approx(about.statement.margin)
            continue
        boundary = {"gain": 1.0, "ratio of seconds": 1.0, "most wins": 0.0, "difference": 0.0}
        middle = boundary.get(about.statement.statistic, 0.5)  # type: ignore[attr-defined]
        if 1 in about.wrong:
            assert not value > middle + 1e-9
        if -1 in about.wrong:
            assert not value < middle - 1e-9


def test_diverged_runs_are_taken_from_the_worst() -> None:
    runs = np.array([[[5.0, 1.0, 4.0, 2.0, 3.0]] * 2])
    found = verdicts.without_worst(runs, 1)
    assert found.means.tolist() == [[4.0, 3.0]]
    assert found.lost.tolist() == [[True, False]]


def test_curves_are_judged_as_a_store_would_be() -> None:
    found = curves.count(curves.Cell("exponential", 1, 2.0, 20.0, True, 0.02, 3), 5)
    assert found.reproduced + found.not_reproduced <= 2
    clear = curves.count(curves.Cell("square root", 1, 0.7, 20.0, True, 0.02, 3), 5)
    assert clear.silent >= 0.6  # it rises for ever


def test_prints_of_the_same_distribution_fit() -> None:
    fits, fails = verdicts.prints(10, 0.05, 0.0, "normal", 100)
    assert fits > 0.85
    assert verdicts.prints(10, 0.05, -0.5, "normal", 100)[1] == 1
    assert fails < 0.15


def test_holms_correction_allows_for_the_number_of_cells() -> None:
    few, many = [("a", 18, 200)], [("a", 18, 200), *((f"cell {index}", 10, 200) for index in range(100))]
    assert too_many(few, 0.05) != []
    assert too_many(many, 0.05) == []


def test_the_bound_of_all_cells_is_that_of_each_at_a_stricter_level() -> None:
    """No event in n trials leaves a rate of 1 - (error of the cell) ** (1 / n); the largest of the cells counts."""
    assert upper_bound([("a", 0, 100)]) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound([("a", 0, 100), ("b", 0, 50)]) == pytest.approx(1 - 0.025 ** (1 / 50))
    assert upper_bound([("a", 3, 3)]) == 1


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


def test_comparisons_are_decided_as_those_of_a_store() -> None:
    """All trials at once decide what `suite compare` does of each by itself."""

    def trials(cell: equivalence.Cell) -> list[tuple[np.ndarray, ...]]:
        generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
        return list(zip(*equivalence.runs(generator, cell, 60), strict=True))

    apart = equivalence.Cell(1.4, 2, "normal", 0.1, (5, 3), 2.0)
    better = [
        any(judge.on_one(x, y, before, 0.1, 2).direction for x, y, before in zip(ours, theirs, untrained, strict=True))
        for ours, theirs, untrained in trials(apart)
    ]
    assert equivalence.different(apart, 60).decided == sum(better)
    assert 0 < sum(better) < 60
    close = equivalence.Cell(1.0, 2, "normal", 0.04, (5, 3), 2.0)
    within = [judge.equivalence(list(x), list(y), list(u)).within <= 0.05 for x, y, u in trials(close)]
    assert equivalence.equivalent(close, 60).decided == sum(within)
    assert 0 < sum(within) < 60


def test_unequal_noise_moves_no_entry_ahead() -> None:
    ours, theirs = sequential._scores(np.random.default_rng(1), sequential.Cell(1, "log-normal", 0.0, 10.0), (300, 1))
    assert np.mean(ours > theirs) == pytest.approx(0.5, abs=0.03)


def test_trials_that_welchs_test_leaves_undecided_are_not_decided() -> None:
    """Those that are not tested would not be decided either; and some are, so that the test can fail."""
    cell = sequential.Cell(1, "normal", 1.0)
    of = [sequential.comparison("one")]
    scores = sequential._scores(np.random.default_rng(1), cell, (40, 1))
    decided = [
        sequential_tests(of, sequential._named(of, scores[:, trial]))[0].verdict == "decided" for trial in range(40)
    ]
    assert not (decided & ~sequential.may_decide(scores, 1)).any()
    assert 5 < sum(decided) < 35
    assert not sequential.may_decide(scores, 1).all()


def test_decisions_of_adaptive_seeds_are_counted() -> None:
    assert sequential.identical(sequential.Cell(2, "normal"), 10).decided <= 3
    apart = sequential.different(sequential.Cell(2, "normal", 6.0), 10)
    assert apart.decided == 10
    assert apart.seeds == 6


def test_interim_analyses_without_correction_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.analysis.sequential.critical_p_values", lambda of, comparisons: [0.1] * len(of.stages))
    found = sequential.identical(sequential.Cell(2, "normal"), 40)
    assert too_many([("hasty", found.decided, found.trials)], 0.05) != []


@pytest.mark.parametrize("statement", verdict_tables.DECISIVE)
def test_twice_as_good_on_fifty_environments_is_reproduced_by_three_seeds(statement: str) -> None:
    assert verdict_tables.shown(statement, "normal", 200).missed <= 10


def test_a_judge_that_never_decides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.calibration.verdicts.LEVEL", 0.0)
    found = verdict_tables.shown("better in most", "normal", 100)
    assert too_many([("idle", found.missed, found.trials)], 0.05) != []


def test_table_1_as_the_truth_is_shown_in_most_cases_by_three_seeds() -> None:
    """Of seed deviations of 10 %; the median ratio takes more seeds."""
    powers = [each for each in read_power(read_paper("tcl-pearl")) if each.assumed == "Table 1"]
    decided = {each.claim: each.decided for each in powers if each.deviation == 0.1}
    assert len(decided) == 4
    assert min(share for claim, share in decided.items() if "median" not in claim) >= 0.5


def test_the_page_says_what_differences_few_seeds_show_in_80_percent_of_cases() -> None:
    """Power under equal noise, by the noncentral t distribution."""

    def seen(seeds: int, level: float) -> float:
        freedom, critical = 2 * seeds - 2, stats.t.ppf(1 - level, 2 * seeds - 2)
        return float(
            optimize.brentq(lambda size: stats.nct.sf(critical, freedom, size * np.sqrt(seeds / 2)) - 0.8, 0.1, 9)
        )

    one_sided, two_sided = ([f"{seen(seeds, level):.1f}" for seeds in (3, 5, 10)] for level in (0.05, 0.025))
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    words = (
        "a difference of {}, {} and {} standard deviations over seeds (a claim's side), or {}, {} and {} (either way)"
    )
    assert words.format(*one_sided, *two_sided) in page
