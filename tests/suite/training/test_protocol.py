from __future__ import annotations

import numpy as np
import pytest

from environments import make_family
from suite.training.protocol import CountedTasks
from suite.training.streams import STREAMS, stream

FAMILY = make_family("point-goal-2d")
VECTORS = FAMILY.sample_tasks(0).test


def test_streams_are_named_members_of_one_seed() -> None:
    draws = {name: stream(3, name).random(4).tolist() for name in STREAMS}
    assert len({tuple(draw) for draw in draws.values()}) == len(STREAMS)
    assert stream(3, "replay").random(4).tolist() == draws["replay"]
    assert stream(4, "replay").random(4).tolist() != draws["replay"]
    assert stream(3, "replay", 1).random(4).tolist() != draws["replay"]


def test_the_nth_episode_of_a_task_starts_the_same_whatever_else_is_run() -> None:
    one, other = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    one.reset(np.array([4]))
    second = one.reset(np.array([4]))
    other.reset(np.array([0, 4, 2]))
    other.reset(np.array([1]))
    np.testing.assert_array_equal(other.reset(np.array([4, 0]))[0], second[0])
    assert not np.array_equal(other.reset(np.array([4]))[0], second[0])


def test_skipping_counts_episodes_as_started() -> None:
    run, skipped = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    for _ in range(3):
        last = run.reset(np.array([5]))
    skipped.skip(2)
    np.testing.assert_array_equal(skipped.reset(np.array([5])), last)
    skipped.rewind()
    skipped.skip(2)
    np.testing.assert_array_equal(skipped.reset(np.array([5])), last)


def test_fewer_copies_than_before_step_alone() -> None:
    tasks = CountedTasks(FAMILY, VECTORS, 7, "environment")
    tasks.reset(np.arange(5))
    tasks.reset(np.array([3, 1]))
    step = tasks.step(np.full((2, 2), 0.5), np.array([True, False]))
    assert step.observations.shape == (2, 2)
    assert tasks.steps == 1


def test_a_state_restores_the_counters() -> None:
    tasks, restored = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    tasks.reset(np.array([3]))
    tasks.step(np.zeros((1, 2)), np.array([True]))
    restored.load_state(tasks.state())
    assert restored.steps == 1
    np.testing.assert_array_equal(restored.reset(np.array([3])), tasks.reset(np.array([3])))


def test_stepping_before_a_reset_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="before they were reset"):
        CountedTasks(FAMILY, VECTORS, 7, "environment").step(np.zeros((1, 2)), np.array([True]))
