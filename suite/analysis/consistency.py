"""Statements of a store's runs that cannot be true: told without executing anything.

A number that was changed together with everything that is derived from it agrees with all else. Executing the run again
tells, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from environments import family_names, family_spec
from suite.analysis.results import Problem
from suite.inspect.post_run import CLUSTERS
from suite.store.record import ADAPTATIONS, CorruptRunError, RunRecord
from suite.store.runs import Store

if TYPE_CHECKING:
    from suite.store.published import Snapshot

COUNTERS = ("environment_steps", "gradient_steps", "meta_test_steps")
SECONDS = ("seconds_sampling", "seconds_updating", "seconds_evaluating")

START_SECONDS, OVERHEAD = 60.0, 1.25
"""A run's seconds are those of its parts, times this at most, and those of its start. What else it does is checkpoints
and processes of peers; of 243 published runs none took more than 1.03 times its parts and 6 seconds."""

CLOSE = 1e-6
"""Relative difference of statistics that are computed again from published points."""


def inconsistencies(store: Store) -> list[Problem]:
    """Return what the finished runs of a store say that cannot be true, and what its list of runs says otherwise."""
    found = [Problem(record.run, each) for record in store.records() if record.state == "done" for each in _of(record)]
    if store.is_snapshot:
        found += _of_list(store.snapshots[0])
    return found


def _of_list(snapshot: Snapshot) -> Iterator[Problem]:
    """Compare a snapshot's runs with its list of them; the first layout has none."""
    listed = {each.run: each for each in snapshot.background.runs}
    if not listed:
        return
    for run, each in listed.items():
        if each.state != "pending" and run not in snapshot.runs:
            yield Problem(run, f"is listed as {each.state}, and is not there")
    for run, kept in snapshot.runs.items():
        if run not in listed:
            yield Problem(run, "is there, and is not listed")
            continue
        label = kept.files.get("run.json", {}).get("label")
        if (listed[run].state, listed[run].label) != (kept.state, label):
            yield Problem(run, f"is listed as {listed[run].state} {listed[run].label!r}, and is {kept.state} {label!r}")


def _of(record: RunRecord) -> Iterator[str]:
    try:
        record.verify()
        spec, origin = record.spec(), record.provenance()
        evaluations, training = record.evaluations(), record.training()
        if spec.run != record.run:
            yield f"its specification is that of another run, {spec.run}"
        if origin.get("used_settings") != spec.settings:
            yield "the settings that its provenance names are not those of its specification"
        known = family_spec(spec.environment, **spec.protocol) if spec.environment in family_names() else None
        if known is not None and known.revision == spec.environment_revision:
            yield from _of_evaluations(evaluations, known.test_tasks, spec.evaluations + 1, spec.budget)
        yield from _of_training(training, evaluations)
        yield from _of_seconds(training, origin)
        yield from _of_clusters(record)
    except (CorruptRunError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield str(error)


def _of_evaluations(evaluations: pd.DataFrame, tasks: int, most: int, budget: int) -> Iterator[str]:
    keys = ["environment_steps", "task", "episode", *([ADAPTATIONS] if ADAPTATIONS in evaluations else [])]
    if (twice := evaluations.duplicated(keys)).any():
        where = evaluations.loc[twice, keys].iloc[0].to_dict()
        yield f"an evaluation episode is there twice: {where}"
    marks = evaluations.groupby("environment_steps")
    if (marks["task"].nunique() != tasks).any() or evaluations["task"].nunique() != tasks:
        yield f"some evaluation is not of {tasks} test tasks"
    if marks.size().nunique() > 1:
        yield "its evaluations do not have as many episodes each"
    if len(marks) > most:
        yield f"it has {len(marks)} evaluations, and was to have {most}"
    if not evaluations["environment_steps"].between(0, budget).all():
        yield f"an evaluation is outside of its budget, {budget:,} environment steps"
    if ADAPTATIONS in evaluations:
        if not evaluations["success"].between(0.0, 1.0).all():
            yield "a share of successes is not between 0 and 1"
    elif not evaluations["success"].isin([False, True]).all():
        yield "a success is neither true nor false"


def _of_training(training: pd.DataFrame, evaluations: pd.DataFrame) -> Iterator[str]:
    if training["environment_steps"].tolist() != sorted(set(evaluations["environment_steps"])):
        yield "its tables are not of the same evaluations"
    for name in (*COUNTERS, *SECONDS):
        values = training[name].to_numpy(float) if name in training else np.zeros(1)
        if not np.isfinite(values).all() or (values < 0).any() or (np.diff(values) < 0).any():
            yield f"{name} does not count up from 0"


def _of_seconds(training: pd.DataFrame, origin: Mapping[str, Any]) -> Iterator[str]:
    if not set(SECONDS) <= set(training) or "seconds_total" not in origin:
        return
    parts, total = float(training[list(SECONDS)].iloc[-1].sum()), float(origin["seconds_total"])
    if not parts <= total <= OVERHEAD * parts + START_SECONDS:
        yield f"it took {total:.6g} seconds, of which its parts are {parts:.6g}"


def _of_clusters(record: RunRecord) -> Iterator[str]:
    if (kept := CLUSTERS.read(record)) is None:
        return
    from suite.inspect.clusters import statistics  # slow

    points = kept.points
    recomputed = statistics(np.column_stack([points.x, points.y]), np.array(points.task))
    for name, value in recomputed.model_dump().items():
        said = getattr(kept.tsne, name)
        if (value is None) != (said is None) or (value is not None and not np.isclose(value, said, rtol=CLOSE)):
            yield f"clusters: {name} of the projection is given as {said}, its points have {value}"
    counts = np.bincount(points.task)
    if len(counts) != len(kept.task_vectors) or (counts != kept.rollouts).any():
        yield f"clusters: the points are not of {kept.rollouts} rollouts in each of {len(kept.task_vectors)} tasks"
