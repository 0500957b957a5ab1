from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.context import ContextEncoder
from algorithms.gaussian import DiagonalNormal
from algorithms.gru import GRU
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable, Replay
from algorithms.tcl import TrajectoryContrast, Windows, contrast, last_state, sample_windows, similarity
from algorithms.tcl_settings import TCLSettings
from tests.algorithms.references import CPU, contrastive_gradient, contrastive_loss, episodes_of


def gaussian(means: torch.Tensor, std: torch.Tensor) -> DiagonalNormal:
    return DiagonalNormal(means, std.log())


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_loss_and_gradient_agree_with_an_independent_computation(temperature: float) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(6, 3)), rng.uniform(0.1, 1, (6, 3)), rng.normal(size=(6, 3)), rng.uniform(0.1, 1, (6, 3))]
    tensors = [torch.from_numpy(part).requires_grad_(index < 2) for index, part in enumerate(parts)]
    loss, _ = contrast(
        gaussian(tensors[0], tensors[1]),
        gaussian(tensors[2], tensors[3]),
        torch.ones(6, dtype=torch.bool),
        temperature,
    )
    assert abs(loss.item() - contrastive_loss(*parts, temperature)) < 1e-10
    for got, expected in zip(
        torch.autograd.grad(loss, tensors[:2]), contrastive_gradient(*parts, temperature), strict=True
    ):
        np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=1e-10)


def test_the_encoders_gradient_agrees_with_finite_differences_of_the_whole_chain(
    float64: None, generator: torch.Generator
) -> None:
    """Rows -> factors -> Eq. 5's product -> Eq. 8, through a network, against numpy and central differences."""
    encoder = ContextEncoder(3, [5], 2, generator)
    flat = FlatParameters(encoder)
    rng = np.random.default_rng(1)
    queries, keys = rng.normal(size=(4, 6, 3)), rng.normal(size=(4, 6, 3))
    with torch.no_grad():
        key = encoder(torch.from_numpy(keys))
    loss, _ = contrast(encoder(torch.from_numpy(queries)), key, torch.ones(4, dtype=torch.bool), 1.0)
    got = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, flat.parameters)]).numpy()

    shapes = [tuple(parameter.shape) for parameter in encoder.parameters()]

    def chain(vector: np.ndarray) -> float:
        pieces, offset = [], 0
        for shape in shapes:
            pieces.append(vector[offset : offset + math.prod(shape)].reshape(shape))
            offset += math.prod(shape)
        w0, w1, b0, b1 = pieces
        out = np.maximum(queries @ w0 + b0, 0.0) @ w1 + b1
        mean, variance = out[..., :2], np.log1p(np.exp(out[..., 2:]))
        precision = 1.0 / variance
        product_variance = 1.0 / precision.sum(axis=1)
        product_mean = product_variance * (mean * precision).sum(axis=1)
        return contrastive_loss(product_mean, np.sqrt(product_variance), key.means.numpy(), key.std.numpy(), 1.0)

    vector = flat.vector.numpy().copy()
    assert abs(loss.item() - chain(vector)) < 1e-10
    step = 1e-5
    for index in range(len(vector)):
        forward, backward = vector.copy(), vector.copy()
        forward[index] += step
        backward[index] -= step
        # Fourth-order central differences: their truncation error is below 1e-10 here, rounding about 1e-11.
        forward2, backward2 = 2 * forward - vector, 2 * backward - vector
        slope = (8 * (chain(forward) - chain(backward)) - (chain(forward2) - chain(backward2))) / (12 * step)
        assert abs(got[index] - slope) < 1e-9


def test_left_out_pairs_count_neither_as_query_nor_as_key() -> None:
    rng = np.random.default_rng(0)
    parts = [torch.from_numpy(rng.uniform(0.1, 2.0, (5, 2))).requires_grad_(index == 0) for index in range(4)]
    valid = torch.tensor([True, True, False, True, False])
    some = contrast(gaussian(parts[0], parts[1]), gaussian(parts[2], parts[3]), valid, 1.0)
    kept = [part[valid] for part in parts]
    every = contrast(gaussian(kept[0], kept[1]), gaussian(kept[2], kept[3]), torch.ones(3, dtype=torch.bool), 1.0)
    torch.testing.assert_close(some.loss, every.loss)
    torch.testing.assert_close(some.accuracy, every.accuracy)
    (gradient,) = torch.autograd.grad(some.loss, parts[0])
    assert gradient.isfinite().all()
    assert not gradient[~valid].any()


