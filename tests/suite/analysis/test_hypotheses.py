from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from suite.analysis.hypotheses import (
    NOTHING,
    Finding,
    Sides,
    better,
    both_comparable,
    chances,
    comparable,
    holm,
    mean_ratio,
    median_ratio,
    most_wins,
    noisy_ratios,
    prediction,
    ratio_limits,
    seeds_to_decide,
    share_limits,
)
from suite.analysis.moments import Moments, higher, in_most, moments


def flat(values: Sequence[float], environments: int = 6) -> Moments:
    """The same runs on every environment."""
    return moments([np.array(values, float)] * environments)


def decided(sides: Sides) -> int:
    above, below = (float(side) for side in sides)
    return 1 if above <= 0.05 else -1 if below <= 0.05 else 0


HIGH, LOW = [7.0, 8.0, 9.0], [1.0, 2.0, 3.0]


def test_a_share_of_a_negative_mean_lies_below_it() -> None:
    near, far, reference = flat([-10.8, -10.7, -10.6]), flat([-13, -12.9, -12.8]), flat([-10, -10.1, -10.2])
    assert better(near, reference, 0.9)[0].max() < 0.05
    assert better(far, reference, 0.9)[1].max() < 0.05


def test_environments_in_which_both_failed_are_comparable() -> None:
    failing, better_failing = flat([1, 1.1, 1.2]), flat([2, 2.1, 2.2])
    assert comparable(failing, better_failing, 0.9, -math.inf)[1].max() < 0.05
    yes, no = comparable(failing, better_failing, 0.9, 2.53)
    assert in_most(yes) <= 0.05
    assert no.min() > 0.5


def test_nothing_speaks_for_an_entry_where_a_run_of_it_diverged() -> None:
    """Neither that both failed there, nor that neither mean has a ratio there."""
    failing, other = flat([1, 1.1, 1.2]), flat([2, 2.1, 2.2])
    lost = replace(failing, lost=np.ones_like(failing.lost))
    assert comparable(lost, other, 0.9, 2.53)[0].min() == 1
    none = flat([-3.1, -3, -2.9], 5), flat([-1.1, -1, -0.9], 5)
    up, down = flat(HIGH, 4), flat([1.9, 2, 2.1], 4)

    def together(one: Moments, two: Moments, lost: bool) -> Moments:
        columns = {key: np.concatenate([getattr(each, key) for each in (one, two)]) for key in FIELDS}
        return Moments(**columns | {"lost": np.repeat([False, lost], [4, 5])})

    for first in (False, True):
        assert decided(median_ratio(together(up, none[0], first), together(down, none[1], False), either=True)) == (
            0 if first else 1
        )
        assert decided(median_ratio(together(down, none[1], False), together(up, none[0], first), either=True)) == (
            0 if first else -1
        )


FIELDS = ("means", "variances", "seeds", "lost")


def test_the_oracle_is_matched_only_by_both() -> None:
    yes, no = both_comparable(flat(HIGH), flat(LOW), flat(HIGH), 0.9)
    assert yes.min() > 0.5
    assert no.max() < 0.05
    assert both_comparable(flat(HIGH), flat(HIGH), flat(LOW), 0.9)[0].max() < 0.05


def test_a_share_is_bounded_by_what_is_shown() -> None:
    yes = np.array([1e-9] * 4 + [1.0] * 2)
    assert share_limits(yes, np.ones(6)) == pytest.approx((4 / 6, 1))
    assert share_limits(np.ones(6), yes) == pytest.approx((0, 2 / 6))


def test_a_mean_ratio_is_decided_by_its_limits() -> None:
    ours, theirs = flat([2.9, 3.0, 3.1]), flat([0.99, 1.0, 1.01])
    low, high = ratio_limits(ours, theirs, 0.025)
    assert low < 3 < high
    assert decided(mean_ratio(ours, theirs)) == 1
    assert decided(mean_ratio(theirs, ours)) == -1
    # p is the level at which the limit reaches 1.
    close = flat([1.0, 1.1, 1.2])
    p = mean_ratio(close, flat([0.9, 1.0, 1.1]))[0]
    assert ratio_limits(close, flat([0.9, 1.0, 1.1]), p)[0] == pytest.approx(1, abs=1e-4)


def test_one_environment_gives_fiellers_limits() -> None:
    """At the upper limit of the ratio, its bias removed, the t test of the difference gives the level itself."""
    ours, theirs = moments([np.array([9.0, 10, 11, 12, 13])]), moments([np.array([4.5, 5, 5.5, 6, 6.5])])
    _, high = ratio_limits(ours, theirs, 0.05)
    expected = higher(theirs.times(float(high)), ours)
    assert expected == pytest.approx([0.05], abs=0.01)


