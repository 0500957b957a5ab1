"""The statistics that claims can name, on numbers whose answer is known."""

from __future__ import annotations

import math
import zlib
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from suite.analysis.efficiency import steps_bounds, still_rising
from suite.papers.claims import ClaimsFile
from suite.papers.statements import LOST, TESTED_GAINS, Difference, ShareReaching, Statement, alike


def statement(**fields: Any) -> Statement:
    plain = {"statement": "s", "where": "w", "published": "1", "environments": ["point-goal-2d"], "side": "above"}
    return ClaimsFile.model_validate({"x": {**plain, **fields}}).root["x"]


def test_the_other_side_swaps_the_verdict() -> None:
    samples = [[np.array([3.0, 4.0, 5.0])] * 4, [np.array([0.0, 1.0, 2.0])] * 4]
    above, below = (
        statement(statistic="share better", entries=["a", "b"], side=side).find(samples) for side in ("above", "below")
    )
    assert (above.direction, below.direction) == (1, -1)
    assert (above.above, above.below) == (below.below, below.above)


STATEMENTS: dict[str, tuple[Statement, float]] = {
    "better": (statement(statistic="share better", entries=["a", "b"]), 0.5),
    "better by a tenth": (statement(statistic="share better", entries=["a", "b"], margin=0.1), 0.5),
    "reaching": (statement(statistic="share reaching", entries=["a", "b"], share=1.5), 0.5),
    "comparable": (statement(statistic="share not worse", entries=["a", "b"]), 0.5),
    "or failed": (statement(statistic="share not worse", entries=["a", "b"], failure=2.0), 0.5),
    "matching": (statement(statistic="share matching", entries=["a", "b", "c"]), 0.5),
    "mean": (statement(statistic="gain", entries=["a", "b"], average="mean", definition=TESTED_GAINS[0]), 1.0),
    "mean of both": (statement(statistic="gain", entries=["a", "b"], average="mean", definition=TESTED_GAINS[1]), 1.0),
    "median": (statement(statistic="gain", entries=["a", "b"], average="median", definition=TESTED_GAINS[0]), 1.0),
    "median of both": (
        statement(statistic="gain", entries=["a", "b"], average="median", definition=TESTED_GAINS[1]),
        1.0,
    ),
    "wins": (statement(statistic="most wins", entries=["a", "b", "c"]), 0.0),
    "time": (statement(statistic="ratio of seconds", entries=["a", "b"]), 1.0),
    "single runs": (statement(statistic="single runs", entries=["a", "b"]), 0.5),
    "difference": (statement(statistic="difference", entries=["a", "b"]), 0.0),
}
"""With the boundary of each."""


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_verdict_stands_beside_a_value_on_its_other_side(name: str) -> None:
    """Many small effects against few large ones, negative and zero means, ties, runs that diverged, unequal seeds."""
    about, boundary = STATEMENTS[name]
    draws = np.random.default_rng(zlib.crc32(name.encode()))
    decided = set()
    for _ in range(400):
        environments = 1 if name == "difference" else int(draws.integers(1, 12))
        signs = np.ones(environments) if name == "time" else draws.choice([1, 1, 1, 0, -1], environments)
        base = draws.uniform(0.5, 10, environments) * signs
        lean = draws.choice([0.05, 0.5, 0.95, 1.0, 1.05, 1.6, 20.0])
        samples = []
        for entry in range(len(about.entries)):
            factors = draws.choice([lean, lean, 1.0, 0.95, 3.0], environments) if entry < 1 else np.ones(environments)
            if name == "wins" and entry == 2:
                factors *= 0.3
            spread = draws.choice([0.0, 0.01, 0.1, 0.5])
            runs = [mean * (1 + spread * draws.normal(size=int(draws.integers(2, 6)))) for mean in base * factors]
            if draws.random() < 0.2 and name != "single runs":
                runs[0][-1] = -np.inf
            samples.append(runs)
        samples = samples if name == "single runs" else alike(samples)
        found, value = about.find(samples), about.value(samples)[0]
        decided.add(found.direction)
        if found.direction:
            assert (value - boundary) * found.direction >= 0, (samples, found)
        if np.isfinite(found.low) and np.isfinite(value):
            assert found.low - 1e-9 <= value <= found.high + 1e-9
    assert decided >= ({1} if name == "wins" else {1, -1})


