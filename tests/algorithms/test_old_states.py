"""States saved before parts were named after their networks still load: `old_states/` was made then, and stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from algorithms import Algorithm
from suite.spec import RunSpec
from suite.store.checkpoint import Checkpoints, join
from suite.training.trainer import Trainer

FOLDERS = sorted(folder for folder in (Path(__file__).parent / "old_states").iterdir() if folder.is_dir())

PEARL = {
    "phi": "encoder",
    "theta_q": "critics",
    "psi": "value",
    "psi_target": "target_value",
    "theta_pi": "policy",
}
SAC = {"theta": "critics", "theta_target": "target_critics", "phi": "policy", "log_alpha": "log_temperature"}
RENAMED = {
    "pearl": PEARL,
    "oracle-sac": SAC,
    "blind-sac": SAC,
    "maml-trpo": {"theta": "policy"},
    "rl2-ppo": {"theta": "policy", "psi": "value"},
    "mql": {"theta": "actor", "theta_target": "target_actor", "psi": "critics", "psi_target": "target_critics"},
}


def trainer_of(folder: Path) -> Trainer:
    return Trainer.of(RunSpec.model_validate_json((folder / "run.json").read_text()), torch.device("cpu"))


def assert_holds(algorithm: Algorithm, old: dict[str, Any]) -> None:
    state = algorithm.state()
    assert len(state) == len(old)
    for name, saved in old.items():
        now = name if name in state else RENAMED[algorithm.name][name]
        assert_same(f"{name}, now {now}", state[now], saved)


def assert_same(name: str, one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            assert_same(f"{name}/{key}", one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one.as_subclass(torch.Tensor), other.as_subclass(torch.Tensor)), name
    else:
        assert one == other, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_parameters_of_a_finished_run_load(folder: Path) -> None:
    trainer = trainer_of(folder)
    tensors = load_file(folder / "state.safetensors")
    saved = join(json.loads((folder / "state.json").read_text()), tensors)
    trainer.algorithm.load_state(saved)
    assert_holds(trainer.algorithm, saved)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_checkpoint_loads_and_the_run_goes_on(folder: Path) -> None:
    trainer = trainer_of(folder)
    saved = Checkpoints(folder / "checkpoint").load()
    assert saved is not None
    trainer.load_state(saved["trainer"])
    assert_holds(trainer.algorithm, saved["trainer"]["algorithm"])
    assert trainer.iterations == 1
    trainer.run()
    assert trainer.iterations > 1
    assert trainer.train.steps <= trainer.spec.budget
