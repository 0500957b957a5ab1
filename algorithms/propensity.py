"""Propensity: how much a transition of the replay looks like one of a new task (MQL; Fakoor et al., ICLR 2020)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor


class Propensity(NamedTuple):
    """One linear classifier a task: the logit of coming from the replay rather than from the new task."""

    coefficients: Tensor  # (tasks, features)
    intercepts: Tensor  # (tasks, 1)

    @staticmethod
    def fit(new: Tensor, present: Tensor, replay: Tensor, inverse_penalty: float) -> Propensity:
        """Fit by logistic regression.

        Parameters
        ----------
        new, replay : (tasks, rows, features)
        present : (tasks, rows), 0 where a row of `new` is padding.
        inverse_penalty : C of scikit-learn's LogisticRegression.
        """
        coefficients, intercepts = [], []
        kept = present.bool().cpu().numpy()
        for x_new, here, x_replay in zip(new.double().cpu().numpy(), kept, replay.double().cpu().numpy(), strict=True):
            x = np.concatenate([x_new[here], x_replay])
            label = np.concatenate([np.full(here.sum(), -1), np.ones(len(x_replay))])
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


def effective_sample_size(beta: Tensor) -> Tensor:
    """Compute the normalised ESS = (sum beta)^2 / (n sum beta^2) over the last axis."""
    return beta.sum(dim=-1).square() / (beta.shape[-1] * beta.square().sum(dim=-1)).clamp(min=1e-12)
