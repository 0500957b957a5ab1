"""Statements of a store's runs that cannot be true: told without executing anything.

A number that was changed together with everything that is derived from it agrees with all else. Executing the run again
tells, and nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from environments import family_names, family_spec
from suite.analysis.results import Problem, read_results
from suite.analysis.sequential import sequential_tests
from suite.inspect.post_run import CLUSTERS
from suite.plan.budget_check import iteration_steps, most_gradient_steps
from suite.plan.seeds import published_comparisons
from suite.spec import NON_IDENTITY_FIELDS, RunSpec
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


MOST_SHARED = 10
"""Most different returns that two seeds may share by chance, as where nothing succeeds."""


def inconsistencies(store: Store) -> list[Problem]:
    """Return what the finished runs of a store say that cannot be true, and what its list of runs says otherwise."""
    done = [record for record in store.records() if record.state == "done"]
    found = [Problem(record.run, each) for record in done for each in _of(record)]
    found += _of_copies(done)
    if store.is_snapshot:
        snapshot = store.snapshots[0]
        found += [*_of_list(snapshot), *_of_comparisons(snapshot, store)]
    return found


def left_over_seeds(store: Store) -> list[Problem]:
    """Return runs that a snapshot lists as of an earlier plan, and that differ from planned ones only in their seed.

    They do not count with the planned ones. Seeds that were taken out of the plan, and runs that somebody would rather
    not count, look the same in a snapshot. A comparison that is decided sooner leaves such seeds over, too: those are
    not among them.
    """
    if not store.is_snapshot:
        return []
    snapshot = store.snapshots[0]
    configurations = {}
    for run in snapshot.runs:
        with suppress(CorruptRunError):  # of which nothing can be told
            configurations[run] = _configuration(store.record(run).spec())
    earlier = snapshot.background.earlier
    planned = {configurations.get(run) for run in snapshot.runs.keys() - earlier}
    compared = {run for each in published_comparisons(snapshot) for runs in each.runs for run in runs}
    return [
        Problem(run, LEFT_OVER)
        for run in sorted(earlier & configurations.keys() - compared)
        if configurations[run] in planned
    ]


LEFT_OVER = (
    "is listed as of an earlier plan, and differs from planned runs only in its seed; if its seed was taken out of "
    "the plan, publish with --drop-earlier"
)


def _of_copies(records: Sequence[RunRecord]) -> Iterator[Problem]:
    """Find runs with the seconds of another run, or with all returns of another seed."""
    first: dict[tuple[str, ...], str] = {}
    for record in records:
        try:
            spec, returns, training = record.spec(), record.evaluations()["return"], record.training()
            configuration = _configuration(spec)
            drawn = returns.nunique() > MOST_SHARED and not spec.modules  # which may read neither seed nor rewards
            spent = training[[name for name in SECONDS if name in training]].to_numpy(float)
        except (CorruptRunError, OSError, ValueError, TypeError, KeyError):
            continue  # reported by `_of`
        for what, has, key in (
            ("returns", drawn, (configuration, returns.to_numpy(float).tobytes().hex())),
            ("seconds", spent.any(), (spent.tobytes().hex(),)),
        ):
            if has and (other := first.setdefault((what, *key), record.run)) != record.run:
                yield Problem(record.run, f"has the {what} of another run, {other}")


def _configuration(spec: RunSpec) -> str:
    """Return all that makes runs of several seeds runs of one entry."""
    return spec.model_dump_json(exclude={*NON_IDENTITY_FIELDS, "seed"})


def _of_list(snapshot: Snapshot) -> Iterator[Problem]:
    """Compare a snapshot's runs with its list of them; the first layout has none."""
    listed = {each.run: each for each in snapshot.background.runs}
    if not listed:
        return
    for run, count in Counter(each.run for each in snapshot.background.runs).items():
        if count > 1:
            yield Problem(run, f"is listed {count} times")
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


def _of_comparisons(snapshot: Snapshot, store: Store) -> Iterator[Problem]:
    """Look for the seeds that a snapshot's comparisons want by the scores that are there.

    Their entries may have more: another comparison's or group's, or an earlier plan's.
    """
    listed = {each.run: each for each in snapshot.background.runs}
    comparisons = published_comparisons(snapshot)
    if not listed or not comparisons:
        return
    done = read_results(store).done
    for test in sequential_tests(comparisons, dict(zip(done["run"], done["score"].astype(float), strict=True))):
        entries = test.comparison.entries
        for entry, runs in zip(entries, test.comparison.runs, strict=True):
            for run in runs[: test.wanted]:
                compared = f"although {' and '.join(entries)} are compared with it"
                if run not in listed:
                    yield Problem(run, f"is not listed, {compared}")
                elif listed[run].earlier:
                    yield Problem(run, f"is listed as of an earlier plan, {compared}")
                elif listed[run].label != entry:
                    yield Problem(run, f"is listed as {listed[run].label!r}, and is compared as {entry!r}")


