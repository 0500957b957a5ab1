"""The check for runs that cannot even begin: their budget does not cover one iteration of meta-training."""

from __future__ import annotations

from collections.abc import Iterable

from algorithms import ENTRANTS, Problem
from environments import family_spec
from suite.plan.settings import load_settings
from suite.spec import RunSpec


def uncovered(specs: Iterable[RunSpec]) -> dict[str, str]:
    """Return the runs that would fail at once, and why, as far as their algorithms tell beforehand."""
    found = {}
    for spec in specs:
        needed, _ = iteration_steps(spec)
        if needed > spec.budget:
            found[spec.run] = (
                f"budget: {spec.budget} environment steps do not cover the first iteration of {spec.algorithm}, "
                f"which takes up to {needed}"
            )
    return found


def iteration_steps(spec: RunSpec) -> tuple[int, int]:
    """Return the most environment steps of a run's first whole iteration and of a later one, as far as declared."""
    family = family_spec(spec.environment, **spec.protocol)
    problem = Problem(
        observation_size=family.observation_size,
        action_size=family.action_size,
        task_size=family.task_size,
        horizon=family.horizon,
        train_tasks=family.train_tasks,
        budget=spec.budget,
    )
    algorithm, settings = ENTRANTS[spec.algorithm], load_settings(spec.algorithm, spec.settings)
    return algorithm.first_iteration_steps(settings, problem), algorithm.later_iteration_steps(settings, problem)


def most_gradient_steps(spec: RunSpec) -> int | None:
    """Return the gradient steps after which a run is over, whatever is left of its budget; None if there are none."""
    return ENTRANTS[spec.algorithm].most_gradient_steps(load_settings(spec.algorithm, spec.settings))
