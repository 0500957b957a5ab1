from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from algorithms.propensity import Propensity, effective_sample_size, importance_weights


def samples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of two tasks, new and replay, and which of the new ones are present."""
    rng = np.random.default_rng(0)
    mask = np.ones((2, 30))
    mask[1, 20:] = 0.0
    return rng.normal(0.5, 1.0, size=(2, 30, 3)), rng.normal(size=(2, 30, 3)), mask


def fitted(new: np.ndarray, mask: np.ndarray, replay: np.ndarray, replayed: int, c: float) -> Propensity:
    kept = torch.ones(replay.shape[:2])
    kept[:, replayed:] = 0.0
    return Propensity.fit(*map(torch.from_numpy, (new, mask, replay)), kept, c)


def test_weights_are_the_odds_of_scikit_learns_classifier(float64: None) -> None:
    """Unclipped, beta = P(new task) / P(replay), for each task's own classifier and the rows that are present."""
    new, replay, mask = samples()
    beta = importance_weights(fitted(new, mask, replay, 25, 0.06)(torch.from_numpy(replay)), 100.0).numpy()
    for task, rows in enumerate((30, 20)):
        x = np.concatenate([new[task, :rows], replay[task, :25]])
        labels = np.array(["new"] * rows + ["replay"] * 25)
        model = LogisticRegression(C=0.06).fit(x, labels)
        p_new, p_replay = model.predict_proba(replay[task]).T
        np.testing.assert_allclose(beta[task], p_new / p_replay, rtol=1e-3)


def test_what_looks_like_the_new_task_weighs_more(float64: None) -> None:
    new, replay, mask = samples()
    classifier = fitted(new + 3.0, mask, replay, 30, 1.0)
    near, far = torch.full((2, 1, 3), 3.5), torch.full((2, 1, 3), -0.5)
    assert (importance_weights(classifier(near), 2.0) > 1.0).all()
    assert (importance_weights(classifier(far), 2.0) < 1.0).all()


def test_weights_are_clipped_from_above_only() -> None:
    logits = torch.tensor([-9.0, -1.1, -1.0, 0.0, 2.0, 9.0], dtype=torch.float64)
    expected = [np.exp(1.1), np.exp(1.1), np.exp(1.0), 1.0, np.exp(-2.0), np.exp(-9.0)]
    np.testing.assert_allclose(importance_weights(logits, 1.1).numpy(), expected)
    expected[-1] = 0.0
    np.testing.assert_allclose(importance_weights(logits, 1.1, zero_small=True).numpy(), expected)


def test_effective_sample_size_of_known_weights() -> None:
    weights = torch.tensor([[2.0, 2.0, 2.0, 2.0], [5.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    everything = torch.ones_like(weights)
    np.testing.assert_allclose(effective_sample_size(weights, everything).numpy(), [1.0, 0.25, 0.5])
    everything[:, 2:] = 0.0
    np.testing.assert_allclose(effective_sample_size(weights, everything).numpy(), [1.0, 0.5, 1.0])


def test_effective_sample_size_of_tiny_weights() -> None:
    """Four alike are four, also where their squares underflow; none at all are none."""
    weights = torch.tensor([1e-13, 1e-30, 0.0])[:, None].expand(-1, 4)
    np.testing.assert_allclose(effective_sample_size(weights, torch.ones(3, 4)).numpy(), [1.0, 1.0, 0.0])


@given(st.lists(st.floats(1e-3, 3.0), min_size=1, max_size=20), st.floats(0.1, 10.0))
def test_effective_sample_size_is_a_share_that_knows_no_scale(weights: list[float], scale: float) -> None:
    w = np.array(weights)
    got = effective_sample_size(torch.from_numpy(w), torch.ones(len(w))).item()
    assert got == pytest.approx(w.sum() ** 2 / (w**2).sum() / len(w))
    assert 1.0 / len(w) - 1e-9 <= got <= 1.0 + 1e-9
    assert effective_sample_size(torch.from_numpy(scale * w), torch.ones(len(w))).item() == pytest.approx(got)
