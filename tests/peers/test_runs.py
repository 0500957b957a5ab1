"""Each of garage's algorithms under the suite: steps counted, agents met, what was learnt given back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from algorithms import PEERS
from algorithms.peers import garage
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import used_settings
from suite.spec import RunSpec
from suite.training.protocol import meta_test
from suite.training.trainer import Trainer

pytestmark = pytest.mark.peer

SMALL = {
    "garage-pearl": {
        "latent_size": 3,
        "encoder_sizes": [16, 16],
        "network_sizes": [16, 16],
        "meta_batch": 4,
        "batch": 16,
        "context_batch": 16,
        "updates": 3,
        "warmup_steps": 20,
        "tasks_per_iteration": 10,
        "prior_steps": 20,
        "posterior_steps": 20,
    },
    "garage-maml-trpo": {"hidden_sizes": [16], "meta_batch": 4, "rollouts": 2},
    "garage-rl2-ppo": {"hidden_size": 8, "episodes_per_trial": 2, "meta_batch": 4, "epochs": 2},
    "garage-mtsac": {
        "network_sizes": [16, 16],
        "batch": 64,
        "updates": 3,
        "warmup_steps": 20,
        "tasks_per_iteration": 10,
    },
}


def spec_of(algorithm: str) -> RunSpec:
    (template, *_) = load_benchmark("smoke").plan()
    settings = used_settings(algorithm, "point-goal-2d", SMALL[algorithm])
    named = {"label": algorithm, "algorithm": algorithm, "algorithm_revision": PEERS[algorithm].revision}
    return template.model_copy(update={**named, "settings": settings, "budget": 3000, "evaluations": 1})


@pytest.mark.parametrize("algorithm", sorted(PEERS))
def test_a_peer_trains_and_is_tested_under_the_protocol(algorithm: str) -> None:
    spec = spec_of(algorithm)
    first = Trainer.of(spec, torch.device("cpu"))
    announced = []
    while (following := first.algorithm.next_iteration_steps) <= spec.budget - first.train.steps:
        before = first.train.steps
        first.iterate()
        announced.append((following, first.train.steps - before))
    assert len(announced) > 1
    assert all(steps == most for most, steps in announced)
    assert first.train.steps == first.train.visits.sum() * first.family.spec.horizon
    assert first.algorithm.gradient_steps > 0
    assert first.algorithm.foreign_versions["garage"] == garage.installed()["garage"] == "2021.3.0"

    episodes = meta_test(first.algorithm, first.test, spec.exploration_episodes)
    assert np.isfinite(episodes.rewards).all()
    again = meta_test(first.algorithm, first.test, spec.exploration_episodes)
    np.testing.assert_array_equal(episodes.rewards, again.rewards)

    other = Trainer.of(spec, torch.device("cpu"))
    untrained = meta_test(other.algorithm, other.test, spec.exploration_episodes)
    assert not np.array_equal(untrained.rewards, episodes.rewards)
    other.algorithm.load_state(first.algorithm.state())
    restored = meta_test(other.algorithm, other.test, spec.exploration_episodes)
    np.testing.assert_allclose(restored.rewards, episodes.rewards, atol=1e-5)
