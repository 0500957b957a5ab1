from __future__ import annotations

from collections import deque

import numpy as np
import pytest
import torch

from algorithms.declaration import Problem
from algorithms.history import HistoryReplay, RecentTransitions, preceded
from algorithms.interface import Episodes


@pytest.mark.parametrize("leading", [0, 1])
def test_windows_hold_the_steps_of_the_same_episode_and_zeros_before_it(leading: int) -> None:
    """With a step that precedes the episode: it stands before the steps, but not in the history one step later."""
    rng = np.random.default_rng(0)
    problem = Problem(3, 2, 1, horizon=5, train_tasks=2, budget=100)
    replay = HistoryReplay(problem, 3, torch.device("cpu"), leading)
    stored: list[tuple[Episodes, int, np.ndarray]] = []
    for _ in range(3):
        lengths = np.array([5, 0, 2])
        e = Episodes(
            tasks=np.array([0, 1, 1]),
            observations=rng.normal(size=(3, 6, 3)),
            actions=rng.normal(size=(3, 5, 2)),
            rewards=rng.normal(size=(3, 5)),
            terminated=np.array([False, False, True]),
            lengths=lengths,
            success=np.zeros(3, dtype=bool),
        )
        first = rng.normal(size=(3, 2))
        starts = replay.append(preceded(e, first) if leading else e)
        for copy in (0, 2):
            at = starts[copy] + np.arange(lengths[copy])
            np.testing.assert_allclose(replay.steps.rows[at, 5].numpy(), e.rewards[copy, : lengths[copy]], rtol=1e-6)
        stored.extend((e, copy, first[copy]) for copy in range(3))
    transitions = {}
    for e, copy, first in stored:
        for t in range(e.lengths[copy]):
            steps = [
                np.zeros(6)
                if k < 0
                else np.concatenate([e.observations[copy, k], e.actions[copy, k], e.rewards[copy, k : k + 1]])
                for k in range(t - 3, t + 1)
            ]
            before = list(steps[:-1])
            if leading and t < 3:
                before[2 - t] = np.concatenate([e.observations[copy, 0], first, [0.0]])
            ends = float(e.terminated[copy] and t == e.lengths[copy] - 1)
            transitions[round(float(e.rewards[copy, t]), 5)] = (before, steps[1:], ends, e.observations[copy, t + 1])
    got = replay.sample(400, torch.Generator().manual_seed(0))
    met = set()
    for row in range(400):
        key = next(k for k in transitions if abs(k - got.rewards[row].item()) < 2e-5)
        before, after, ends, following = transitions[key]
        met.add(key)
        np.testing.assert_allclose(got.history[row].numpy(), before, atol=1e-6)
        np.testing.assert_allclose(got.next_history[row].numpy(), after, atol=1e-6)
        np.testing.assert_allclose(got.next_observations[row].numpy(), following, atol=1e-6)
        assert got.terminated[row].item() == ends
    assert met == set(transitions), "some transition is never drawn"


def test_recent_transitions_are_the_last_of_each_task_and_drawn_alike() -> None:
    """Against a deque a task; also from a state."""
    recent, rng = RecentTransitions(3, 5, torch.device("cpu")), np.random.default_rng(1)
    kept = [deque[int](maxlen=5) for _ in range(3)]
    first = 0
    for task, length in zip([0, 1, 2, 0, 1, 0], [2, 7, 0, 4, 1, 3], strict=True):
        recent.append(task, first, length)
        kept[task].extend(range(first, first + length))
        first += length
    recent.append(2, first, 1)
    kept[2].append(first)
    restored = RecentTransitions(3, 5, torch.device("cpu"))
    restored.load_state(recent.state())
    seed = int(rng.integers(1000))
    drawn, again = (r.sample(600, torch.Generator().manual_seed(seed)) for r in (recent, restored))
    assert torch.equal(drawn, again)
    for task in range(3):
        numbers, counts = np.unique(drawn[task].numpy(), return_counts=True)
        assert numbers.tolist() == sorted(kept[task])
        assert counts.min() > 0.7 * 600 / len(kept[task])


def test_only_the_newest_transitions_are_drawn_where_a_size_says_so() -> None:
    drawn = {}
    for newest in (0, 5, 100):
        problem = Problem(1, 1, 1, 4, 2, 100)
        replay = HistoryReplay(problem, 2, torch.device("cpu"), newest=newest)
        for episode in range(4):
            steps = np.arange(4.0 * episode, 4.0 * episode + 5).reshape(1, 5, 1)
            replay.append(
                Episodes(
                    np.zeros(1, np.int64),
                    steps,
                    np.zeros((1, 4, 1)),
                    np.zeros((1, 4)),
                    np.zeros(1, np.bool_),
                    np.array([4]),
                    np.zeros(1, np.bool_),
                )
            )
        drawn[newest] = replay.sample(500, torch.Generator().manual_seed(1)).observations.flatten().tolist()
    assert set(drawn[0]) == {float(step) for step in range(16)}
    assert set(drawn[5]) == {11.0, 12.0, 13.0, 14.0, 15.0}
    assert drawn[100] == drawn[0]
