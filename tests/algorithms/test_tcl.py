from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.context import ContextEncoder, Gaussian
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable, Replay
from algorithms.tcl import KeyEncoder, contrast, sample_windows
from tests.algorithms.references import CPU, episodes_of


def reference_loss(
    query_mean: np.ndarray, query_dev: np.ndarray, key_mean: np.ndarray, key_dev: np.ndarray, temperature: float
) -> float:
    """Eq. 7 and 8 of the paper, written with loops and nothing shared with the code under test."""
    n = len(query_mean)
    total = 0.0
    for i in range(n):
        similarities = []
        for j in range(n):
            squared = 0.0
            for d in range(query_mean.shape[1]):
                squared += (query_mean[i, d] - key_mean[j, d]) ** 2 + (query_dev[i, d] - key_dev[j, d]) ** 2
            similarities.append(-squared / temperature)
        total += math.log(math.exp(similarities[i]) / sum(math.exp(s) for s in similarities))
    return -total / n


def reference_gradient(
    query_mean: np.ndarray, query_dev: np.ndarray, key_mean: np.ndarray, key_dev: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same loss differentiated by hand: d/dq_i = (2/(N tau)) [ (q_i - k_i) - sum_j p_ij (q_i - k_j) ]."""
    n = len(query_mean)
    gradients = []
    distances = ((query_mean[:, None] - key_mean) ** 2).sum(-1) + ((query_dev[:, None] - key_dev) ** 2).sum(-1)
    p = np.exp(-distances / temperature)
    p /= p.sum(axis=1, keepdims=True)
    for query, key in ((query_mean, key_mean), (query_dev, key_dev)):
        away = np.einsum("ij,ijd->id", p, query[:, None] - key[None])
        gradients.append(2.0 / (n * temperature) * ((query - key) - away))
    return gradients[0], gradients[1]


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_loss_and_gradient_agree_with_an_independent_computation(temperature: float) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(6, 3)), rng.uniform(0.1, 1, (6, 3)), rng.normal(size=(6, 3)), rng.uniform(0.1, 1, (6, 3))]
    tensors = [torch.from_numpy(part).requires_grad_(index < 2) for index, part in enumerate(parts)]
    loss, _ = contrast(
        Gaussian(tensors[0], tensors[1]),
        Gaussian(tensors[2], tensors[3]),
        torch.ones(6, dtype=torch.bool),
        temperature,
    )
    assert abs(loss.item() - reference_loss(*parts, temperature)) < 1e-10
    for got, expected in zip(
        torch.autograd.grad(loss, tensors[:2]), reference_gradient(*parts, temperature), strict=True
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
        return reference_loss(product_mean, np.sqrt(product_variance), key.mean.numpy(), key.deviation.numpy(), 1.0)

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
    parts = [torch.from_numpy(rng.normal(size=(5, 2))).requires_grad_(index == 0) for index in range(4)]
    valid = torch.tensor([True, True, False, True, False])
    some = contrast(Gaussian(parts[0], parts[1]), Gaussian(parts[2], parts[3]), valid, 1.0)
    kept = [part[valid] for part in parts]
    every = contrast(Gaussian(kept[0], kept[1]), Gaussian(kept[2], kept[3]), torch.ones(3, dtype=torch.bool), 1.0)
    torch.testing.assert_close(some.loss, every.loss)
    torch.testing.assert_close(some.accuracy, every.accuracy)
    (gradient,) = torch.autograd.grad(some.loss, parts[0])
    assert gradient.isfinite().all()
    assert not gradient[~valid].any()


def test_accuracy_is_the_share_of_queries_nearest_to_their_own_key() -> None:
    keys = Gaussian(torch.tensor([[0.0], [1.0], [2.0]]), torch.ones(3, 1))
    queries = Gaussian(torch.tensor([[0.1], [1.1], [0.2]]), torch.ones(3, 1))
    assert contrast(queries, keys, torch.ones(3, dtype=torch.bool), 1.0).accuracy.item() == pytest.approx(2 / 3)


@given(
    st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=5), min_size=1, max_size=4),
    st.integers(1, 8),
    st.integers(0, 2**31),
)
@settings(max_examples=80, deadline=None)
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
            expected = min(size, max(1, length - 1))
            present = int(windows.present[index].sum())
            assert present == expected
            assert rows[:present] == list(range(rows[0], rows[0] + present))
            if length > size:
                assert start <= rows[0] < start + length - size
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


def test_random_rows_come_from_the_whole_of_one_trajectory() -> None:
    replay, table = Replay(1, 1, 300, CPU), EpisodeTable(1, CPU)
    for _ in range(2):
        table.append(one := episodes_of([0], [10]), replay.append(one))
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(200):
        windows = sample_windows(table, torch.tensor([0]), 4, generator, "rows")
        rows = torch.cat([windows.queries[0], windows.keys[0]])
        assert len(torch.unique(rows // 11)) == 1  # an episode of ten steps takes eleven rows
        seen |= set(rows.tolist())
    assert seen == {*range(10), *range(11, 21)}


def test_the_key_encoder_follows_the_query_encoder_without_a_gradient(generator: torch.Generator) -> None:
    encoder = ContextEncoder(3, [4], 2, generator)
    phi_q = FlatParameters(encoder)
    keys = KeyEncoder(encoder, phi_q, query_weight=0.005)
    before = keys.parameters.vector.clone()
    phi_q.vector.add_(1.0)
    keys.update()
    torch.testing.assert_close(keys.parameters.vector, before + 0.005)
    assert not keys.encoder(torch.randn(2, 3, 3)).mean.requires_grad