def test_accuracy_is_the_share_of_queries_nearest_to_their_own_key() -> None:
    keys = gaussian(torch.tensor([[0.0], [1.0], [2.0]]), torch.ones(3, 1))
    queries = gaussian(torch.tensor([[0.1], [1.1], [0.2]]), torch.ones(3, 1))
    assert contrast(queries, keys, torch.ones(3, dtype=torch.bool), 1.0).accuracy.item() == pytest.approx(2 / 3)


@given(
    st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=5), min_size=1, max_size=4),
    st.integers(1, 8),
    st.integers(0, 2**31),
)
@settings(max_examples=80)
def test_windows_stay_in_one_trajectory_and_no_trajectory_comes_twice(
    lengths: list[list[int]], size: int, seed: int
) -> None:
    replay, table = Replay(1, 1, 10, CPU), EpisodeTable(len(lengths), CPU)
    owner: dict[int, tuple[int, int, int]] = {}  # row -> (task, first row, length)
    for task, task_lengths in enumerate(lengths):
        for length in task_lengths:
            table.append(one := episodes_of([task], [length]), starts := replay.append(one))
            owner.update({starts[0] + t: (task, starts[0], length) for t in range(length)})
    generator = torch.Generator().manual_seed(seed)
    tasks = torch.randint(len(lengths), (7,), generator=generator)
    windows = sample_windows(table, tasks, size, generator)

    taken = []
    for index, task in enumerate(tasks.tolist()):
        trajectories = set()
        for rows in (windows.queries[index].tolist(), windows.keys[index].tolist()):
            assert all(owner[row][0] == task for row in rows)
            trajectories |= {owner[row][1:] for row in rows}
            (start, length) = owner[rows[0]][1:]
            mask = int(windows.mask[index].sum())
            assert mask == max((w for w in range(1, size + 1) if length - w >= w / 4), default=1)
            assert rows == [min(row, rows[0] + mask - 1) for row in range(rows[0], rows[0] + size)]
            assert start <= rows[0] <= start + length - mask
            if length - size >= max(size / 4, 2):
                assert mask == size
                assert rows[0] < start + length - size
            elif length > 1:
                assert windows.queries[index, 0] != windows.keys[index, 0]
        assert len(trajectories) == 1
        if windows.valid[index]:
            taken.append(trajectories.pop())
    assert len(set(taken)) == len(taken)
    # A pair is left out only where its task has no further trajectory.
    for task in set(tasks.tolist()):
        positions = tasks == task
        assert int(windows.valid[positions].sum()) == min(int(positions.sum()), len(lengths[task]))


def test_starts_are_uniform_and_differ_between_query_and_key() -> None:
    replay, table = Replay(1, 1, 300, CPU), EpisodeTable(1, CPU)
    table.append(one := episodes_of([0], [20]), replay.append(one))
    generator = torch.Generator().manual_seed(0)
    starts = torch.stack(
        [
            torch.stack([windows.queries[0, 0], windows.keys[0, 0]])
            for windows in (sample_windows(table, torch.tensor([0]), 15, generator) for _ in range(5000))
        ]
    )
    for column in starts.T:
        values, counts = torch.unique(column, return_counts=True)
        assert values.tolist() == [0, 1, 2, 3, 4]  # [0, T - W)
        assert (counts.double() / 1000 - 1).abs().max() < 5 / np.sqrt(1000)
    assert abs(np.corrcoef(starts.numpy().T)[0, 1]) < 0.07


@pytest.mark.parametrize("size", [64, 128])  # Table 4
@pytest.mark.parametrize("length", [160, 200])
def test_long_episodes_keep_the_printed_window_and_starts_to_the_bit(size: int, length: int) -> None:
    """W transitions from floor(u (T - W)), the generator's numbers used as they always were."""
    replay, table = Replay(1, 1, 300, CPU), EpisodeTable(3, CPU)
    for task in (0, 1, 2, 1, 0):
        table.append(one := episodes_of([task], [length]), replay.append(one))
    tasks = torch.tensor([2, 0, 1, 1])
    generator, again = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    windows = sample_windows(table, tasks, size, generator)
    order = torch.rand(table.starts.shape, generator=again)
    uniform = torch.rand(2, 4, 1, dtype=torch.float64, generator=again)
    taken: dict[int, int] = {}
    for index, task in enumerate(tasks.tolist()):
        ranked = order[task, : table.counts[task]].argsort()
        first = table.starts[task, ranked[taken.get(task, 0)]]
        taken[task] = taken.get(task, 0) + 1
        for rows, u in zip((windows.queries, windows.keys), uniform[:, index, 0].tolist(), strict=True):
            start = int(first) + math.floor(u * (length - size))
            assert rows[index].tolist() == list(range(start, start + size))
    assert windows.mask.all()


