"""Settings of RL2-PPO, and where garage differs from the description.

Sizes and schedules: garage's ML1 example (examples/tf/rl2_ppo_metaworld_ml1_push.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from algorithms.declaration import DISCOUNTS, Between, Count, Declaration, Fraction, Problem, Range, UnitInterval, Width

Difference = Literal[
    "unflagged-time-limits",  # garage tf/algos/rl2.py:66: the boundary is 1 only where the task itself ended
    "linear-feature-baseline",  # garage's example; the RL2 paper's baseline is a GRU as well
    "unbootstrapped-trials",  # garage tf/algos/_rl2npo.py: nothing follows the last step of a trial
    "uncentred-advantages",  # garage's example, center_adv
    "entropy-in-rewards",  # garage's example, entropy_method "max" with a stopped gradient
    "blank-episode-starts",  # garage tf/algos/rl2.py:49: neither the last action nor reward of the episode before
    "xavier-initialisation",  # garage tf/policies/gaussian_gru_policy.py:62-76: Glorot-uniform weights, zero biases
    "entropy-of-padding",  # garage tf/algos/npo.py:319: steps that an early end leaves out earn the entropy, too
    "epsilon-before-correction",  # TensorFlow's Adam adds epsilon to a std whose bias is not yet corrected
]

PUBLISHED: dict[str, frozenset[str]] = {
    "garage": frozenset(
        {
            "unflagged-time-limits",
            "linear-feature-baseline",
            "unbootstrapped-trials",
            "uncentred-advantages",
            "entropy-in-rewards",
            "blank-episode-starts",
            "xavier-initialisation",
            "entropy-of-padding",
            "epsilon-before-correction",
        }
    ),
}


@dataclass(frozen=True)
class RL2PPOSettings:
    """Settings of RL2-PPO; the defaults are those of garage's ML1 example."""

    hidden_size: Width = 64
    """garage's example :55."""
    episodes_per_trial: Count = 10
    """garage's example: episodes in one task that share a hidden state."""
    meta_batch: Count = 10
    """garage's example: trials an iteration, each in a task of its own draw."""
    epochs: Count = 10
    """garage's example: passes over the trials of an iteration."""
    minibatch: Count = 32
    """garage's example: trials, not steps, a gradient step (with ten trials: all of them)."""
    clip: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """garage's example, lr_clip_range: epsilon of PPO's Eq. 7."""
    learning_rate: Fraction = 1e-3
    """garage tf/optimizers/first_order_optimizer.py:48."""
    discount: UnitInterval = 0.99
    """garage's example."""
    gae_decay: UnitInterval = 0.95
    """garage's example, gae_lambda."""
    as_published: frozenset[Difference] = frozenset()
    """Ways in which garage differs from the description; see `PUBLISHED` and docs/algorithms/rl2-ppo.md."""


class RL2PPODeclaration(Declaration):
    """RL2 with proximal policy optimisation."""

    implementation: ClassVar[str] = "algorithms.rl2_ppo:RL2PPO"
    name: ClassVar[str] = "rl2-ppo"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = RL2PPOSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    ranges: ClassVar[Mapping[str, Range]] = {
        "learning_rate": Between(3e-4, 1e-2, log=True),
        "epochs": (3, 5, 10),
        "discount": DISCOUNTS,
        "gae_decay": (0.9, 0.95, 1.0),
    }
    reads_evaluation_rewards: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: RL2PPOSettings, problem: Problem) -> int:
        """One trial in each task of the batch."""
        return settings.meta_batch * settings.episodes_per_trial * problem.horizon
