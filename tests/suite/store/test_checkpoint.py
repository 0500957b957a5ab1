"""Checkpoints: what goes in comes out, costs do not grow, damage falls back, and resumed runs equal whole ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algorithms import ALGORITHMS, State
from algorithms.interface import AppendOnly
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.checkpoint import Checkpoints, join, split
from suite.training.trainer import Trainer

TOY = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}


def rows(count: int) -> AppendOnly:
    return torch.arange(3.0 * count).reshape(count, 3).as_subclass(AppendOnly)


def state_of(count: int) -> State:
    generator = np.random.default_rng(count)
    return {
        "replay": {"rows": rows(count)},
        "weights": {"w": torch.full((4,), float(count)), "empty": {}},
        "random": dict(generator.bit_generator.state),
        "number": 0.1 + 0.2,
        "nothing": None,
        "list": [1, {"a": math.inf}],
    }


def assert_same(one: Any, other: Any, path: str = "") -> None:
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, path
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}/{key}")
    else:
        assert one == other, path


def test_what_is_saved_is_loaded_by_another_process(tmp_path: Path) -> None:
    for count in (0, 3, 3, 10):
        saver = Checkpoints(tmp_path)
        saver.load()
        saver.save(state_of(count))
        loaded = Checkpoints(tmp_path).load()
        assert loaded is not None
        assert_same(state_of(count), loaded)
        assert isinstance(loaded["replay"]["rows"], AppendOnly)


def test_a_generator_goes_on_from_its_saved_state(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    generator.random(3)
    Checkpoints(tmp_path).save({"random": dict(generator.bit_generator.state)})
    loaded = Checkpoints(tmp_path).load()
    assert loaded is not None
    other = np.random.default_rng(0)
    other.bit_generator.state = loaded["random"]
    np.testing.assert_array_equal(generator.random(5), other.random(5))


def test_only_new_rows_are_written(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state_of(100_000))
    before = {path.name for path in tmp_path.iterdir()}
    checkpoints.save(state_of(100_010))
    written = sum(path.stat().st_size for path in tmp_path.iterdir() if path.name not in before)
    assert written < 4096
    resumed = Checkpoints(tmp_path)
    resumed.load()
    before = {path.name for path in tmp_path.iterdir()}
    resumed.save(state_of(100_020))
    assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.name not in before) < 4096
    loaded = Checkpoints(tmp_path).load()
    assert loaded is not None
    assert torch.equal(loaded["replay"]["rows"], rows(100_020))


def test_two_generations_are_kept_and_nothing_else(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for count in (5, 6, 6, 7):
        checkpoints.save(state_of(count))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000001.rows.safetensors",
        "000002.rows.safetensors",
        "000003.json",
        "000003.safetensors",
        "000004.json",
        "000004.rows.safetensors",
        "000004.safetensors",
    ]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("name", ["000002.json", "000002.safetensors", "000002.rows.safetensors"])
def test_a_damaged_newest_generation_falls_back(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    saver = Checkpoints(tmp_path)
    saver.save(state_of(5))
    saver.save(state_of(9))
    damage(tmp_path / name)
    warnings: list[str] = []
    resumed = Checkpoints(tmp_path)
    loaded = resumed.load(warnings.append)
    assert loaded is not None
    assert_same(state_of(5), loaded)
    if (tmp_path / "000002.json").exists():
        assert "000002" in warnings[0]
    resumed.save(state_of(7))
    resumed.save(state_of(8))
    again = Checkpoints(tmp_path).load(warnings.append)
    assert again is not None
    assert_same(state_of(8), again)
    assert not (tmp_path / "000002.json").exists()


def test_no_valid_generation_is_no_state(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").load() is None
    Checkpoints(tmp_path).save(state_of(5))
    truncate(tmp_path / "000001.json")
    assert Checkpoints(tmp_path).load() is None


def test_nothing_is_written_by_a_process_that_may_not(tmp_path: Path) -> None:
    def refuse() -> None:
        raise PermissionError("not the owner")

    with pytest.raises(PermissionError, match="not the owner"):
        Checkpoints(tmp_path, refuse).save(state_of(5))
    assert list(tmp_path.iterdir()) == []


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STATES = st.recursive(
    st.dictionaries(st.text(min_size=1).filter(lambda key: "/" not in key), LEAF),
    lambda inner: st.dictionaries(st.text(min_size=1).filter(lambda key: "/" not in key), LEAF | inner),
)


@given(STATES)
def test_split_and_join_are_inverse(state: State) -> None:
    values, tensors = split({"deep": state, "t": {"x": torch.zeros(2)}})
    assert list(tensors) == ["t/x"]
    assert_same({"deep": state, "t": {"x": torch.zeros(2)}}, join(values, tensors))


def test_a_key_that_could_be_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="without a slash"):
        split({"a/b": 1})


class Stopped(Exception):
    pass


def outcome(trainer: Trainer) -> tuple[pd.DataFrame, pd.DataFrame, State]:
    timeless = [{key: v for key, v in row.items() if not key.startswith("seconds")} for row in trainer.training]
    return pd.concat(trainer.evaluations, ignore_index=True), pd.DataFrame(timeless), trainer.algorithm.state()


@pytest.mark.parametrize("spec", [TOY[name] for name in sorted(ALGORITHMS)], ids=sorted(ALGORITHMS))
def test_a_run_stopped_at_every_point_equals_one_never_stopped(spec: RunSpec, tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    whole = Trainer.of(spec, cpu)
    whole.run()

    def resume(stop_after: int) -> Trainer | None:
        """Go on from the newest checkpoint; None if stopped again."""
        trainer, checkpoints, left = Trainer.of(spec, cpu), Checkpoints(tmp_path), stop_after

        def between() -> None:
            nonlocal left
            checkpoints.save(trainer.state())
            left -= 1
            if left == 0:
                raise Stopped

        if (state := checkpoints.load()) is not None:
            trainer.load_state(state)
        try:
            trainer.run(between)
        except Stopped:
            return None
        return trainer

    stops = 0
    while (trainer := resume(stop_after=1 + stops % 2)) is None:
        stops += 1
    assert stops >= 2
    for one, other in zip(outcome(whole)[:2], outcome(trainer)[:2], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert_same(outcome(whole)[2], outcome(trainer)[2])
