"""Runs as shipped benchmarks plan them, and results made up of such runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from suite.analysis.results import CURVE_COLUMNS, RUN_COLUMNS, Results, StoredRun, machine
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec

Run = tuple[RunSpec, float, dict[str, Any]]
"""A run, its score, and its provenance."""


@cache
def plan(benchmark: str) -> dict[tuple[str, str], RunSpec]:
    """Return the first run of every entry on every environment of a benchmark."""
    runs: dict[tuple[str, str], RunSpec] = {}
    for spec in load_benchmark(benchmark).plan():
        runs.setdefault((spec.label, spec.environment), spec)
    return runs


def planned(benchmark: str, entry: str, place: str, seed: int = 0, **changes: Any) -> RunSpec:
    """Return a run of a benchmark; settings that are changed are changed, other fields are replaced."""
    spec = plan(benchmark)[entry, place]
    settings = spec.settings | changes.pop("settings", {})
    return spec.model_copy(update={"seed": seed, "settings": settings, **changes})


def finished(runs: Sequence[Run], curves: pd.DataFrame | None = None) -> Results:
    """Results of done runs."""
    rows = [
        {
            "run": spec.run,
            "entry": spec.label,
            "algorithm": spec.algorithm,
            "environment": spec.environment,
            "seed": spec.seed,
            "budget": spec.budget,
            "state": "done",
            "environment_steps": spec.budget,
            "untrained": 0.0,
            "score": score,
            **{name: provenance.get(name, float("nan")) for name in ("seconds_total", "processor_seconds")},
            "machine": machine(provenance),
        }
        for spec, score, provenance in runs
    ]
    return Results(
        runs=pd.DataFrame(rows, columns=list(RUN_COLUMNS)),
        curves=pd.DataFrame(columns=list(CURVE_COLUMNS)) if curves is None else curves,
        each={spec.run: StoredRun(spec.run, "done", spec, provenance=provenance) for spec, _, provenance in runs},
    )