@pytest.mark.parametrize(("length", "size"), [(19, 128), (9, 64), (80, 64), (79, 64), (130, 128), (2, 64), (5, 4)])
def test_query_and_key_of_a_short_episode_are_different_windows(length: int, size: int) -> None:
    replay, table = Replay(1, 1, 300, CPU), EpisodeTable(1, CPU)
    for _ in range(16):
        table.append(one := episodes_of([0], [length]), replay.append(one))
    generator = torch.Generator().manual_seed(0)
    identical, starts = 0.0, set()
    for _ in range(50):
        windows = sample_windows(table, torch.zeros(16, dtype=torch.int64), size, generator)
        shares = windows.shares()
        same = [q == k for q, k in zip(windows.queries.tolist(), windows.keys.tolist(), strict=True)]
        common = [bool({*q} & {*k}) for q, k in zip(windows.queries.tolist(), windows.keys.tolist(), strict=True)]
        assert shares["identical_pairs"].item() == pytest.approx(np.mean(same))
        assert shares["overlapping_pairs"].item() == pytest.approx(np.mean(common))
        identical += np.mean(same) / 50
        starts |= set((torch.cat([windows.queries, windows.keys])[:, 0] % (length + 1)).tolist())
    if length - size >= max(size / 4, 2):
        assert identical == pytest.approx(1 / (length - size), rel=0.3)  # chance alone
        assert starts == set(range(length - size))
    else:
        assert identical == 0.0
        assert starts == set(range(length - int(windows.mask[0].sum()) + 1))


def test_shares_count_valid_pairs_alone() -> None:
    queries = torch.tensor([[0, 1, 2], [10, 11, 12], [20, 21, 22], [30, 31, 32]])
    keys = torch.tensor([[0, 1, 2], [12, 13, 14], [25, 26, 27], [30, 31, 32]])
    windows = Windows(queries, keys, torch.ones(4, 3), torch.tensor([True, True, True, False]))
    shares = {name: share.item() for name, share in windows.shares().items()}
    assert shares == {"identical_pairs": pytest.approx(1 / 3), "overlapping_pairs": pytest.approx(2 / 3)}


def test_random_rows_come_from_the_whole_of_one_trajectory() -> None:
    replay, table = Replay(1, 1, 300, CPU), EpisodeTable(1, CPU)
    for _ in range(2):
        table.append(one := episodes_of([0], [10]), replay.append(one))
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(200):
        windows = sample_windows(table, torch.tensor([0]), 4, generator, "rows")
        rows = torch.cat([windows.queries[0], windows.keys[0]])
        assert all(torch.equal(some, some.sort().values) for some in (windows.queries[0], windows.keys[0]))
        assert len(torch.unique(rows // 11)) == 1  # an episode of ten steps takes eleven rows
        seen |= set(rows.tolist())
    assert seen == {*range(10), *range(11, 21)}


@pytest.mark.parametrize("printed", [False, True])
def test_the_key_encoder_follows_the_query_encoder_without_a_gradient(
    printed: bool, generator: torch.Generator
) -> None:
    encoder = ContextEncoder(3, [4], 2, generator)
    phi_q = FlatParameters(encoder)
    settings = TCLSettings(momentum=0.005, momentum_as_printed=printed)
    tcl = TrajectoryContrast(settings, encoder, phi_q, generator)
    before = tcl.key_parameters.vector.clone()
    phi_q.vector.add_(1.0)
    tcl.update()
    torch.testing.assert_close(tcl.key_parameters.vector, before + (0.995 if printed else 0.005))
    assert not tcl.key_encoder(torch.randn(2, 3, 3)).means.requires_grad


def test_a_recurrent_encoder_reads_a_window_in_order_from_a_zero_state(generator: torch.Generator) -> None:
    """Also where the window was shortened: padding is not read."""
    encoder = GRU(2, 3, generator)
    rows, mask = torch.randn(3, 5, 2), torch.ones(3, 5)
    mask[1, 2:] = 0.0
    features = last_state(encoder(rows), mask)
    for window, length in enumerate((5, 2, 5)):
        hidden = torch.zeros(1, 3)
        for row in rows[window, :length]:
            hidden = encoder(row[None, None], hidden)[:, -1]
        torch.testing.assert_close(features.means[window], hidden[0])
    assert not features.std.any()


def test_where_deviations_are_zero_similarity_is_the_squared_distance_of_features() -> None:
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    q, k = (last_state(torch.from_numpy(some)[:, None], torch.ones(4, 1)) for some in (queries, keys))
    expected = -((queries[:, None] - keys[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(similarity(q, k).numpy(), expected)
    nothing = np.zeros((4, 3))
    loss = contrast(q, k, torch.ones(4, dtype=torch.bool), 0.7).loss.item()
    assert loss == pytest.approx(contrastive_loss(queries, nothing, keys, nothing, 0.7), abs=1e-12)
