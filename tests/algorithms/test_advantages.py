from __future__ import annotations

import numpy as np
import pytest
import torch

from algorithms.advantages import (
    LinearFeatureBaseline,
    centred_over_variance,
    discounted_sums,
    generalised_advantages,
    likelihood_ratio,
    masked_mean,
    shrunken_baseline,
    standardised,
)


@pytest.mark.parametrize("decay", [0.0, 0.7, 1.0])
def test_advantages_are_the_double_sum_of_the_paper(decay: float) -> None:
    rng = np.random.default_rng(0)
    lengths = [5, 2, 4]
    rewards, values = rng.normal(size=(3, 5)), rng.normal(size=(3, 6))
    mask = np.arange(5) < np.array(lengths)[:, None]
    rewards[~mask] = 0.0
    got = generalised_advantages(rewards, values, mask, discount=0.9, decay=decay)
    for copy, length in enumerate(lengths):
        for t in range(length):
            expected = 0.0
            for l in range(length - t):  # noqa: E741
                k = t + l
                expected += (0.9 * decay) ** l * (rewards[copy, k] + 0.9 * values[copy, k + 1] - values[copy, k])
            assert abs(got[copy, t] - expected) < 1e-12
        assert not got[copy, length:].any()


def test_with_decay_one_advantages_are_returns_with_the_last_value_less_the_value() -> None:
    rng = np.random.default_rng(1)
    rewards, values = rng.normal(size=6), rng.normal(size=7)
    got = generalised_advantages(rewards, values, np.ones(6, dtype=bool), discount=0.8, decay=1.0)
    for t in range(6):
        future = sum(0.8 ** (k - t) * rewards[k] for k in range(t, 6)) + 0.8 ** (6 - t) * values[6]
        assert abs(got[t] - (future - values[t])) < 1e-12


def test_discounted_sums() -> None:
    np.testing.assert_allclose(discounted_sums(np.array([[1.0, 2.0, 4.0]]), 0.5), [[3.0, 4.0, 4.0]])


def test_standardised_ignores_what_is_absent() -> None:
    values = np.array([[[1.0, 3.0, 99.0], [5.0, 7.0, -99.0]]])
    mask = np.array([[[True, True, False], [True, True, False]]])
    got = standardised(values, mask, axes=(1, 2))
    kept = np.array([1.0, 3.0, 5.0, 7.0])
    np.testing.assert_allclose(got[mask], (kept - kept.mean()) / kept.std(), rtol=1e-7)
    assert not got[~mask].any()


