"""Settings of PEARL, and where published implementations differ from the paper.

Sizes and schedules: Table 7 of the TCL-PEARL paper (Meta-World); per-family values of the MuJoCo Controls are in
presets/pearl.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from algorithms.declaration import (
    DISCOUNTS,
    TARGET_RATES,
    ArithmeticSettings,
    Between,
    Count,
    CountOrNone,
    Declaration,
    Fraction,
    Problem,
    Range,
    Scale,
    Weight,
    Width,
    Widths,
    added,
)

Difference = Literal[
    "twin-critics-initialised-alike",  # garage pearl.py:139: Q2 is a copy of Q1 and stays one for ever
    "regularisers-without-gradient",  # garage context_conditioned_policy.py:191: a constant is added to the loss
    "xavier-initialisation",  # garage mlp_module.py:48, tanh_gaussian_mlp_policy.py
    "sampled-test-actions",  # garage pearl.py:743: the deterministic flag has no effect
    "fan-out-initialisation",  # oyster pytorch_util.py:18, networks.py:31, policies.py:60
    "prior-first",  # oyster rl_algorithm.py:215, garage pearl.py:428: the posterior phase begins with a prior z
    "bounded-density",  # oyster distributions.py:118, garage tanh_normal.py:56: log(1 - a^2 + 1e-6)
]

PUBLISHED: dict[str, frozenset[str]] = {
    "garage": frozenset(
        {
            "twin-critics-initialised-alike",
            "regularisers-without-gradient",
            "xavier-initialisation",
            "sampled-test-actions",
            "prior-first",
            "bounded-density",
        }
    ),
    "oyster": frozenset({"fan-out-initialisation", "prior-first", "bounded-density"}),
}


def _compatible(chosen: frozenset[Difference]) -> frozenset[Difference]:
    if {"xavier-initialisation", "fan-out-initialisation"} <= chosen:
        raise ValueError("xavier-initialisation and fan-out-initialisation exclude each other")
    return chosen


@dataclass(frozen=True)
class PEARLSettings(ArithmeticSettings):
    """Settings of PEARL; the defaults are the TCL-PEARL paper's for Meta-World."""

    latent_size: Width = 7
    """Table 7, context embedding dimension."""
    encoder_sizes: Widths = (400, 400, 400)
    """Table 7, context encoder hidden size; three layers as in garage's ML1 example."""
    network_sizes: Widths = (400, 400, 400)
    """Table 7, policy hidden size; also of Q and V."""
    meta_batch: Count = 16
    """Table 7, tasks an update, drawn with replacement."""
    batch: Count = 256
    """Table 7, transitions a task."""
    context_batch: Count = 128
    """Table 7, context embedding batch size: context rows a task."""
    updates: Count = 4000
    """Table 7, parameter updates per epoch."""
    warmup_steps: Count = 4000
    """Table 7, environment steps a training task before the first update."""
    tasks_per_iteration: Count = 15
    """Table 7, training tasks sampled per epoch."""
    prior_steps: Count = 800
    """Table 7, exploration timesteps a sampled task, with z from the prior; they become the task's context."""
    posterior_steps: CountOrNone = 800
    """Table 7, posterior timesteps a sampled task, with z from the posterior; not part of the context."""
    reward_scale: Scale = 10.0
    """Table 7."""
    entropy_weight: Scale = 1.0
    """alpha, the temperature; 1 in both code bases, which set the balance by the reward scale alone."""
    context_reward_scale: Scale = 1.0
    """Scale of the rewards that the encoder reads; both code bases leave them as they are."""
    discount: Fraction = 0.99
    """gamma; garage torch/algos/pearl.py, oyster configs/default.py."""
    target_rate: Fraction = 0.005
    """tau, of the soft update of the target V; garage pearl.py:117, oyster configs/default.py:30."""
    learning_rate: Fraction = 3e-4
    """Learning rate of all five networks; garage pearl.py:110-113, oyster configs/default.py:31-34."""
    kl_weight: Weight = 0.1
    """beta; garage pearl.py:118, oyster configs/default.py:37."""
    policy_regularisation: Weight = 1e-3
    """Weight of mean(mean^2) and of mean(log_std^2); oyster rlkit/torch/sac/sac.py:244-251."""
    next_observations_in_context: bool = False
    """True for walker-2d-rand-params only; oyster configs/walker_rand_params.json."""
    test_posterior: Literal["sample", "mean"] = "sample"
    """The way z is taken from the posterior at meta-test; the PEARL paper's Algorithm 2 samples."""
    standardise_observations: bool = False
    """Shift and scale observations by the mean and std of the warm-up data; neither code base does."""
    replay_size: CountOrNone = added(0)
    """Rows of replay memory of each training task, whose oldest episodes give way; 0 keeps everything, as published.

    At least what an iteration collects. A row is a transition or the end of an episode.
    """
    as_published: Annotated[frozenset[Difference], AfterValidator(_compatible)] = frozenset()
    """Ways in which a published implementation differs from the paper; see `PUBLISHED` and docs/algorithms/pearl.md."""


class PEARLDeclaration(Declaration):
    """PEARL as its paper describes it."""

    implementation: ClassVar[str] = "algorithms.pearl:PEARL"
    name: ClassVar[str] = "pearl"
    revision: ClassVar[int] = 3
    Settings: ClassVar[type[Any]] = PEARLSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    ranges: ClassVar[Mapping[str, Range]] = {
        "learning_rate": Between(3e-4, 3e-3, log=True),
        "entropy_weight": Between(0.03, 1.0, log=True),
        "kl_weight": Between(0.003, 0.3, log=True),
        "discount": DISCOUNTS,
        "target_rate": TARGET_RATES,
    }
    encodes: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: PEARLSettings, problem: Problem) -> int:
        """Warm-up of every training task, and prior and posterior steps of the sampled tasks."""
        each = settings.prior_steps + settings.posterior_steps
        return settings.warmup_steps * problem.train_tasks + settings.tasks_per_iteration * each
