"""The noise of an episode, and of one that is longer than the horizon; draws of torch's own modules."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from algorithms.noise import EpisodeNoise, own_draws, spawned, task_normals

HORIZON, ACTIONS, TASKS = 3, 2, 4


def generators() -> list[np.random.Generator]:
    return [np.random.default_rng([7, task]) for task in range(TASKS)]


def test_steps_beyond_the_horizon_are_drawn_from_a_stream_of_their_own() -> None:
    ours = generators()
    noise = EpisodeNoise(task_normals(ours, HORIZON, ACTIONS), spawned(ours))
    drawn = np.stack([noise.next() for _ in range(HORIZON + 2)], axis=1)  # type: ignore[arg-type]
    for task, theirs in enumerate(generators()):
        np.testing.assert_array_equal(drawn[task, :HORIZON], theirs.standard_normal((HORIZON, ACTIONS)))
        child = np.random.default_rng(np.random.SeedSequence([7, task]).spawn(1)[0])
        np.testing.assert_array_equal(drawn[task, HORIZON:], child.standard_normal((2, ACTIONS)))


@pytest.mark.parametrize("steps", [1, HORIZON, HORIZON + 5])
def test_no_draw_depends_on_how_long_the_episode_before_it_was(steps: int) -> None:
    ours = generators()
    first = EpisodeNoise(task_normals(ours, HORIZON, ACTIONS), spawned(ours))
    for _ in range(steps):
        first.next()
    second = EpisodeNoise(task_normals(ours, HORIZON, ACTIONS), spawned(ours))
    drawn = np.stack([second.next() for _ in range(HORIZON + 1)], axis=1)  # type: ignore[arg-type]
    for task, theirs in enumerate(generators()):
        episodes = theirs.standard_normal((2, HORIZON, ACTIONS))
        np.testing.assert_array_equal(drawn[task, :HORIZON], episodes[1])
        child = np.random.default_rng(np.random.SeedSequence([7, task]).spawn(2)[1])
        np.testing.assert_array_equal(drawn[task, HORIZON], child.standard_normal(ACTIONS))


def test_a_policy_without_noise_has_none_however_long() -> None:
    noise = EpisodeNoise(None)
    assert [noise.next() for _ in range(5)] == [None] * 5


def test_threads_that_draw_first_weights_at_once_draw_what_each_draws_alone() -> None:
    def alone(seed: int) -> list[float]:
        return torch.rand(2, generator=torch.Generator().manual_seed(seed)).tolist()

    drawn: dict[int, list[float]] = {1: [], 2: []}
    others_turn = threading.Event()

    def other() -> None:
        with own_draws(torch.Generator().manual_seed(2)):
            drawn[2].append(torch.rand(1).item())
            others_turn.wait()
            drawn[2].append(torch.rand(1).item())

    thread = threading.Thread(target=other)
    with own_draws(torch.Generator().manual_seed(1)):
        drawn[1].append(torch.rand(1).item())
        thread.start()
        thread.join(0.2)  # it cannot end; without turns, it would have begun
        drawn[1].append(torch.rand(1).item())
    others_turn.set()
    thread.join()
    assert drawn == {seed: alone(seed) for seed in (1, 2)}