def test_centred_over_variance_is_torchs_unbiased_variance() -> None:
    values = np.array([[[1.0, 3.0, 99.0], [5.0, 8.0, -99.0]], [[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    mask = np.array([[[1, 1, 0], [1, 1, 0]], [[1, 0, 0], [0, 0, 0]]], dtype=bool)
    got = centred_over_variance(values, mask, axes=(1, 2))
    kept = torch.tensor([1.0, 3.0, 5.0, 8.0], dtype=torch.float64)
    np.testing.assert_allclose(got[0][mask[0]], ((kept - kept.mean()) / (kept.var() + 1e-8)).numpy(), rtol=1e-12)
    assert not got[~mask].any()
    assert got[1, 0, 0] == 0.0  # one row says nothing of its spread


@pytest.mark.parametrize("log_ratio", [-200.0, -1.0, 0.0, 3.0, 89.0, 1e4])
def test_a_likelihood_ratio_is_finite_with_its_gradient_and_exact_where_it_matters(log_ratio: float) -> None:
    new = torch.tensor(log_ratio, requires_grad=True)
    ratio = likelihood_ratio(new, torch.tensor(0.0))
    (slope,) = torch.autograd.grad(0.0 * ratio + ratio, new)
    assert torch.isfinite(ratio)
    assert torch.isfinite(slope.square())
    if log_ratio <= 20.0:
        assert ratio.item() == pytest.approx(np.exp(log_ratio))
        assert slope.item() == pytest.approx(np.exp(log_ratio))


def test_masked_mean() -> None:
    assert masked_mean(torch.tensor([1.0, 3.0, 50.0]), torch.tensor([1.0, 1.0, 0.0])).item() == 2.0


def features(observation: np.ndarray, t: int) -> list[float]:
    clipped = np.clip(observation, -10, 10)
    return [*clipped, *clipped**2, t / 100, (t / 100) ** 2, (t / 100) ** 3, 1.0]


def test_the_baseline_is_the_ridge_regression_of_each_set_alone() -> None:
    """Against least squares on rows extended by sqrt(ridge) I, with Duan et al.'s features written out."""
    rng = np.random.default_rng(2)
    observations, returns = 20.0 * rng.normal(size=(2, 3, 8, 2)), rng.normal(size=(2, 3, 8))
    lengths = rng.integers(4, 9, size=(2, 3))
    mask = np.arange(8) < lengths[..., None]
    baseline = LinearFeatureBaseline(ridge=0.01)
    baseline.fit(observations, returns, mask)
    got = baseline(observations)
    for task in range(2):
        rows, targets = [], []
        for path in range(3):
            for t in range(lengths[task, path]):
                rows.append(features(observations[task, path, t], t))
                targets.append(returns[task, path, t])
        x = np.concatenate([np.array(rows), 0.1 * np.eye(8)])
        coefficients = np.linalg.lstsq(x, np.concatenate([targets, np.zeros(8)]), rcond=None)[0]
        for path in range(3):
            for t in range(8):
                expected = np.dot(features(observations[task, path, t], t), coefficients)
                assert abs(got[task, path, t] - expected) < 1e-6


def test_the_baseline_recovers_a_function_of_its_features() -> None:
    rng = np.random.default_rng(3)
    observations = rng.normal(size=(1, 20, 10, 3))
    t = np.arange(10) / 100
    returns = 2.0 * observations[..., 1] - observations[..., 2] ** 2 + 30.0 * t**2 + 4.0
    baseline = LinearFeatureBaseline(ridge=1e-10)
    baseline.fit(observations, returns, np.ones_like(returns, dtype=bool))
    np.testing.assert_allclose(baseline(observations), returns, atol=1e-4)


def few_rows(rng: np.random.Generator, size: int, lengths: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One set of episodes whose returns fall with the time; what else is in them no feature knows of."""
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    observations = rng.normal(size=(1, *mask.shape, size))
    noise = rng.normal(size=(1, *mask.shape))
    return observations, noise, mask[None]


def test_with_few_rows_the_baseline_leaves_what_is_no_function_of_time() -> None:
    """21 steps of a humanoid: 42 rows and 756 features, of which plain least squares leaves nothing."""
    observations, noise, mask = few_rows(np.random.default_rng(5), 376, [23, 19])
    returns = 40.0 - 2.0 * np.arange(23) + noise
    left = (returns - shrunken_baseline(observations, returns, mask))[mask]
    plain = LinearFeatureBaseline()
    plain.fit(observations, returns, mask)
    assert np.abs(returns - plain(observations))[mask].max() < 1e-3
    assert 0.7 < left.std() / noise[mask].std() <= 1.0
    assert np.corrcoef(left, noise[mask])[0, 1] > 0.9


def test_with_many_rows_the_baseline_is_plain_least_squares() -> None:
    observations, noise, mask = few_rows(np.random.default_rng(6), 3, [200] * 20)
    returns = 2.0 * observations[..., 1] - 0.2 * np.arange(200) + noise
    plain = LinearFeatureBaseline()
    plain.fit(observations, returns, mask)
    got = shrunken_baseline(observations, returns, mask)
    assert np.abs(got - plain(observations)).max() < 1e-3


def test_the_shrunken_baseline_is_a_regression_on_time_and_a_ridge_on_the_rest() -> None:
    """Set by set and by least squares alone, on rows extended by what stands for the ridge; one column is constant."""
    rng = np.random.default_rng(7)
    observations, returns = 3.0 * rng.normal(size=(2, 3, 8, 2)), rng.normal(size=(2, 3, 8))
    observations[1, :, :, 0] = 4.0
    lengths = rng.integers(4, 9, size=(2, 3))
    mask = np.arange(8) < lengths[..., None]
    got = shrunken_baseline(observations, returns, mask)
    for task in range(2):
        rows = np.array([features(observations[task, p, t], t) for p in range(3) for t in range(lengths[task, p])])
        y = np.array([returns[task, p, t] for p in range(3) for t in range(lengths[task, p])])
        everywhere = np.array([features(observations[task, p, t], t) for p in range(3) for t in range(8)])
        varying = rows[:, :4].std(axis=0) > 1e-6
        std = rows[:, :4].std(axis=0)[varying]
        z, z_everywhere = (x[:, :4][:, varying] / std for x in (rows, everywhere))
        time = np.concatenate([rows[:, 4:], np.sqrt(1e-5) * np.eye(4)])

        def on_time(target: np.ndarray, time: np.ndarray = time) -> np.ndarray:
            padded = np.concatenate([target, np.zeros((4, *target.shape[1:]))])
            return np.linalg.lstsq(time, padded, rcond=None)[0]

        p, n = varying.sum(), len(rows)
        rest = np.concatenate([z - rows[:, 4:] @ on_time(z), p / np.sqrt(n) * np.eye(p)])
        target = np.concatenate([y - rows[:, 4:] @ on_time(y), np.zeros(p)])
        weights = np.linalg.lstsq(rest, target, rcond=None)[0]
        t = everywhere[:, 4:]
        expected = t @ on_time(y) + (z_everywhere - t @ on_time(z)) @ weights
        np.testing.assert_allclose(got[task].reshape(-1), expected, atol=1e-7)
