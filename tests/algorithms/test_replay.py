from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.replay import EpisodeTable, Replay
from tests.algorithms.references import CPU, episodes_of


def test_next_observations_lie_one_row_on() -> None:
    replay, table = Replay(1, 1, 20, CPU), EpisodeTable(3, CPU)
    table.append(episodes := episodes_of([0, 2], [5, 3]), replay.append(episodes))
    rows = table.sample(torch.tensor([0, 2]), 50, torch.Generator().manual_seed(0))
    batch = replay.transitions(rows)
    torch.testing.assert_close(batch.next_observations, batch.observations + 1)
    torch.testing.assert_close(batch.rewards, batch.observations)
    last = torch.tensor([4.0, 1002.0])[:, None, None]
    assert torch.equal(batch.terminated.bool(), batch.observations == last)  # both lengths are odd


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), min_size=1, max_size=25), st.integers(0, 2**31))
@settings(max_examples=60)
def test_samples_are_transitions_of_the_task_and_of_every_one_of_them(
    given_episodes: list[tuple[int, int]], seed: int
) -> None:
    replay, table = Replay(1, 1, 4, CPU), EpisodeTable(4, CPU)
    expected: dict[int, set[float]] = {task: set() for task in range(4)}
    for number, (task, length) in enumerate(given_episodes):
        if length == 0:
            continue
        start = 100.0 * number
        table.append(one := episodes_of([task], [length], start), replay.append(one))
        expected[task] |= {start + t for t in range(length)}
    tasks = [task for task in expected if expected[task]]
    if tasks:
        rows = table.sample(torch.tensor(tasks), 600, torch.Generator().manual_seed(seed))
        observations = replay.transitions(rows).observations[..., 0]
        for task, seen in zip(tasks, observations.tolist(), strict=True):
            assert set(seen) == expected[task]


def test_sampling_is_uniform_over_transitions_of_episodes_of_any_length() -> None:
    replay, table = Replay(1, 1, 100, CPU), EpisodeTable(1, CPU)
    for start, length in ((0.0, 1), (100.0, 9), (200.0, 30)):
        table.append(one := episodes_of([0], [length], start), replay.append(one))
    rows = table.sample(torch.tensor([0]), 40_000, torch.Generator().manual_seed(0))
    _, counts = torch.unique(rows, return_counts=True)
    assert len(counts) == 40
    assert (counts.double() / 1000 - 1).abs().max() < 5 / np.sqrt(1000)  # five standard errors


def test_a_cleared_task_forgets_only_its_own_episodes() -> None:
    replay, table = Replay(1, 1, 100, CPU), EpisodeTable(2, CPU)
    table.append(both := episodes_of([0, 1], [4, 4]), replay.append(both))
    table.clear(0)
    table.append(one := episodes_of([0], [2], 500.0), replay.append(one))
    seen = replay.transitions(table.sample(torch.tensor([0, 1]), 100, torch.Generator().manual_seed(0))).observations
    assert set(seen[0].flatten().tolist()) == {500.0, 501.0}
    assert set(seen[1].flatten().tolist()) == {1000.0, 1001.0, 1002.0, 1003.0}


def test_context_rows_are_observation_action_scaled_reward_and_next_observation() -> None:
    replay, table = Replay(1, 1, 10, CPU), EpisodeTable(1, CPU)
    table.append(one := episodes_of([0], [3], 7.0), replay.append(one))
    rows = torch.tensor([[1]])
    context = replay.context(rows, reward_scale=2.0, next_observations=True)
    assert context.tolist() == [[[8.0, 0.5, 16.0, 9.0]]]
    assert replay.context(rows, reward_scale=1.0, next_observations=False).tolist() == [[[8.0, 0.5, 8.0]]]


def test_state_restores_samples() -> None:
    replay, table = Replay(1, 1, 100, CPU), EpisodeTable(2, CPU)
    table.append(both := episodes_of([0, 1], [4, 6]), replay.append(both))
    copy, copied = Replay(1, 1, 2, CPU), EpisodeTable(2, CPU)
    copy.load_state(replay.state())
    copied.load_state(table.state())
    table.append(more := episodes_of([1], [3], 50.0), replay.append(more))
    copied.append(more, copy.append(more))
    rows = [t.sample(torch.tensor([0, 1]), 30, torch.Generator().manual_seed(1)) for t in (table, copied)]
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(replay.rows[: replay.used], copy.rows[: copy.used])


def test_a_table_of_as_many_episodes_of_each_task_is_the_one_that_is_built_up() -> None:
    replay, built = Replay(1, 1, 100, CPU), EpisodeTable(2, CPU)
    starts = []
    for lengths in ([4, 6], [1, 3], [5, 2]):
        starts.append(replay.append(both := episodes_of([0, 1], lengths)))
        built.append(both, starts[-1])
    table = EpisodeTable.of(torch.tensor(starts).T, torch.tensor([[4, 1, 5], [6, 3, 2]]))
    assert torch.equal(table.counts, built.counts)
    for name in ("starts", "lengths", "ends"):
        assert torch.equal(getattr(table, name), getattr(built, name)[:, :3]), name
    last = replay.append(more := episodes_of([1], [3], 50.0))
    rows = []
    for one in (built, table):
        one.append(more, last)
        rows.append(one.sample(torch.tensor([0, 1]), 30, torch.Generator().manual_seed(1)))
    assert torch.equal(rows[0], rows[1])
