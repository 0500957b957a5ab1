"""An update of each algorithm at three sizes, on noise: a gradient step, or an iteration of those that learn on-policy.

The sizes are those of `quick`, some in the middle, and the papers'. An iteration includes its sampling.
"""

from __future__ import annotations

from typing import Any

import pytest

from algorithms import ALGORITHMS
from speed.entrants.ours import Noise, built
from speed.rows import QUICK, SAC, SMALL, TABLE_7

SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "pearl": {"small": QUICK, "middle": SMALL, "papers": TABLE_7},
    "sac": {
        "small": {"network_sizes": (64, 64), "batch": 64},
        "middle": {"network_sizes": (128, 128), "batch": 512},
        "papers": SAC,
    },
    "mql": {
        "small": {"network_sizes": (64, 64), "context_size": 10, "batch": 64},
        "middle": {"network_sizes": (128, 128), "context_size": 20, "batch": 128},
        "papers": {},
    },
    "trpo": {
        "small": {"hidden_sizes": (32, 32), "meta_batch": 4, "rollouts": 2},
        "middle": {"hidden_sizes": (64, 64), "meta_batch": 10, "rollouts": 5},
        "papers": {},
    },
    "ppo": {
        "small": {"hidden_size": 16, "meta_batch": 4, "episodes_per_trial": 2},
        "middle": {"hidden_size": 32, "meta_batch": 5, "episodes_per_trial": 5},
        "papers": {},
    },
}
"""Sizes, by the last word of an algorithm's name."""
ROUNDS = {"small": 10, "middle": 5, "papers": 3}
TASKS, TRANSITIONS = 20, 8_000


@pytest.mark.parametrize("size", ROUNDS)
@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_update(benchmark: Any, name: str, size: str) -> None:
    """Time one after a first that is not counted."""
    made = built(name, SIZES[name.rsplit("-", 1)[-1]][size], TASKS, TRANSITIONS)
    work = made.update if hasattr(made, "replay") else lambda: made.meta_train(Noise())
    benchmark.pedantic(work, rounds=ROUNDS[size], warmup_rounds=1)