def _of(record: RunRecord) -> Iterator[str]:
    try:
        record.verify()
        spec, origin = record.spec(), record.provenance()
        evaluations, training = record.evaluations(), record.training()
        if spec.run != record.run:
            yield f"its specification is that of another run, {spec.run}"
        yield from _of_provenance(spec, origin)
        known = family_spec(spec.environment, **spec.protocol) if spec.environment in family_names() else None
        if known is not None and known.revision == spec.environment_revision:
            yield from _of_evaluations(evaluations, known.test_tasks, spec)
        yield from _of_training(training, evaluations)
        yield from _of_seconds(training, origin)
        yield from _of_clusters(record, spec)
    except (CorruptRunError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield str(error)


def _of_provenance(spec: RunSpec, origin: Mapping[str, Any]) -> Iterator[str]:
    if origin.get("used_settings") != spec.settings:
        yield "the settings that its provenance names are not those of its specification"
    versions = origin.get("versions", {})
    if any(versions.get(package, version) != version for package, version in spec.versions.items()):
        yield "the versions that its provenance names are not those of its specification"
    if spec.run not in origin.get("command", spec.run):
        yield f"the command of its provenance is that of another run: {origin['command']}"
    changed = origin.get("changed_files")
    if changed is not None and bool(changed) != origin.get("dirty", bool(changed)):
        yield f"its provenance names {len(changed)} changed files, and has dirty {origin['dirty']}"


def _of_evaluations(evaluations: pd.DataFrame, tasks: int, spec: RunSpec) -> Iterator[str]:
    stepwise = ADAPTATIONS in evaluations
    keys = ["environment_steps", "task", *([ADAPTATIONS] if stepwise else [])]
    if (twice := evaluations.duplicated(keys)).any():
        where = evaluations.loc[twice, keys].iloc[0].to_dict()
        yield f"an evaluation episode is there twice: {where}"
    if stepwise != (spec.stepwise_test is not None):
        yield f"it was tested {'' if stepwise else 'not '}step by step, against its specification"
    elif spec.stepwise_test is not None:
        found, asked = sorted(set(evaluations[ADAPTATIONS])), spec.stepwise_test.adaptations
        if found not in ([0], list(range(asked + 1))):  # an algorithm that does not adapt has but the first
            yield f"it was tested after {', '.join(map(str, found))} adaptations, and was to be up to {asked}"
    marks = evaluations.groupby([name for name in keys if name != "task"])
    if {tuple(sorted(set(at))) for _, at in marks["task"]} != {tuple(range(tasks))}:
        yield f"some evaluation is not of {tasks} test tasks"
    steps = evaluations["environment_steps"]
    if stepwise and len(marks) != steps.nunique() * evaluations[ADAPTATIONS].nunique():
        yield "its evaluations are not after as many adaptations each"
    if steps.nunique() > spec.evaluations + 1:
        yield f"it has {steps.nunique()} evaluations, and was to have {spec.evaluations + 1}"
    if not steps.between(0, spec.budget).all():
        yield f"an evaluation is outside of its budget, {spec.budget:,} environment steps"
    if steps.min() > 0:
        yield "it was not evaluated before training"
    if not spec.modules:
        yield from _of_end(evaluations, spec)
    if not np.isfinite(evaluations["return"].to_numpy(float)).all():
        yield "a return is not finite"
    if stepwise:
        if not evaluations["success"].between(0.0, 1.0).all():
            yield "a share of successes is not between 0 and 1"
    elif not evaluations["success"].isin([False, True]).all():
        yield "a success is neither true nor false"


def _of_end(evaluations: pd.DataFrame, spec: RunSpec) -> Iterator[str]:
    """Look for an iteration that still fits the budget: as many follow as surely do, up to those asked for."""
    try:
        declared, most = max(iteration_steps(spec)), most_gradient_steps(spec)
    except (ValueError, TypeError, KeyError):
        return  # its algorithm no longer has such settings: how long an iteration was is not known
    steps, taken = evaluations["environment_steps"], int(evaluations["gradient_steps"].max())
    left = spec.budget - steps.max()
    if most is not None:
        if taken > most or (taken < most and left >= declared):
            yield f"it took {taken:,} gradient steps, and was to take {most:,}"
    elif left >= max(np.diff(np.unique(steps)).max(initial=0), declared):  # episodes that end early leave more
        yield f"it ends at {steps.max():,} of {spec.budget:,} environment steps, with an iteration's left"


def _of_training(training: pd.DataFrame, evaluations: pd.DataFrame) -> Iterator[str]:
    marks = ["environment_steps", "gradient_steps"]
    if sorted(map(tuple, training[marks].to_numpy())) != sorted(set(map(tuple, evaluations[marks].to_numpy()))):
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
    worked = origin.get("processor_seconds")
    if worked is not None and not 0 < worked <= OVERHEAD * total + START_SECONDS:
        yield f"its processor worked {worked:.6g} seconds of {total:.6g}, with one thread"


def _of_clusters(record: RunRecord, spec: RunSpec) -> Iterator[str]:
    if (kept := CLUSTERS.read(record)) is None:
        return
    from suite.inspect.clusters import statistics  # slow

    asked = {"run_seed": spec.seed, "environment": spec.environment, "exploration_episodes": spec.exploration_episodes}
    for name, value in {**asked, **(kept.settings or {})}.items():
        if (said := getattr(kept, name, value)) != value:
            yield f"clusters: {name} is given as {said}, and it is {value}"
    latent = kept.latent
    if latent.ratio is not None and not np.isclose(latent.ratio * latent.to_centroid, latent.between_centroids):
        yield f"clusters: the ratio of the latent space is given as {latent.ratio}, which its parts do not have"
    if not abs(latent.silhouette) <= 1:
        yield f"clusters: the silhouette of the latent space is {latent.silhouette}"

    points = kept.points
    recomputed = statistics(np.column_stack([points.x, points.y]), np.array(points.task))
    for name, value in recomputed.model_dump().items():
        said = getattr(kept.tsne, name)
        if (value is None) != (said is None) or (value is not None and not np.isclose(value, said, rtol=CLOSE)):
            yield f"clusters: {name} of the projection is given as {said}, its points have {value}"
    counts = np.bincount(points.task)
    if len(counts) != len(kept.task_vectors) or (counts != kept.rollouts).any():
        yield f"clusters: the points are not of {kept.rollouts} rollouts in each of {len(kept.task_vectors)} tasks"
