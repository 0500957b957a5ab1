"""The names that the suite knows: algorithms, environments, benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suite.docstrings import docstring
from suite.errors import UsageError, unknown

Rows = list[dict[str, Any]]


def catalogue(what: str) -> Rows:
    """Return one row for each algorithm, environment or benchmark.

    Raises
    ------
    UsageError
        If `what` is none of the three.
    """
    if what not in CATALOGUES:
        raise UsageError(unknown("list", what, CATALOGUES))
    return CATALOGUES[what]()


# Each imports what it lists.


def _algorithms() -> Rows:
    from algorithms import ENTRANTS

    return [
        {"name": name, "about": " ".join(docstring(algorithm).split()), "revision": algorithm.revision}
        for name, algorithm in ENTRANTS.items()
    ]


def _environments() -> Rows:
    from environments import family_names, family_spec

    specs = [family_spec(name) for name in family_names()]
    return [
        {
            "name": spec.name,
            "kind": spec.kind,
            "observations": spec.observation_size,
            "actions": spec.action_size,
            "task": spec.task_size,
            "horizon": spec.horizon,
            "exploration_episodes": spec.exploration_episodes,
            "train_tasks": spec.train_tasks,
            "test_tasks": spec.test_tasks,
            "success": spec.success,
        }
        for spec in specs
    ]


def _benchmarks() -> Rows:
    from suite.plan.benchmark import load_benchmark, shipped_benchmarks

    benchmarks = [load_benchmark(name) for name in shipped_benchmarks()]
    return [
        {"name": benchmark.name, "runs": len(benchmark.plan()), "about": benchmark.description}
        for benchmark in benchmarks
    ]


CATALOGUES: dict[str, Callable[[], Rows]] = {
    "algorithms": _algorithms,
    "environments": _environments,
    "benchmarks": _benchmarks,
}
