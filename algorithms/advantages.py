"""Advantages for the on-policy algorithms: generalised advantage estimation, baselines, and the ratio they weight."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from environments import BoolArray, FloatArray

LARGEST_LOG_RATIO = 20.0
"""Logarithm at which a ratio of likelihoods is cut: the square of e^20, which Adam keeps, is finite as a float32."""


def generalised_advantages(
    rewards: FloatArray, values: FloatArray, mask: BoolArray, *, discount: float, decay: float
) -> FloatArray:
    """Estimate advantages (Schulman et al., 2016, Eq. 16): A_t = sum_l (discount decay)^l delta_(t+l).

    Parameters
    ----------
    rewards : (..., time), zero beyond a sequence's end.
    values : (..., time + 1), the value of every state met, the last one's included: zero after a true end.
    mask : (..., time), false beyond a sequence's end.
    discount, decay : the gamma and the lambda of the paper.

    Returns
    -------
    (..., time), zero beyond a sequence's end.
    """
    deltas = np.where(mask, rewards + discount * values[..., 1:] - values[..., :-1], 0.0)
    advantages = np.zeros_like(deltas)
    following = np.zeros(deltas.shape[:-1])
    for t in reversed(range(deltas.shape[-1])):
        following = deltas[..., t] + discount * decay * following
        advantages[..., t] = following
    return advantages


def standardised(
    values: FloatArray, mask: BoolArray, axes: tuple[int, ...], added: float | FloatArray = 1e-8
) -> FloatArray:
    """Shift and scale to mean 0 and std 1 over some axes, counting what is present only.

    Parameters
    ----------
    added : to the std, so that what differs by rounding alone is not blown up: a number in the values' units.
    """
    mean = values.mean(axis=axes, where=mask, keepdims=True)
    std = values.std(axis=axes, where=mask, keepdims=True)
    return np.where(mask, (values - mean) / (std + added), 0.0)


def centred_over_variance(values: FloatArray, mask: BoolArray, axes: tuple[int, ...]) -> FloatArray:
    """Shift to mean 0 and divide by the unbiased variance, as garage does (torch/algos/vpg.py:374-377)."""
    mean = values.mean(axis=axes, where=mask, keepdims=True)
    centred = np.where(mask, values - mean, 0.0)
    count = mask.sum(axis=axes, keepdims=True)
    variance = np.square(centred).sum(axis=axes, keepdims=True) / np.maximum(count - 1, 1)
    scaled: FloatArray = centred / (variance + 1e-8)
    return scaled


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average what is present: weights 1, and 0 beyond a sequence's end."""
    return (values * mask).sum() / mask.sum()


def likelihood_ratio(log_probabilities: Tensor, old: Tensor) -> Tensor:
    """pi(a|s) / pi_old(a|s) from log-densities, and constant beyond e^20, so that it never overflows."""
    return (log_probabilities - old).clamp(max=LARGEST_LOG_RATIO).exp()


class LinearFeatureBaseline:
    """V(s, t), linear in (s, s^2, t/100, (t/100)^2, (t/100)^3, 1) (Duan et al., 2016), fitted by ridge regression.

    Observations are clipped to [-10, 10]; the ridge is 1e-5 (garage np/baselines/linear_feature_baseline.py:17). V
    depends on the time left, so that nothing is left at the end of the horizon it was fitted on.
    """

    def __init__(self, ridge: float = 1e-5) -> None:
        self.ridge = ridge

    def fit(self, observations: FloatArray, returns: FloatArray, mask: BoolArray) -> None:
        """Fit one set of coefficients to each member of the first axis.

        Parameters
        ----------
        observations : (sets, sequences, time, observation_size)
        returns, mask : (sets, sequences, time)
        """
        sets = len(observations)
        x = (_features(observations) * mask[..., None]).reshape(sets, -1, 2 * observations.shape[-1] + 4)
        y = (returns * mask).reshape(sets, -1, 1)
        self.coefficients = _ridge_regression(x, y, self.ridge)  # (sets, features, 1)

    def __call__(self, observations: FloatArray) -> FloatArray:
        """Predict values: (sets, sequences, time, observation_size) to (sets, sequences, time)."""
        return (_features(observations) @ self.coefficients[:, None])[..., 0]


def shrunken_baseline(observations: FloatArray, returns: FloatArray, mask: BoolArray) -> FloatArray:
    """Predict returns by `LinearFeatureBaseline`'s features, trusting those of the state as far as there are rows.

    The values are subtracted from the very returns they are fitted to. Where the features outnumber the rows, plain
    least squares would leave nothing. So the p features of the state, brought to std 1, are fitted to what the
    time does not explain, by a ridge p^2 / n: with n rows far beyond p it vanishes, with few the time alone remains.

    Parameters
    ----------
    observations : (sets, sequences, time, observation_size)
    returns, mask : (sets, sequences, time)

    Returns
    -------
    (sets, sequences, time), also where nothing is present.
    """
    sets = len(observations)
    kept = mask.reshape(sets, -1, 1)
    y = returns.reshape(sets, -1, 1) * kept
    x = _features(observations).reshape(sets, kept.shape[1], -1)
    state, time = x[..., :-TIME_FEATURES], x[..., -TIME_FEATURES:]
    std = state.std(axis=1, where=kept, keepdims=True)
    varying = std > 1e-6
    state = np.where(varying, state / np.where(varying, std, 1.0), 0.0)
    by_time = _ridge_regression(time * kept, np.concatenate([state * kept, y], axis=2), 1e-5)
    of_state, of_returns = by_time[..., :-1], by_time[..., -1:]
    beyond_time = state - time @ of_state
    rows = kept.sum(axis=1, keepdims=True)  # (sets, 1, 1)
    features = np.maximum(varying.sum(axis=2, keepdims=True), 1).astype(np.float64)
    ridge = features**2 / rows
    by_state = _ridge_regression(beyond_time * kept, y - time @ of_returns * kept, ridge)
    values: FloatArray = (time @ of_returns + beyond_time @ by_state).reshape(returns.shape)
    return values


def discounted_sums(rewards: FloatArray, discount: float) -> FloatArray:
    """Sum what follows, discounted: (..., time) to (..., time)."""
    nothing = np.zeros((*rewards.shape[:-1], rewards.shape[-1] + 1))
    everywhere = np.ones_like(rewards, dtype=np.bool_)
    return generalised_advantages(rewards, nothing, everywhere, discount=discount, decay=1.0)


TIME_FEATURES = 4


def _features(observations: FloatArray) -> FloatArray:
    s = observations.clip(-10.0, 10.0)
    t = np.arange(s.shape[-2])[:, None] / 100.0
    times = np.broadcast_to(np.concatenate([t, t**2, t**3, np.ones_like(t)], axis=1), (*s.shape[:-1], TIME_FEATURES))
    return np.concatenate([s, s**2, times], axis=-1)


def _ridge_regression(x: FloatArray, y: FloatArray, ridge: float | FloatArray) -> FloatArray:
    """Coefficients (sets, features, targets) of y (sets, rows, targets) on x (sets, rows, features)."""
    penalty: FloatArray = np.asarray(ridge * np.eye(x.shape[-1]), dtype=np.float64)
    gram: FloatArray = x.mT @ x + penalty
    coefficients: FloatArray = np.asarray(np.linalg.solve(gram, x.mT @ y), dtype=np.float64)
    return coefficients
