"""What the suite knows by name: algorithms, environments, benchmarks."""

from __future__ import annotations

from typing import Any

from algorithms import ALGORITHMS
from environments import family_names, family_spec
from suite.errors import UsageError, unknown
from suite.plan.benchmark import load_benchmark, shipped_benchmarks


def catalogue(what: str) -> list[dict[str, Any]]:
    """Return one row for each algorithm, environment or benchmark.

    Raises
    ------
    UsageError
        If `what` is none of the three.
    """
    if what == "algorithms":
        return [
            {"name": name, "about": " ".join((algorithm.__doc__ or "").split()), "revision": algorithm.revision}
            for name, algorithm in ALGORITHMS.items()
        ]
    if what == "environments":
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
    if what == "benchmarks":
        benchmarks = [load_benchmark(name) for name in shipped_benchmarks()]
        return [
            {"name": benchmark.name, "runs": len(benchmark.plan()), "about": benchmark.description}
            for benchmark in benchmarks
        ]
    raise UsageError(unknown("list", what, ("algorithms", "environments", "benchmarks")))
