"""Episodes that a family cannot spoil."""

from __future__ import annotations

import numpy as np

from algorithms.interface import Actor
from algorithms.rollouts import run_episodes
from environments import BoolArray, FloatArray, IntArray, Step


class Careless:
    """Pays, moves, ends and solves copies that are not stepped, too."""

    def __init__(self) -> None:
        self.time = 0

    def reset(self, tasks: IntArray) -> FloatArray:
        return np.zeros((len(tasks), 1))

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        self.time += 1
        copies = len(active)
        everywhere = np.ones(copies, dtype=np.bool_)
        return Step(np.full((copies, 1), float(self.time)), np.full(copies, 10.0), ~active, everywhere)


class Still(Actor):
    def __init__(self) -> None:
        self.seen: list[Step] = []

    def act(self, observations: FloatArray) -> FloatArray:
        return np.ones((len(observations), 1))

    def observe(self, step: Step, active: BoolArray) -> None:
        self.seen.append(step)


def test_copies_that_are_not_stepped_hold_zeros_and_repeat_their_last_observation() -> None:
    actor = Still()
    episodes = run_episodes(Careless(), actor, np.arange(3), np.array([3, 1, 0]))
    assert episodes.rewards.tolist() == [[10.0, 10.0, 10.0], [10.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert episodes.actions[..., 0].tolist() == [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert episodes.observations[..., 0].tolist() == [[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 1.0], [0.0] * 4]
    assert episodes.lengths.tolist() == [3, 1, 0]
    assert episodes.success.tolist() == [True, True, False]
    assert not episodes.terminated.any()
    assert [step.rewards.tolist() for step in actor.seen] == [[10.0, 10.0, 0.0], [10.0, 0.0, 0.0], [10.0, 0.0, 0.0]]
