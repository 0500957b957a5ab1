"""Episodes that a family cannot spoil."""

from __future__ import annotations

import numpy as np

from algorithms.interface import Actor
from algorithms.rollouts import run_at_least, run_episodes
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


class Ending:
    """Episodes of given lengths, task by task: the n-th one begun in a task takes the n-th."""

    left = 10**9

    def __init__(self, lengths: dict[int, list[int]]) -> None:
        self.lengths, self.begun = lengths, dict.fromkeys(lengths, 0)
        self.stepped = 0

    def reset(self, tasks: IntArray) -> FloatArray:
        self.to_go = np.zeros(len(tasks), dtype=np.int64)
        for copy, task in enumerate(tasks.tolist()):
            self.to_go[copy] = self.lengths[task][self.begun[task]]
            self.begun[task] += 1
        return np.zeros((len(tasks), 1))

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        self.stepped += int(active.sum())
        self.to_go -= active
        return Step(np.zeros((len(active), 1)), np.ones(len(active)), self.to_go <= 0, np.zeros(len(active), np.bool_))


def test_at_least_so_many_steps_are_spent_in_as_many_episodes_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    lengths = {7: [10] * 40, 9: rng.integers(1, 11, 200).tolist(), 4: [1] * 200}
    waves, spent, episodes = 0, np.zeros(3, np.int64), np.zeros(3, np.int64)
    tasks = Ending(lengths)
    for some, wave in run_at_least(tasks, lambda some, copies: Still(), np.array([7, 9, 4]), 55, 10):
        waves += 1
        taken = wave.lengths.reshape(len(some), -1)
        np.testing.assert_array_equal(wave.tasks.reshape(taken.shape), np.array([7, 9, 4])[some][:, None] + 0 * taken)
        spent[some] += taken.sum(axis=1)
        episodes[some] += (taken > 0).sum(axis=1)
    assert (episodes[0], spent[0]) == (6, 60)
    assert episodes[2] == spent[2] == 55
    assert 55 <= spent[1] < 65
    assert tasks.stepped == spent.sum()
    assert waves > 1
