from __future__ import annotations

import numpy as np
import torch

from algorithms import Problem
from algorithms.interface import Streams
from examples.best_of_k import BestOfK, BestOfKSettings


def make() -> BestOfK:
    problem = Problem(observation_size=1, action_size=2, task_size=1, horizon=3, train_tasks=1, budget=10)
    streams = Streams(*(np.random.default_rng(number) for number in range(3)))
    return BestOfK(BestOfKSettings(), problem, streams, torch.device("cpu"))


def test_a_state_restores_every_part_and_random_stream() -> None:
    trained = make()
    trained.proposal.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    trained.exploration.random()
    restored = make()
    restored.load_state(trained.state())
    np.testing.assert_array_equal(restored.proposal.mean, [2.0, 5.0])
    assert restored.exploration.random() == trained.exploration.random()
