"""A few numbers that stand for all that an algorithm or a family gives: run it to write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from algorithms import ALGORITHMS
from environments import family_names, family_spec, make_family
from suite.plan.benchmark import load_benchmark
from suite.store.checkpoint import split
from suite.training.trainer import Trainer

TABLE = Path(__file__).parent / "numbers.json"

TOY = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}

Entry = dict[str, Any]


def algorithm_entry(name: str) -> Entry:
    """Run an algorithm briefly: mean returns of its evaluations, and the size of what it has learnt."""
    torch.set_num_threads(1)
    trainer = Trainer.of(TOY[name], torch.device("cpu"))
    trainer.run()
    _, tensors = split(trainer.algorithm.state())
    sizes = {path: tensor.double().abs().mean().item() for path, tensor in tensors.items()}
    learnt = [size for path, size in sizes.items() if path.endswith("/vector")] or [*sizes.values()]
    returns = [float(table["return"].mean()) for table in trainer.evaluations]
    return {"revision": ALGORITHMS[name].revision, "numbers": [*returns, float(np.mean(learnt))]}


def family_entry(name: str) -> Entry:
    """Step two tasks of a family a few times: sums of what is seen and given."""
    family = make_family(name)
    tasks = family.sample_tasks(0).train[:2]
    simulation = family.simulation(2)
    generators = [np.random.default_rng(copy) for copy in range(2)]
    total = np.abs(simulation.reset(np.arange(2), tasks, generators)).sum()
    numbers = [float(tasks.sum()), float(total)]
    actions = np.random.default_rng(2).uniform(-1, 1, (5, 2, family.spec.action_size))
    for action in actions:
        step = simulation.step(action, np.ones(2, dtype=np.bool_))
        numbers += [float(np.abs(step.observations).sum()), float(step.rewards.sum())]
    simulation.close()
    return {"revision": family_spec(name).revision, "numbers": numbers}


def main() -> None:
    """Write the table; run after raising the revision of what has changed."""
    table = {
        "algorithms": {name: algorithm_entry(name) for name in sorted(ALGORITHMS)},
        "families": {name: family_entry(name) for name in sorted(family_names())},
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
