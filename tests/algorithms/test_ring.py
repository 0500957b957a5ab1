"""Bounded replay memory keeps of each task the newest episodes that fit, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms import ALGORITHMS, Episodes, load_algorithm
from algorithms.interface import Remembered
from algorithms.mql import MQL
from algorithms.replay import EpisodeTable
from algorithms.ring import RingReplay
from suite.failures import of_exception
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import load_settings
from suite.training.trainer import Trainer
from tests.algorithms.two_directions import TwoDirections, assert_same_state, make, train_tasks

CPU = torch.device("cpu")
CAPPED = sorted(name for name, declared in ALGORITHMS.items() if hasattr(declared.Settings, "replay_size"))
RINGS = [name for name in CAPPED if not issubclass(load_algorithm(name), MQL)]
"""Those that overwrite what they forget; MQL keeps it, since what is drawn remembers it."""
TINY = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}


def episodes(tasks: list[int], lengths: list[int], first: int) -> Episodes:
    """Episodes whose observations number their steps on from `first`, over all episodes ever made."""
    time = max(lengths)
    observations = np.zeros((len(tasks), time + 1, 1))
    for copy, length in enumerate(lengths):
        observations[copy, : length + 1, 0] = first + np.arange(length + 1)
        first += length + 1
    rewards = np.repeat(np.array(tasks, float)[:, None], time, axis=1)
    ended = np.zeros(len(tasks), np.bool_)
    return Episodes(
        np.array(tasks), observations, np.zeros((len(tasks), time, 1)), rewards, ended, np.array(lengths), ended
    )


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), min_size=1, max_size=2), max_size=60))
def test_the_newest_episodes_of_each_task_are_kept_whole(rounds: list[list[tuple[int, int]]]) -> None:
    size = 40
    ring, table = RingReplay(1, 1, 3, size, CPU), EpisodeTable(3, CPU)
    made: dict[int, list[tuple[int, int]]] = {0: [], 1: [], 2: []}  # task -> (number of its first step, length), by age
    number = 0
    for each in rounds:
        tasks, lengths = [task for task, _ in each], [length for _, length in each]
        sample = episodes(tasks, lengths, number)
        for task, length in each:
            made[task].append((number, length))
            number += length + 1
        starts = ring.append(sample)
        table.forget(ring.forgotten)
        table.append(sample, starts)
    assert len(ring.rows) == 3 * size
    for task, ever in made.items():
        count = int(table.counts[task])
        kept = ever[len(ever) - count :]
        assert table.lengths[task, :count].tolist() == [length for _, length in kept]
        for start, (first, length) in zip(table.starts[task, :count].tolist(), kept, strict=True):
            assert ring.rows[start : start + length + 1, 0].tolist() == list(range(first, first + length + 1))
        # What is kept fits, and leaves no more idle than an episode at the region's end and one around the newest.
        assert sum(length + 1 for _, length in kept) <= size
        if count < len(ever):
            older = ever[len(ever) - count - 1][1] + 1
            assert sum(length + 1 for _, length in kept) + older > size - 2 * 7
        assert count >= min(1, len(ever))
        if count:
            generator = torch.Generator().manual_seed(0)
            drawn = ring.rows[table.sample(torch.tensor([task]), 200, generator)[0], 0].long().tolist()
            transitions = {step for first, length in kept for step in range(first, first + length)}
            assert set(drawn) <= transitions
            if len(transitions) < 10:
                assert set(drawn) == transitions


def test_algorithms_that_can_be_capped() -> None:
    assert {"pearl", "tcl-pearl", "oracle-sac", "blind-sac"} <= set(CAPPED)


@pytest.mark.parametrize("name", CAPPED)
def test_a_memory_that_never_fills_changes_no_number(name: str) -> None:
    family = TwoDirections(edge=0.3)
    tiny = vars(load_settings(name, TINY[name].settings))
    logged = []
    for size in (0, 100_000):
        algorithm, tasks = make(name, family, {**tiny, "replay_size": size}), train_tasks(family)
        logged.append([algorithm.meta_train(tasks) for _ in range(3)])
    assert logged[0] == logged[1]


@pytest.mark.parametrize("name", RINGS)
def test_a_full_memory_goes_on_bit_for_bit_and_takes_no_more_room(name: str) -> None:
    family = TwoDirections(edge=0.3)
    tiny = {**vars(load_settings(name, TINY[name].settings)), "replay_size": 1}
    algorithm, tasks = make(name, family, tiny, budget=10**9), train_tasks(family)
    room = algorithm.replay.rows.numel()  # type: ignore[attr-defined]
    assert room < 10**6
    for _ in range(4):
        metrics = algorithm.meta_train(tasks)
    assert all(np.isfinite(value) for value in metrics.values())
    assert algorithm.replay.used > len(algorithm.replay.rows)  # type: ignore[attr-defined]
    assert algorithm.replay.rows.numel() == room  # type: ignore[attr-defined]

    other, other_tasks = make(name, family, tiny, seed=1, budget=10**9), train_tasks(family)
    other.load_state(algorithm.state())
    other_tasks.load_state(tasks.state())
    for _ in range(2):
        assert algorithm.meta_train(tasks) == other.meta_train(other_tasks)
    assert_same_state(algorithm.state(), other.state())

    state = algorithm.state()
    assert isinstance(state["replay"]["rows"], Remembered)
    state["replay"]["rows"] = state["replay"]["rows"][:0]  # as a finished run keeps it
    other.load_state(state)


def test_a_budget_beyond_all_memory_fails_as_memory() -> None:
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        Trainer.of(TINY["pearl"].model_copy(update={"budget": 20_000_000_000_000}), CPU)
    assert of_exception(raised.value).kind == "memory"


def test_the_cap_stays_out_of_the_identity_at_its_default() -> None:
    assert all("replay_size" not in TINY[name].settings for name in CAPPED)
    assert all(load_settings(name, TINY[name].settings).replay_size == 0 for name in CAPPED)
    assert replace(load_settings("pearl", TINY["pearl"].settings), replay_size=5).replay_size == 5
    assert all(load_algorithm(name).revision == ALGORITHMS[name].revision for name in CAPPED)
