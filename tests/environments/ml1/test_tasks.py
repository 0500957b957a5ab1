"""The tasks are Meta-World's own."""

from __future__ import annotations

import pickle

import metaworld
import numpy as np
import pytest

from environments import FloatArray, make_family
from environments.ml1.tasks import benchmark_tasks
from tests.environments.ml1.rollouts import NAMES


def drawn_by_meta_world(tasks: list[metaworld.Task]) -> FloatArray:
    return np.array([pickle.loads(task.data)["rand_vec"] for task in tasks])


def assert_tasks_are_meta_worlds(name: str, seed: int) -> None:
    benchmark = metaworld.ML1(name.removesuffix("-v1") + "-v3", seed=2 * seed)
    split = make_family(name).sample_tasks(seed)
    np.testing.assert_array_equal(split.train, drawn_by_meta_world(benchmark.train_tasks))
    np.testing.assert_array_equal(split.test, drawn_by_meta_world(benchmark.test_tasks)[:10])


@pytest.mark.parametrize("name", ["reach-v1", "lever-pull-v1"])
def test_tasks_are_meta_worlds(name: str) -> None:
    assert_tasks_are_meta_worlds(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_tasks_are_meta_worlds_everywhere(name: str) -> None:
    assert_tasks_are_meta_worlds(name, 0)


def test_drawing_tasks_leaves_the_global_stream_alone() -> None:
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    benchmark_tasks.__wrapped__("reach", 12)
    assert np.random.uniform() == expected  # noqa: NPY002
