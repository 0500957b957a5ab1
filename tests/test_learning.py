"""Every algorithm learns: on two opposite tasks, and on point-goal-2d at the settings of the quick benchmark.

Seed 0 of the cheaper family is in the default tests; the rest is marked slow.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from algorithms import ALGORITHMS
from suite.plan.benchmark import load_benchmark
from suite.training.trainer import Trainer
from tests.algorithms.two_directions import TwoDirections, make, mean_return, meta_train

SEEDS = [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]

PEARL = {
    "encoder_sizes": (32, 32),
    "network_sizes": (32, 32),
    "latent_size": 2,
    "meta_batch": 8,
    "batch": 16,
    "context_batch": 16,
    "updates": 20,
    "warmup_steps": 16,
    "tasks_per_iteration": 4,
    "prior_steps": 8,
    "posterior_steps": 8,
    "reward_scale": 5.0,
    "entropy_weight": 0.1,
    "discount": 0.8,
    "target_rate": 0.05,
    "learning_rate": 3e-3,
    "kl_weight": 0.01,
    "policy_regularisation": 0.0,
    "test_posterior": "mean",
}
SAC = {
    "network_sizes": (32, 32),
    "batch": 64,
    "updates": 20,
    "warmup_steps": 16,
    "tasks_per_iteration": 8,
    "steps_per_task": 8,
    "reward_scale": 5.0,
    "discount": 0.8,
    "target_rate": 0.05,
    "learning_rate": 3e-3,
}
RL2 = {"hidden_size": 16, "meta_batch": 40, "minibatch": 40, "episodes_per_trial": 3, "learning_rate": 3e-3}
MQL = {
    "context_size": 16,
    "network_sizes": (64, 64),
    "batch": 128,
    "updates": 40,
    "warmup_steps": 40,
    "tasks_per_iteration": 10,
    "learning_rate": 1e-3,
    "discount": 0.5,
    "exploration_noise": 0.5,
    "target_rate": 0.02,
    "policy_delay": 2,
    "replay_updates": 20,
    "replay_batch": 64,
}
TWO_DIRECTIONS: dict[str, tuple[dict[str, Any], int, float]] = {
    # settings, environment steps, the least that must be scored of 8
    "pearl": (PEARL, 3_000, 6.0),
    "tcl-pearl": ({**PEARL, "window": 4, "contrastive_scale": 0.1}, 3_000, 6.0),
    "oracle-sac": (SAC, 2_000, 6.0),
    "maml-trpo": ({"hidden_sizes": (16,), "meta_batch": 10, "rollouts": 4}, 40_000, 2.0),
    "oracle-trpo": ({"hidden_sizes": (16,), "meta_batch": 20}, 40_000, 4.0),
    "rl2-ppo": (RL2, 60_000, 4.0),
    "tcl-rl2-ppo": ({**RL2, "window": 4}, 60_000, 4.0),
    "mql": (MQL, 2_000, 4.0),
    "tcl-mql": ({**MQL, "window": 4}, 2_000, 4.0),
}
"""A policy that ignores the task is expected to score 0 over the two, whatever it does."""

QUICK = {spec.label: spec for spec in load_benchmark("quick").plan() if spec.environment == "point-goal-2d"}

MEASURED = {"tcl-mql", "tcl-rl2-ppo", "oracle-trpo"}
"""Their gain or loss beside others is a finding: docs/algorithms/tcl.md, and the oracle of the benchmark maml."""


def test_every_algorithm_that_can_distinguish_tasks_is_here() -> None:
    assert TWO_DIRECTIONS.keys() == ALGORITHMS.keys() - {"blind-sac"}
    assert {spec.algorithm for spec in QUICK.values()} == ALGORITHMS.keys() - MEASURED


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", sorted(TWO_DIRECTIONS))
def test_learns_two_directions(name: str, seed: int) -> None:
    settings, budget, least = TWO_DIRECTIONS[name]
    family = TwoDirections()
    algorithm = make(name, family, settings, seed, budget)
    untrained = mean_return(algorithm, family, seed)
    meta_train(algorithm, family, budget, seed)
    assert mean_return(algorithm, family, seed) > max(least, untrained + 2.0)


@cache
def point_goal(label: str, seed: int) -> tuple[float, float]:
    """Train as the quick benchmark does; return the mean test return before and after."""
    trainer = Trainer.of(QUICK[label].model_copy(update={"seed": seed}), torch.device("cpu"))
    trainer.run()
    returns = [float(evaluation["return"].mean()) for evaluation in trainer.evaluations]
    return returns[0], returns[-1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("label", sorted(QUICK.keys() - {"blind-sac"}))
def test_learns_point_goal(label: str, seed: int) -> None:
    untrained, trained = point_goal(label, seed)
    _, blind = point_goal("blind-sac", seed)
    assert trained > untrained + 4.0
    assert trained > blind + 2.0
