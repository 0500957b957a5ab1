"""Simulations that look independent, each in a thread of its own, give the bits that one thread gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from environments import FloatArray, TaskFamily, family_names, family_spec, make_family
from environments.ml1 import resets, tasks

THREADS = 4

# ML1 shares one model, one recorder of resets and one cache of tasks among the simulations of a process.
CASES = [(name, {}) for name in family_names() if family_spec(name).kind != "ml1"] + [
    ("push-v1", {}),
    ("push-v1", {"hand_start": "random"}),
    ("push-v1", {"simulation": "stock"}),
]


def episodes(family: TaskFamily, thread: int) -> list[FloatArray]:
    """Make a simulation and run some short episodes in tasks that no other thread has."""
    simulation = family.simulation(2)
    train = family.sample_tasks(thread).train
    generator = np.random.default_rng(thread)
    seen = []
    for episode in range(8):
        chosen = np.resize(train, (64, train.shape[1]))[2 * episode : 2 * episode + 2]
        seen.append(simulation.reset(np.arange(2), chosen, generator.spawn(2)))
        for _ in range(3):
            actions = generator.uniform(-1.0, 1.0, (2, family.spec.action_size))
            step = simulation.step(actions, np.ones(2, dtype=np.bool_))
            seen += [step.observations, step.rewards]
    return seen


@pytest.mark.parametrize(("name", "options"), CASES)
def test_threads_do_not_disturb_each_other(name: str, options: dict[str, str]) -> None:
    family = make_family(name, **options)
    resets.reset_recorder.cache_clear()
    tasks.benchmark_tasks.cache_clear()
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(lambda thread: episodes(family, thread), range(THREADS)))
    for thread in range(THREADS):
        for ours, theirs in zip(together[thread], episodes(family, thread), strict=True):
            np.testing.assert_array_equal(ours, theirs)
