"""Advantages for the on-policy algorithms: generalised advantage estimation and the linear feature baseline."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from environments import BoolArray, FloatArray


def generalised_advantages(
    rewards: FloatArray, values: FloatArray, present: BoolArray, *, discount: float, decay: float
) -> FloatArray:
    """Estimate advantages (Schulman et al., 2016, Eq. 16): A_t = sum_l (discount decay)^l delta_(t+l).

    Parameters
    ----------
    rewards : (..., time), zero beyond a sequence's end.
    values : (..., time + 1), the value of every state met, the last one's included: zero after a true end.
    present : (..., time), false beyond a sequence's end.
    discount, decay : the gamma and the lambda of the paper.

    Returns
    -------
    (..., time), zero beyond a sequence's end.
    """
    deltas = np.where(present, rewards + discount * values[..., 1:] - values[..., :-1], 0.0)
    advantages = np.zeros_like(deltas)
    following = np.zeros(deltas.shape[:-1])
    for t in reversed(range(deltas.shape[-1])):
        following = deltas[..., t] + discount * decay * following
        advantages[..., t] = following
    return advantages


def standardised(values: FloatArray, present: BoolArray, axes: tuple[int, ...]) -> FloatArray:
    """Shift and scale to mean 0 and deviation 1 over some axes, counting what is present only."""
    mean = values.mean(axis=axes, where=present, keepdims=True)
    deviation = values.std(axis=axes, where=present, keepdims=True)
    return np.where(present, (values - mean) / (deviation + 1e-8), 0.0)


def masked_mean(values: Tensor, present: Tensor) -> Tensor:
    """Average what is present: weights 1, and 0 beyond a sequence's end."""
    return (values * present).sum() / present.sum()


class LinearFeatureBaseline:
    """V(s, t), linear in (s, s^2, t/100, (t/100)^2, (t/100)^3, 1) (Duan et al., 2016), fitted by ridge regression.

    Observations are clipped to [-10, 10]; the ridge is 1e-5 (garage np/baselines/linear_feature_baseline.py:17). V
    depends on the time left, so that nothing is left at the end of the horizon it was fitted on.
    """

    def __init__(self, ridge: float = 1e-5) -> None:
        self.ridge = ridge

    def fit(self, observations: FloatArray, returns: FloatArray, present: BoolArray) -> None:
        """Fit one set of coefficients to each member of the first axis.

        Parameters
        ----------
        observations : (sets, sequences, time, observation_size)
        returns, present : (sets, sequences, time)
        """
        sets = len(observations)
        x = (_features(observations) * present[..., None]).reshape(sets, -1, 2 * observations.shape[-1] + 4)
        y = (returns * present).reshape(sets, -1, 1)
        gram = x.mT @ x + self.ridge * np.eye(x.shape[-1])
        self.coefficients = np.linalg.solve(gram, x.mT @ y)  # (sets, features, 1)

    def __call__(self, observations: FloatArray) -> FloatArray:
        """Predict values: (sets, sequences, time, observation_size) to (sets, sequences, time)."""
        return (_features(observations) @ self.coefficients[:, None])[..., 0]


def discounted_sums(rewards: FloatArray, discount: float) -> FloatArray:
    """Sum what follows, discounted: (..., time) to (..., time)."""
    nothing = np.zeros((*rewards.shape[:-1], rewards.shape[-1] + 1))
    everywhere = np.ones_like(rewards, dtype=np.bool_)
    return generalised_advantages(rewards, nothing, everywhere, discount=discount, decay=1.0)


def _features(observations: FloatArray) -> FloatArray:
    s = observations.clip(-10.0, 10.0)
    t = np.arange(s.shape[-2])[:, None] / 100.0
    times = np.broadcast_to(np.concatenate([t, t**2, t**3, np.ones_like(t)], axis=1), (*s.shape[:-1], 4))
    return np.concatenate([s, s**2, times], axis=-1)
