"""The v1 reward of agents that learn nothing: no action, random actions, Meta-World's scripted experts.

python -m studies.baselines.ml1 [NAME ...]    (all fifty: about two minutes on one core)

Ten test tasks of seed 0, one episode of 200 steps each. Returns are undiscounted, in thousands; success is ever having
been in a solved state.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from metaworld.policies import ENV_POLICY_MAP

from environments import FloatArray, family_names, family_spec, make_family
from environments.ml1.lean import LeanSimulation

Act = Callable[[FloatArray, FloatArray], FloatArray]
"""From observations (copies, 39) and goals (copies, 3) to actions (copies, 4)."""


def expert(name: str, copies: int) -> Act:
    """Return Meta-World's scripted policy, which unlike an agent sees the goal."""
    policy: Any = ENV_POLICY_MAP[name.removesuffix("-v1") + "-v3"]
    policies = [policy() for _ in range(copies)]

    def act(observations: FloatArray, goals: FloatArray) -> FloatArray:
        seen = np.concatenate([observations[:, :36], goals], axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the experts warn of actions beyond 1
            return np.array([policy.get_action(row) for policy, row in zip(policies, seen, strict=True)])

    return act


def play(name: str, act: Act) -> tuple[FloatArray, float]:
    """Return the ten returns in thousands and the share of episodes that ever succeeded."""
    family = make_family(name)
    tasks = family.sample_tasks(0).test
    simulation = family.simulation(len(tasks))
    if not isinstance(simulation, LeanSimulation):
        raise TypeError(f"{name} has no goals to show to an expert")
    observations = simulation.reset(np.arange(len(tasks)), tasks, [np.random.default_rng(0)] * len(tasks))
    returns = np.zeros(len(tasks))
    solved = np.zeros(len(tasks), dtype=np.bool_)
    for _ in range(family.spec.horizon):
        goals = np.array([environment._target_pos for environment in simulation.environments])
        step = simulation.step(act(observations, goals), np.ones(len(tasks), dtype=np.bool_))
        observations = step.observations
        returns += step.rewards
        solved |= step.success
    return returns / 1e3, float(solved.mean())


def main() -> None:
    """Print a Markdown table."""
    ml1 = [name for name in family_names() if family_spec(name).kind == "ml1"]
    parser = argparse.ArgumentParser(description="Returns and success of trivial agents on ML1 under the v1 reward.")
    parser.add_argument("names", nargs="*", default=ml1, metavar="NAME", help="ML1 families (default: all fifty)")
    names = parser.parse_args().names
    print("| family | no action, k | success | random, k | success | expert, k mean [min, max] | success |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        generator = np.random.default_rng(0)
        copies = family_spec(name).test_tasks
        still, still_solved = play(name, lambda observations, goals: np.zeros((len(goals), 4)))
        random, random_solved = play(name, lambda observations, goals: generator.uniform(-1.0, 1.0, (len(goals), 4)))  # noqa: B023
        best, best_solved = play(name, expert(name, copies))
        print(
            f"| {name} | {still.mean():.2f} | {still_solved:.1f} | {random.mean():.2f} | {random_solved:.1f} "
            f"| {best.mean():.2f} [{best.min():.2f}, {best.max():.2f}] | {best_solved:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