def test_a_mean_is_not_taken_of_finished_runs_alone() -> None:
    lost = [[np.array([9.0, 9.1, 9.2, -np.inf])], [np.array([1.0, 1.1, 1.2, 1.3])]]
    about = STATEMENTS["difference"][0]
    assert about.find(lost).direction == 0
    assert about.find(lost).withheld == LOST
    assert about.find([[entry[0][:3]] for entry in lost]).direction == 1


EQUIVALENT = statement(statistic="equivalent within", entries=["a", "b"])
PRINTED = statement(statistic="printed value", entries=["a"])


@pytest.mark.parametrize("about", [*(about for about, _ in STATEMENTS.values()), EQUIVALENT, PRINTED])
def test_an_entry_of_which_all_runs_diverged_is_judged(about: Statement) -> None:
    scores = [[np.array([1.0, 1.1, 1.3])], [np.array([1.2, -np.inf, 1.1])], [np.full(3, -np.inf)]]
    if about.statistic == "single runs":  # type: ignore[attr-defined]
        scores = [[np.nan_to_num(each[0], neginf=-1e300)] for each in scores]
    untrained = [[np.zeros(3)]] if about in (EQUIVALENT, PRINTED) else []
    for samples in product(scores, repeat=len(about.entries)):
        found, _ = about.find([*samples, *untrained]), about.value([*samples, *untrained])
        if samples[0] is scores[2]:
            assert found.direction <= 0, samples


def test_the_first_seeds_of_both_are_compared() -> None:
    runs = pd.DataFrame(
        [
            (f"{entry}{seed}", entry, "point-goal-2d", float(seed))
            for entry, count in (("a", 2), ("b", 4))
            for seed in range(count)
        ],
        columns=["run", "entry", "environment", "score"],
    )
    samples = STATEMENTS["better"][0].samples(runs, runs, ["point-goal-2d"])
    assert [entry[0].tolist() for entry in samples] == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(("printed", "untrained", "direction"), [("10.2", 0.0, 1), ("13", 0.0, -1), ("10.2", 8.5, 0)])
def test_a_printed_value_is_compatible_or_not_or_the_runs_cannot_tell(
    printed: str, untrained: float, direction: int
) -> None:
    about = statement(statistic="printed value", entries=["a"], published=printed)
    samples = [[np.array([9.5, 10.0, 10.5])], [np.full(3, untrained)]]
    assert about.find(samples).direction == direction
    trial = about.trial(about.moments(samples))
    assert set(trial(np.random.default_rng(0), 3, 50)) <= {-1, 0, 1}


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


STEPS = statement(statistic="ratio of steps", entries=["a", "b"], times=20, level=0.9)


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
        (censored(10, 11, 12), censored(400, 410, 420), 0),
        (np.empty((0, 2)), np.empty((0, 2)), 0),
    ],
)
def test_steps_that_are_only_known_to_be_more_decide_against_no_one(
    ours: np.ndarray, theirs: np.ndarray, direction: int
) -> None:
    assert STEPS.find([[ours] * 4, [theirs] * 4]).direction == direction


def test_the_ratio_of_steps_is_the_median_of_environments() -> None:
    samples = [[exactly(10.0, 40.0)] * 3, [exactly(200.0, 800.0), exactly(100.0, 100.0), censored(4000.0, 4000.0)]]
    assert STEPS.value(samples)[0] == pytest.approx(20)  # of 20, 5 and more than 200


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
    entries = ["ours", "theirs"]
    ours, theirs = steps_bounds(done[done["run"] != "rising"], curves, entries, 0.9)
    assert ours.tolist() == [[50.0, 100.0], [1000.0, math.inf]]  # 50 of 100 after 50 steps, 100 after 100
    assert theirs.tolist() == [[200.0, 250.0]]
    for silent in (done[done["run"] != "late"], done.assign(score=0.0)):  # still rises; learnt nothing
        assert [len(entry) for entry in steps_bounds(silent, curves, entries, 0.9)] == [0, 0]


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
    assert still_rising([(np.linspace(0, 1000, len(returns)), np.array(returns))]) is rises


def test_the_page_says_where_steps_decide_nothing() -> None:
    value, note = STEPS.value([[exactly(10.0), np.empty((0, 2))], [exactly(400.0), np.empty((0, 2))]])
    assert value == pytest.approx(40)
    assert note == "1 of 2 environments decide nothing: b learnt nothing there, still rises, or a run diverged"


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
    (differences,) = about.samples(runs, runs, ["point-goal-2d"])
    assert differences[0].tolist() == [2.0, 1.0]
