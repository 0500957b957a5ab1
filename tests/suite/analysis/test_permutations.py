from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from suite.analysis.permutations import permute_chances, smallest
from suite.analysis.samples import Samples


def draw(generator: np.random.Generator, *sizes: int) -> Samples:
    return [generator.normal(size=size) for size in sizes]


def by_hand(ours: Samples, theirs: Samples, statistic: Callable[[Samples, Samples], float]) -> tuple[float, float]:
    """p-values from every way to deal the runs of each environment, written out."""
    deals = []
    for x, y in zip(ours, theirs, strict=True):
        runs = np.concatenate([x, y])
        chosen = [list(each) for each in combinations(range(len(runs)), len(x))]
        deals.append([(runs[each], np.delete(runs, each)) for each in chosen])
    values = np.array([statistic(*zip(*each, strict=True)) for each in product(*deals)])  # type: ignore[arg-type]
    found = statistic(ours, theirs)
    return float((values >= found - 1e-9).mean()), float((values <= found + 1e-9).mean())


def lead(ours: Samples, theirs: Samples) -> float:
    """Count how much more often a run of ours is higher than one of theirs than the other way round."""
    return float(
        np.mean([np.mean([np.sign(x - y) for x, y in product(*each)]) for each in zip(ours, theirs, strict=True)])
    )


def test_chances_of_one_environment_are_mann_and_whitneys() -> None:
    ours, theirs = draw(np.random.default_rng(1), 5, 4)
    expected = [
        stats.mannwhitneyu(ours, theirs, alternative=side, method="exact").pvalue for side in ("greater", "less")
    ]
    found = permute_chances([ours], [theirs])
    assert [found.above, found.below] == pytest.approx(expected)


def test_environments_are_rearranged_each_on_its_own() -> None:
    generator = np.random.default_rng(2)
    ours, theirs = draw(generator, 2, 3, 1), draw(generator, 2, 2, 3)
    found = permute_chances(ours, theirs)
    expected = by_hand(ours, theirs, lead)
    assert (found.above, found.below) == pytest.approx(expected)


def test_drawn_rearrangements_come_close_to_all_of_them() -> None:
    """Ten seeds have 184,756: more than are visited."""
    generator = np.random.default_rng(4)
    for shift in (0.2, 0.5, 1.0):
        ours, theirs = generator.normal(shift, size=10), generator.normal(size=10)
        expected = stats.mannwhitneyu(ours, theirs, alternative="greater", method="exact").pvalue
        assert permute_chances([ours], [theirs]).above == pytest.approx(expected, abs=0.02)


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3),
)
def test_swapping_the_entries_swaps_the_sides(seed: int, sizes: list[tuple[int, int]]) -> None:
    if 1 / smallest(*zip(*sizes, strict=True)) > 10_000:
        return
    generator = np.random.default_rng(seed)
    ours, theirs = draw(generator, *(x for x, _ in sizes)), draw(generator, *(y for _, y in sizes))
    found, swapped = permute_chances(ours, theirs), permute_chances(theirs, ours)
    assert (found.above, found.below) == pytest.approx((swapped.below, swapped.above))


@pytest.mark.parametrize(("seeds", "environments"), [(3, 1), (4, 2), (3, 6), (10, 2)])
def test_p_values_are_uniform_where_the_entries_are_drawn_alike(seeds: int, environments: int) -> None:
    """The level holds for complete and for drawn rearrangements, at every level, not only at 5 %."""
    generator = np.random.default_rng(5)
    found = [
        permute_chances(
            [generator.lognormal(size=seeds) for _ in range(environments)],
            [generator.lognormal(size=seeds) for _ in range(environments)],
        ).above
        for _ in range(1000)
    ]
    for level in (0.05, 0.25, 0.5):
        assert stats.binomtest(int(np.sum(np.array(found) <= level)), 1000, level, "greater").pvalue > 1e-4


def test_identical_runs_have_p_value_one() -> None:
    found = permute_chances([np.ones(3)], [np.ones(3)])
    assert (found.above, found.below) == (1, 1)
    assert np.isnan(found.distance)


def test_distance_is_in_standard_deviations_of_the_rearrangements() -> None:
    ours, theirs = [np.array([4.0, 5.0, 6.0])], [np.array([1.0, 2.0, 3.0])]
    # Mann and Whitney's statistic varies by nm (n + m + 1) / 12 and is 4.5 above its mean here.
    assert permute_chances(ours, theirs).distance == pytest.approx(4.5 / np.sqrt(9 * 7 / 12))


def test_the_smallest_p_value_is_one_over_the_rearrangements() -> None:
    assert smallest([3], [3]) == pytest.approx(1 / 20)
    assert smallest([2, 2], [2, 3]) == pytest.approx(1 / 60)
