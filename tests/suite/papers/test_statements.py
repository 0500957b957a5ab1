"""The statistics that claims can name, on numbers whose answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from suite.analysis import hypotheses
from suite.analysis.efficiency import steps_bounds, still_rising
from suite.analysis.hypotheses import NOTHING
from suite.papers.claims import ClaimsFile
from suite.papers.statements import Difference, RatioOfSteps, ShareReaching, Statement


def statement(**fields: Any) -> Statement:
    plain = {"statement": "s", "where": "w", "published": "1", "environments": ["point-goal-2d"], "side": "above"}
    return ClaimsFile.model_validate({"x": {**plain, **fields}}).root["x"]


def test_the_other_side_swaps_the_verdict() -> None:
    samples = [[np.array([3.0, 4.0, 5.0])] * 2, [np.array([0.0, 1.0, 2.0])] * 2]
    above, below = (
        statement(statistic="share better", entries=["a", "b"], side=side).find(samples) for side in ("above", "below")
    )
    assert (above.direction, below.direction) == (1, -1)
    assert (above.above, above.below, above.distance) == (below.below, below.above, -below.distance)


@pytest.mark.parametrize(
    ("ours", "theirs", "share", "reaches"),
    [
        (150.0, 100.0, 1.5, 1.0),
        (149.0, 100.0, 1.5, 0.0),
        (-50.0, -100.0, 1.5, 1.0),
        (-51.0, -100.0, 1.5, 0.0),
        (90.0, 100.0, 0.9, 1.0),
        (-110.0, -100.0, 0.9, 1.0),
        (-111.0, -100.0, 0.9, 0.0),
    ],
)
def test_reaching_a_share_of_a_mean(ours: float, theirs: float, share: float, reaches: float) -> None:
    about = statement(statistic="share reaching", entries=["a", "b"], share=share)
    assert isinstance(about, ShareReaching)
    assert about.of_means([np.array([ours]), np.array([theirs])]) == reaches


def exactly(*steps: float) -> np.ndarray:
    return np.array([[each, each] for each in steps])


def censored(*spent: float) -> np.ndarray:
    return np.array([[each, np.inf] for each in spent])


@pytest.mark.parametrize(
    ("ours", "theirs", "direction"),
    [
        (exactly(10, 11, 12), exactly(400, 410, 420), 1),
        (exactly(10, 11, 12), exactly(100, 110, 120), -1),
        (exactly(10, 11, 12), exactly(200, 220, 240), 0),  # exactly at the boundary
        (exactly(10, 11, 12), censored(400, 410, 420), 1),  # a bound on the stated side is enough
        (exactly(10, 11, 12), censored(100, 110, 120), 0),  # a bound below the boundary says nothing
        (censored(10, 11, 12), exactly(100, 110, 120), -1),
        (censored(10, 11, 12), exactly(400, 410, 420), 0),
        (censored(1000, 1000, 1000), exactly(400, 410, 420), -1),
        (censored(10, 11, 12), censored(400, 410, 420), 0),
    ],
)
def test_steps_that_are_only_known_to_be_more_decide_against_no_one(
    ours: np.ndarray, theirs: np.ndarray, direction: int
) -> None:
    found = hypotheses.fewer_steps([[ours] * 3, [theirs] * 3], 20)
    assert found.direction == direction


def test_the_ratio_of_steps_is_the_typical_one() -> None:
    found = hypotheses.fewer_steps([[exactly(10.0), exactly(10.0)], [exactly(200.0), exactly(800.0)]], 20)
    assert found.estimate == pytest.approx(40)  # the geometric mean of 20 and 80
    assert hypotheses.fewer_steps([[np.empty((0, 2))], [np.empty((0, 2))]], 20) is NOTHING


def test_a_ratio_of_steps_at_the_boundary_is_rarely_decided() -> None:
    """Steps of the slower entry are the faster one's times the boundary, both with noise; some runs never arrive."""
    generator = np.random.default_rng(0)
    verdicts = []
    for _ in range(200):
        ours, theirs = ([], [])  # type: ignore[var-annotated]
        for _ in range(6):
            for entry, times in ((ours, 1.0), (theirs, 20.0)):
                steps = times * np.exp(0.5 * generator.normal(size=3))
                limit = times * 1.8
                entry.append(np.array([[limit, np.inf] if each > limit else [each, each] for each in steps]))
        verdicts.append(hypotheses.fewer_steps([ours, theirs], 20).direction)
    # Of 200 at 5 %, fewer than one in ten thousand has more than 22.
    assert verdicts.count(1) <= 22
    assert verdicts.count(-1) <= 22


