"""Propensity: how much a transition of the replay looks like one of a new task (MQL; Fakoor et al., ICLR 2020)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Propensity(NamedTuple):
    """One linear classifier a task: the logit of coming from the replay rather than from the new task."""

    coefficients: Tensor  # (tasks, features)
    intercepts: Tensor  # (tasks, 1)

    @staticmethod
    def fit(new: Tensor, mask: Tensor, replay: Tensor, replay_mask: Tensor, inverse_penalty: float) -> Propensity:
        """Fit by logistic regression.

        Parameters
        ----------
        new, replay : (tasks, rows, features), with as many rows each as they have.
        mask, replay_mask : (tasks, rows), 0 where a row is padding.
        inverse_penalty : C of scikit-learn's LogisticRegression.
        """
        from sklearn.linear_model import LogisticRegression  # slow: plans must not wait for it

        coefficients, intercepts = [], []
        for columns in zip(new, mask.bool(), replay, replay_mask.bool(), strict=True):
            x_new, here, x_replay, there = (column.cpu().numpy() for column in columns)
            x = np.concatenate([x_new[here], x_replay[there]], dtype=np.float64)
            label = np.concatenate([np.full(here.sum(), -1), np.ones(there.sum())])
            model = LogisticRegression(C=inverse_penalty, max_iter=2000).fit(x, label)
            coefficients.append(model.coef_[0])
            intercepts.append(model.intercept_)
        return Propensity(new.new_tensor(np.stack(coefficients)), new.new_tensor(np.stack(intercepts)))

    def __call__(self, features: Tensor) -> Tensor:
        """Map features (tasks, rows, features) to logits (tasks, rows)."""
        return torch.einsum("trf,tf->tr", features, self.coefficients) + self.intercepts


def importance_weights(logits: Tensor, beta_clip: float, *, zero_small: bool = False) -> Tensor:
    """Compute beta = exp(-f), at most exp(beta_clip), from the logits f of "replay" against "new task"."""
    beta = (-logits.clamp(min=-beta_clip)).exp()
    return torch.where(beta < 0.1, 0.0, beta) if zero_small else beta


def effective_sample_size(beta: Tensor, mask: Tensor) -> Tensor:
    """Compute the normalised ESS = (sum beta)^2 / (n sum beta^2) of the n weights present, over the last axis.

    It knows no scale: weights are brought to at most 1, so that tiny ones do not vanish in their squares.
    """
    weights = beta * mask
    weights = weights / weights.amax(dim=-1, keepdim=True).clamp(min=torch.finfo(beta.dtype).tiny)
    squares = mask.sum(dim=-1) * weights.square().sum(dim=-1)
    return weights.sum(dim=-1).square() / squares.clamp(min=1e-12)
