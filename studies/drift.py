"""The walk of MAML's policy away from the goals before it adapts, iteration by iteration.

python -m studies.drift [SEED ...]    (2 and 3: about two minutes on one core)

The first iterations of the entry `maml`, as `suite run maml` takes them. Printed are the mean returns before and
after adaptation, the mean action at the start before it, and that action's mean over the tasks after it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

from algorithms.maml_trpo import MAMLTRPO
from environments import FloatArray
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.training.protocol import TaskView
from suite.training.trainer import Trainer

SEEDS = [2, 3]
ITERATIONS = 7


def iterations(spec: RunSpec, count: int) -> Iterator[tuple[float, float, FloatArray, FloatArray]]:
    """Train, and yield of each iteration both returns and both actions (action_size,)."""
    trainer = Trainer.of(spec, torch.device("cpu"))
    algorithm, tasks = trainer.algorithm, TaskView(trainer.train, spec.budget)
    assert isinstance(algorithm, MAMLTRPO)
    start = torch.zeros(1, algorithm.problem.observation_size)
    settings = algorithm.settings
    for _ in range(count):
        theta = algorithm.policy_parameters.vector.clone()
        chosen = algorithm.exploration.integers(algorithm.problem.train_tasks, size=settings.meta_batch)
        sampled = algorithm.sample(tasks, chosen)
        adapted = algorithm.adapted(theta.expand(len(chosen), -1), sampled.inner[0], settings.inner_rate)
        with torch.no_grad():
            before = algorithm.distribution(theta, start).means[0]
            after = torch.stack([algorithm.distribution(each, start).means[0] for each in adapted]).mean(dim=0)
        yield float(sampled.before.mean()), float(sampled.after.mean()), before.numpy(), after.numpy()
        algorithm.outer_step(sampled.inner, sampled.outer)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int, default=SEEDS)
    print("| seed | iteration | return before | after | action before | mean after |")
    print("|---|---|---|---|---|---|")
    specs = {spec.seed: spec for spec in load_benchmark("maml").plan() if spec.label == "maml"}
    for seed in parser.parse_args().seeds:
        for number, (before, after, action, adapted) in enumerate(iterations(specs[seed], ITERATIONS), start=1):
            actions = " | ".join(
                ", ".join(f"{round(float(x), 2) + 0.0:.2f}" for x in each) for each in (action, adapted)
            )
            print(f"| {seed} | {number} | {before:.1f} | {after:.1f} | {actions} |", flush=True)


if __name__ == "__main__":
    main()