def curve(run: str, entry: str, returns: list[float], spent: int = 1000) -> pd.DataFrame:
    steps = np.linspace(0, spent, len(returns))
    return pd.DataFrame(
        {"run": run, "entry": entry, "environment": "here", "environment_steps": steps, "return": returns}
    )


def test_bounds_on_steps_to_the_others_level() -> None:
    level = [0.0, 50.0] + [100.0] * 19
    late = [0.0] * 5 + [100.0] * 16
    never = [0.0] * 21
    rising = [float(5 * step) for step in range(21)]
    curves = pd.concat(
        [
            curve("fast", "ours", level),
            curve("never", "ours", never),
            curve("late", "theirs", late),
            curve("rising", "theirs", rising),
        ]
    )
    done = pd.DataFrame(
        {
            "run": ["fast", "never", "late", "rising"],
            "entry": ["ours", "ours", "theirs", "theirs"],
            "environment": "here",
            "untrained": 0.0,
            "score": [100.0, 0.0, 100.0, 100.0],
        }
    )
    ours, theirs = steps_bounds(done, curves, ["ours", "theirs"], 0.9)
    assert ours.tolist() == [[90.0, 90.0], [1000.0, math.inf]]  # 90 of 100 lies four fifths into the second interval
    assert theirs.tolist() == [[245.0, 245.0], [1000.0, math.inf]]
    nothing = steps_bounds(done.assign(score=0.0), curves, ["ours", "theirs"], 0.9)
    assert [len(entry) for entry in nothing] == [0, 0]


@pytest.mark.parametrize(
    ("returns", "rises"),
    [
        ([0.0] + [100.0] * 20, False),
        ([float(step) for step in range(21)], True),
        ([0.0] * 21, False),
        ([0.0] + [100.0] * 19 + [90.0], False),
        ([0.0, 100.0], True),  # too few evaluations to tell
    ],
)
def test_a_curve_that_has_not_levelled_off(returns: list[float], rises: bool) -> None:
    assert still_rising(np.linspace(0, 1000, len(returns)), np.array(returns)) is rises


def test_the_page_says_what_is_only_bounded() -> None:
    about = statement(statistic="ratio of steps", entries=["a", "b"], times=20, level=0.9)
    assert isinstance(about, RatioOfSteps)
    value, note = about.value([[exactly(10.0), np.empty((0, 2))], [censored(400.0), np.empty((0, 2))]])
    assert value == pytest.approx(40)
    assert note == (
        "1 runs of b never stand at the level or still rise: their steps are bounds; 1 environments have no level: b "
        "learnt nothing there"
    )


def test_an_entry_may_name_a_number_of_adaptations() -> None:
    about = statement(statistic="difference", entries=["maml@2", "maml@1"])
    assert isinstance(about, Difference)
    assert about.paired
    assert "of the same runs > 0" in about.rule
    assert not statement(statistic="difference", entries=["maml@1", "random@1"], margin=2.0).paired  # type: ignore[attr-defined]
    for wrong in ("maml@", "@1", "maml@last"):
        with pytest.raises(ValidationError, match="a number of adaptations is written"):
            statement(statistic="difference", entries=[wrong, "random"])


def test_a_difference_and_a_printed_value_are_about_one_environment() -> None:
    two = ["point-goal-2d", "reach-v1"]
    with pytest.raises(ValidationError, match="environments"):
        statement(statistic="difference", entries=["a", "b"], environments=two)
    with pytest.raises(ValidationError, match="must be a number"):
        statement(statistic="printed value", entries=["a"], published="about 3")


def test_of_the_same_runs_pairs_are_made_by_run() -> None:
    about = statement(statistic="difference", entries=["maml@1", "maml@0"])
    runs = pd.DataFrame(
        [("r2", "maml@1", 5.0), ("r1", "maml@1", 3.0), ("r1", "maml@0", 1.0), ("r2", "maml@0", 4.0)],
        columns=["run", "entry", "score"],
    )
    ours, theirs = about.samples(runs, runs, ["point-goal-2d"])
    assert [ours[0].tolist(), theirs[0].tolist()] == [[3.0, 5.0], [1.0, 4.0]]
