"""The study of MAML's first iterations takes those that a run takes."""

from __future__ import annotations

import numpy as np
import torch

from studies.drift import iterations
from suite.plan.benchmark import load_benchmark
from suite.training.trainer import Trainer


def test_the_study_trains_as_a_run_does_and_untrained_networks_lean_nowhere() -> None:
    spec = next(spec for spec in load_benchmark("maml").plan() if spec.label == "maml")
    spec = spec.model_copy(update={"settings": {**spec.settings, "meta_batch": 3, "batch_steps": 200}})
    trainer = Trainer.of(spec, torch.device("cpu"))
    found = list(iterations(spec, 2))
    for before, after, _, _ in found:
        trainer.iterate()
        assert (before, after) == (
            trainer.metrics["return_before_adaptation"],
            trainer.metrics["return_after_adaptation"],
        )
    np.testing.assert_array_equal(found[0][2], [0.0, 0.0])  # no biases yet, and the start is the origin
    assert np.abs(found[0][3]).min() > 0.0
