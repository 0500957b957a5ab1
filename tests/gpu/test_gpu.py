"""On an accelerator: `tox -e gpu`. Nothing of this has ever been run on one; on the CPU it is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from algorithms import ALGORITHMS
from suite.training.trainer import Trainer
from tests.golden.numbers import TOY
from tests.suite.tiny import TINY

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator is seen"),
]

CPU, GPU = torch.device("cpu"), torch.device("cuda")
OFF_POLICY = ["blind-sac", "mql", "oracle-sac", "pearl", "tcl-mql", "tcl-pearl"]


class DrawnOnTheHost(TorchFunctionMode):
    """Takes random numbers from a generator of the CPU, wherever they are needed."""

    def __torch_function__(
        self, function: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if function in (torch.rand, torch.randn, torch.randint, torch.randperm) and "generator" in options:
            device = options.pop("device", CPU)
            return function(*args, **options).to(device)
        return function(*args, **options)


def vectors(trainer: Trainer) -> dict[str, torch.Tensor]:
    state = trainer.algorithm.state()
    return {name: part["vector"].cpu() for name, part in state.items() if isinstance(part, dict) and "vector" in part}


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_every_algorithm_runs(name: str) -> None:
    trainer = Trainer.of(TOY[name], GPU)
    trainer.run()
    assert trainer.train.steps <= TOY[name].budget
    assert all(vector.isfinite().all() for vector in vectors(trainer).values())


@pytest.mark.parametrize("name", OFF_POLICY)
def test_an_update_is_the_cpus(name: str) -> None:
    """From the same parameters, replay and draws, to 1e-4."""
    trainers = {device: Trainer.of(TOY[name], device) for device in (CPU, GPU)}
    trainers[CPU].iterate()
    trainers[GPU].algorithm.generator = torch.Generator()
    trainers[GPU].algorithm.load_state(trainers[CPU].algorithm.state())
    before = vectors(trainers[CPU])
    for trainer in trainers.values():
        with DrawnOnTheHost():
            trainer.algorithm.update()  # type: ignore[attr-defined]
    on_cpu, on_gpu = vectors(trainers[CPU]), vectors(trainers[GPU])
    assert any(not torch.equal(before[part], on_cpu[part]) for part in before)
    torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-4, atol=1e-4)


@pytest.fixture
def deterministic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True)
    yield
    torch.use_deterministic_algorithms(mode=False)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_a_resumed_run_is_bit_equal(name: str, deterministic: None) -> None:
    whole, first, second = (Trainer.of(TOY[name], GPU) for _ in range(3))
    whole.iterate()
    whole.iterate()
    first.evaluate()
    first.iterate()
    second.load_state(first.state())
    second.iterate()
    torch.testing.assert_close(vectors(second), vectors(whole), rtol=0.0, atol=0.0)


def test_two_runs_share_an_accelerator(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
    command = [sys.executable, "-m", "suite", "run", "tiny.yaml", "--workers", "2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "results" / "runs").iterdir())) == 2


@pytest.mark.docker
@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker")
def test_a_container_sees_it() -> None:
    command = "import torch; print(torch.cuda.get_device_name(0))"
    words = [
        "docker",
        "run",
        "--rm",
        "--gpus",
        "all",
        "--entrypoint",
        "python",
        os.environ["SUITE_IMAGE"],
        "-c",
        command,
    ]
    seen = subprocess.run(words, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == torch.cuda.get_device_name(0)
