"""The statement `equivalent within`: an entry gains over untrained what another does, give or take a margin."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from suite.analysis.moments import Moments
from suite.analysis.samples import Samples
from suite.papers.claims import Claim, ClaimsFile
from suite.papers.judgements import judge, settled
from suite.papers.paper import read_paper
from suite.papers.statements import LOST, UNEQUAL, EquivalentWithin
from suite.plan.environment_sets import environment_sets
from tests.suite.papers.planned import finished, planned

BEFORE = np.array([1.9, 2.1, 2.0, 1.9, 2.1, 2.0])
THEIRS = np.array([10.2, 9.9, 10.0])


def statement(**fields: Any) -> EquivalentWithin:
    plain = {"statement": "s", "where": "w", "published": "1", "environments": ["point-goal-2d"], "entries": ["a", "b"]}
    found = ClaimsFile.model_validate({"x": {**plain, "statistic": "equivalent within", **fields}}).root["x"]
    assert isinstance(found, EquivalentWithin)
    return found


def one(ours: Any, theirs: Any = THEIRS, before: Any = BEFORE) -> list[Samples]:
    return [[np.asarray(ours, float)], [np.asarray(theirs, float)], [np.asarray(before, float)]]


def test_it_is_tested_by_two_one_sided_tests_of_welchs() -> None:
    ours = np.array([9.8, 10.3, 10.1])
    found = statement().find(one(ours))
    lower = stats.ttest_ind(ours - 2, 0.9 * (THEIRS - 2), equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(ours - 2, 1.1 * (THEIRS - 2), equal_var=False, alternative="less").pvalue
    assert found.above == pytest.approx(max(lower, upper))
    assert found.below == pytest.approx(min(1, 2 * min(1 - lower, 1 - upper)))
    assert found.estimate == pytest.approx((ours.mean() - 2) / (THEIRS.mean() - 2))
    ends = [stats.ttest_ind(ours - 2, end * (THEIRS - 2), equal_var=False).pvalue for end in (found.low, found.high)]
    assert ends == pytest.approx([0.05, 0.05], rel=1e-3)
    assert found.low < found.estimate < found.high


@pytest.mark.parametrize(
    ("gain", "margin", "direction", "verdict"),
    [
        (1.0, 0.1, 1, "equivalent"),
        (0.6, 0.1, -1, "not equivalent"),
        (1.5, 0.1, -1, "not equivalent"),
        (0.9, 0.1, 0, "not enough runs"),
        (0.9, 0.2, 1, "equivalent"),
    ],
)
def test_verdicts(gain: float, margin: float, direction: int, verdict: str) -> None:
    about = statement(margin=margin)
    assert about.find(one(2 + gain * (THEIRS - 2))).direction == direction
    assert about.verdicts[direction] == verdict


def test_trials_are_tested_each_by_itself() -> None:
    """In the second of three trials one of two environments shows no gain, in the third none does."""
    flat = np.array([1.9, 2.1, 2.0])
    trials = [
        ([THEIRS + 1, 0.9 * THEIRS], [THEIRS, THEIRS]),
        ([THEIRS + 1, flat], [THEIRS, flat]),
        ([flat, flat], [flat, flat]),
    ]
    each = [statement().moments([ours, theirs, [BEFORE] * 2]) for ours, theirs in trials]
    together = [
        Moments(*(np.stack([getattr(entry, name) for entry in entries]) for name in FIELDS))
        for entries in zip(*each, strict=True)
    ]
    for side, alone in zip(statement().sides(together), zip(*map(statement().sides, each), strict=True), strict=True):
        assert side.tolist() == pytest.approx([float(p) for p in alone])
        assert side[2] == 1 > side[1] != side[0]


FIELDS = ("means", "variances", "seeds", "lost")


def test_a_score_that_is_no_gain_says_nothing() -> None:
    """Both score 10, as they did before training: equal scores are not equal gains."""
    samples = one([9.8, 10.3, 10.1], THEIRS, [10.0, 9.9, 10.1])
    found = statement().find(samples)
    assert (found.direction, found.above) == (0, 1.0)
    assert math.isnan(found.estimate)
    assert statement().value(samples)[1].startswith("1 of 1 environments are left out")


def test_the_smallest_margin_is_told_where_the_claims_own_does_not_hold() -> None:
    note = statement().value(one(2 + 0.85 * (THEIRS - 2)))[1]
    share = int(note.removeprefix("equivalent within ").partition(" %")[0]) / 100
    gains = 0.85 * (THEIRS - 2)
    p_values = [
        stats.ttest_ind(gains, (1 - margin) * (THEIRS - 2), equal_var=False, alternative="greater").pvalue
        for margin in (share + 0.01, share - 0.01)
    ]
    assert p_values[0] < 0.05 < p_values[1]
    assert statement().value(one(THEIRS[::-1]))[1] == ""


def test_no_verdict_stands_beside_a_ratio_on_its_other_side() -> None:
    draws = np.random.default_rng(3)
    decided = set()
    for _ in range(400):
        environments = int(draws.integers(1, 8))
        gains = draws.uniform(1, 10, environments)
        ratios = draws.choice([0.5, 0.9, 1.0, 1.1, 2.0]) * np.where(draws.random(environments) < 0.3, 1.5, 1)
        spread = draws.choice([0.01, 0.1])
        before = [0.1 * draws.normal(size=6) for _ in gains]
        ours, theirs = (
            [mean * (1 + spread * draws.normal(size=3)) for mean in means] for means in (ratios * gains, gains)
        )
        about = statement(margin=float(draws.choice([0.05, 0.1, 0.3])))
        found, value = about.find([ours, theirs, before]), about.value([ours, theirs, before])[0]
        decided.add(found.direction)
        if found.direction:
            assert (about.margin - abs(value - 1)) * found.direction >= 0
    assert decided == {1, 0, -1}


def test_what_a_test_of_means_may_not_decide_is_withheld() -> None:
    assert statement().find(one([10.0, 10.1, 10.2, -np.inf], [*THEIRS, 10.1])).withheld == LOST
    wide = np.linspace(-3, 3, 10)
    unequal = one(10 + wide, 10 + wide / 30, np.linspace(1.9, 2.1, 20))
    assert statement(margin=0.5).find(unequal).withheld == UNEQUAL


@pytest.mark.parametrize(("spread", "withheld"), [(0.39, False), (0.41, True)])
def test_gains_that_vary_by_more_than_two_fifths_are_withheld(spread: float, withheld: bool) -> None:
    steps = np.linspace(-1, 1, 60)
    runs = 2 + 8 * (1 + spread * steps / steps.std(ddof=1))
    found = statement(margin=0.5).find(one(runs, runs, np.full(120, 2.0)))
    assert found.above < 0.05
    assert ("40 % of the gain" in found.withheld) == withheld


def test_equal_entries_need_seeds_as_the_page_says() -> None:
    """With noise of 10 % of the gain: 6 % of trials with five seeds, 85 % with twenty."""
    about = statement()
    truth = about.moments(one(10 + np.array([-1.0, 0, 1]), 10 + np.array([1.0, 0, -1]), np.zeros(6) + [0.1, -0.1] * 3))
    trial = about.trial(truth)
    few, many = ((trial(np.random.default_rng(0), seeds, 200) == 1).mean() for seeds in (5, 20))
    assert few < 0.2
    assert 0.7 < many < 0.95


@pytest.mark.parametrize("wrong", [{"margin": 0.0}, {"margin": 1.0}, {"side": "below"}, {"entries": ["a", "b", "c"]}])
def test_what_it_does_not_take_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        statement(**wrong)


def test_a_store_is_judged_by_the_gains_over_what_its_runs_scored_untrained() -> None:
    paper = read_paper("tcl-pearl")
    places = list(environment_sets()["controls"][:2])
    about = statement(entries=["tcl-pearl", "pearl"], environments=places)
    claim = Claim("x", about, tuple(places))
    runs = [
        (planned("mujoco-controls", label, place, seed), unit * score, {})
        for place, unit in zip(places, (1.0, 50.0), strict=True)
        for label, scores in (("tcl-pearl", [10.0, 10.2, 9.9]), ("pearl", [10.1, 9.9, 10.2]))
        for seed, score in enumerate(scores)
    ]
    results = finished(runs)
    found = judge(paper, claim, settled(paper, results), results.curves)
    assert (found.verdict, found.seeds, found.environments) == ("equivalent", 3, 2)
    assert found.value == pytest.approx(30.1 / 30.2, rel=1e-3)
    unlearnt = replace(results, runs=results.runs.assign(untrained=results.runs["score"]))
    assert judge(paper, claim, settled(paper, unlearnt), unlearnt.curves).verdict == "not enough runs"


def test_untrained_scores_are_those_of_both_entries_runs() -> None:
    runs = pd.DataFrame(
        [("a0", "a", 5.0, 1.0), ("a1", "a", 6.0, 2.0), ("b0", "b", 7.0, 3.0)],
        columns=["run", "entry", "score", "untrained"],
    ).assign(environment="point-goal-2d")
    samples = statement().samples(runs, runs, ["point-goal-2d"])
    assert [entry[0].tolist() for entry in samples] == [[5.0], [7.0], [1.0, 2.0, 3.0]]
