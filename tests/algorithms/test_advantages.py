from __future__ import annotations

import numpy as np
import pytest
import torch

from algorithms.advantages import (
    LinearFeatureBaseline,
    discounted_sums,
    generalised_advantages,
    masked_mean,
    standardised,
)


@pytest.mark.parametrize("decay", [0.0, 0.7, 1.0])
def test_advantages_are_the_double_sum_of_the_paper(decay: float) -> None:
    rng = np.random.default_rng(0)
    lengths = [5, 2, 4]
    rewards, values = rng.normal(size=(3, 5)), rng.normal(size=(3, 6))
    present = np.arange(5) < np.array(lengths)[:, None]
    rewards[~present] = 0.0
    got = generalised_advantages(rewards, values, present, discount=0.9, decay=decay)
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
    present = np.array([[[True, True, False], [True, True, False]]])
    got = standardised(values, present, axes=(1, 2))
    kept = np.array([1.0, 3.0, 5.0, 7.0])
    np.testing.assert_allclose(got[present], (kept - kept.mean()) / kept.std(), rtol=1e-7)
    assert not got[~present].any()


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
    present = np.arange(8) < lengths[..., None]
    baseline = LinearFeatureBaseline(ridge=0.01)
    baseline.fit(observations, returns, present)
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