def test_a_ratio_of_noise_counts_as_nothing_for_a_gain_and_leaves_no_loss() -> None:
    ours = moments([np.array([3.0, 3.1, 3.2]), np.array([3.0, 3.1, 3.2])])
    theirs = moments([np.array([1.0, 1.01, 1.02]), np.array([-2.0, 0.1, 2.2])])
    low, high = ratio_limits(ours, theirs, 0.05)
    assert low == pytest.approx(
        ratio_limits(*(moments([np.array([3.0, 3.1, 3.2])]), moments([np.array([1.0, 1.01, 1.02])])), 0.05)[0] / 2,
        rel=0.01,
    )
    assert high == math.inf


def test_mean_ratios_of_runs_that_vary_much_are_noticed() -> None:
    draws = np.random.default_rng(0)
    calm, wild = (moments([10 + sd * draws.normal(size=5) for _ in range(50)]) for sd in (2.0, 6.0))
    assert not noisy_ratios(calm, calm)
    assert noisy_ratios(calm, wild)


def test_a_median_ratio_leaves_out_environments_without_one() -> None:
    up, none = (flat(HIGH, 4), flat([1.9, 2, 2.1], 4)), (flat([-3.1, -3, -2.9], 5), flat([-1.1, -1, -0.9], 5))
    both = [
        Moments(
            *(np.concatenate([getattr(x, key), getattr(y, key)]) for key in ("means", "variances", "seeds", "lost"))
        )
        for x, y in zip(up, none, strict=True)
    ]
    assert decided(median_ratio(both[0], both[1], either=True)) == 1
    assert decided(median_ratio(both[1], both[0], either=True)) == -1
    assert decided(median_ratio(*none, either=True)) == 0


def test_most_wins_needs_a_lead_over_every_rival() -> None:
    assert decided(most_wins([flat(HIGH), flat(LOW), flat(LOW)])) == 1
    assert decided(most_wins([flat(LOW), flat(HIGH), flat([0, 0.5, 1])])) == -1
    assert decided(most_wins([flat(HIGH), flat(HIGH), flat(LOW)])) == 0


def test_a_lead_of_one_win_is_not_decided_by_three_seeds() -> None:
    draws = np.random.default_rng(0)
    first, rival = np.repeat([5.0, 1.0], [13, 12]), np.repeat([1.0, 5.0], [13, 12])
    found = [
        decided(
            most_wins(
                [moments([mean * (1 + 0.1 * draws.normal(size=3)) for mean in means]) for means in (first, rival)]
            )
        )
        for _ in range(20)
    ]
    assert found == [0] * 20


def test_single_runs_are_binomial() -> None:
    """Three pairs on one environment, all won: one half to the third; on six environments, to the eighteenth."""
    ours, theirs = (np.tile(values, (6, 1)) for values in (HIGH, LOW))
    assert chances(ours[:1], theirs[:1])[0] == pytest.approx(1 / 8)
    assert chances(ours, theirs)[0] == pytest.approx(0.5**18)
    assert chances(ours, theirs)[1] == 1
    won = np.array([[2.0, 2.0, 2.0, 0.0]])  # 3 of 4 above 1: P(at least 3 of 4) = 5 / 16
    assert chances(won, np.ones((1, 4)))[0] == pytest.approx(5 / 16)


SCORES = moments([np.array([9.5, 10.0, 10.5])])


@pytest.mark.parametrize(
    ("printed", "untrained", "compatible", "narrow"),
    [
        (10.2, 0.0, True, True),
        (13.0, 0.0, False, True),
        (10.2, 8.5, True, False),
        (10, 0.06, True, True),
        (10, 0.07, True, False),
    ],
)
def test_a_print_is_held_against_the_interval_of_one_further_run(
    printed: float, untrained: float, compatible: bool, narrow: bool
) -> None:
    """9.5, 10 and 10.5: 10 +- 4.303 * 0.5 * sqrt(4 / 3) = 10 +- 2.484; twice that is half of 9.937."""
    p, half, found = (float(each) for each in prediction(SCORES, np.array([untrained]), printed, 1))
    assert half == pytest.approx(2.4842, abs=1e-3)
    assert p == pytest.approx(2 * stats.t.sf(abs(printed - 10) / (0.5 * math.sqrt(4 / 3)), 2))
    assert (p > 0.05, found > 0) == (compatible, narrow)


def test_a_mean_of_more_runs_is_known_better() -> None:
    assert float(prediction(SCORES, np.zeros(1), 10.0, 3)[1]) == pytest.approx(
        4.3027 * 0.5 * math.sqrt(2 / 3), abs=1e-3
    )


def test_p_values_are_adjusted_for_their_number() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_is_withheld_decides_nothing() -> None:
    assert Finding("", 1, 1, 1, 0.001, 1.0).direction == 1
    assert Finding("", 1, 1, 1, 0.001, 1.0, "because").direction == 0
    assert NOTHING.direction == 0


def test_seeds_are_tried_until_four_fifths_of_trials_decide() -> None:
    def trial(generator: np.random.Generator, seeds: int, trials: int) -> np.ndarray:
        return np.where(np.arange(trials) < trials * seeds / 10, -1, 0)

    assert seeds_to_decide(trial, 3) == 8
    assert seeds_to_decide(trial, 8) == 10
    assert seeds_to_decide(lambda generator, seeds, trials: np.zeros(trials, int), 3) is None
