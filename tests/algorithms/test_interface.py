from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from algorithms import Problem
from algorithms.interface import Streams
from examples.best_of_k import BestOfK, BestOfKSettings


class Renamed(BestOfK):
    renamed: ClassVar[Mapping[str, str]] = {"distribution": "proposal"}


def make() -> Renamed:
    problem = Problem(observation_size=1, action_size=2, task_size=1, horizon=3, train_tasks=1, budget=10)
    streams = Streams(*(np.random.default_rng(number) for number in range(3)))
    return Renamed(BestOfKSettings(), problem, streams, torch.device("cpu"))


def test_a_part_is_found_under_its_old_name_and_under_its_new_one() -> None:
    trained = make()
    trained.proposal.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    state = trained.state()
    older = {"distribution" if name == "proposal" else name: value for name, value in state.items()}
    for saved in (older, state):
        restored = make()
        restored.load_state(saved)
        np.testing.assert_array_equal(restored.proposal.mean, [2.0, 5.0])
