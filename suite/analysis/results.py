"""Store -> tidy tables: one row a run, an evaluation, a training mark. What cannot be read is listed, never dropped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from environments import FloatArray, family_names, family_spec
from suite.analysis.metrics import METRIC_COLUMNS, SUCCESS, declared, metric_rows
from suite.inspect.post_run import read_all
from suite.inspect.step import PostRunStep, Record, StepRecord
from suite.spec import NON_IDENTITY_FIELDS, RunSpec
from suite.store.record import ADAPTATIONS, CorruptRunError, RunRecord, RunState
from suite.store.runs import Store

RUN_COLUMNS = (
    "run",
    "entry",
    "algorithm",
    "environment",
    "seed",
    "budget",
    "state",
    "environment_steps",
    "gradient_steps",
    "meta_test_steps",
    "untrained",
    "score",
    "success",
    "seconds_sampling",
    "seconds_updating",
    "seconds_evaluating",
    "seconds_total",
    "processor_seconds",
    "machine",
)
ADAPTATION_COLUMNS = ("run", "entry", "environment", "seed", "environment_steps", ADAPTATIONS, "return")
CURVE_COLUMNS = (
    "run",
    "entry",
    "environment",
    "seed",
    "environment_steps",
    "gradient_steps",
    "seconds",
    "return",
    "success",
)


LAST_LINES = 5
"""Lines kept of the log of a run that is done."""


@dataclass(frozen=True)
class Problem:
    """A run folder, or a file that was added to it, that cannot be used, and why."""

    run: str
    problem: str


@dataclass(frozen=True)
class StoredRun:
    """The data of one run."""

    run: str
    state: RunState = "pending"
    spec: RunSpec | None = None
    """None if it cannot be read, and nobody planned it."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """The columns of `RUN_COLUMNS` after the state, of a done run."""
    curve: pd.DataFrame | None = None
    """The curve of a done run: see `Results.curves`."""
    metrics: pd.DataFrame | None = None
    """The metrics of a done run: see `Results.metrics`."""
    adaptations: pd.DataFrame | None = None
    """The adaptations of a done run that was tested stepwise: see `Results.adaptations`."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """The provenance of a done run."""
    post_run: dict[str, StepRecord] = field(default_factory=dict)
    """The results of post-run steps of a done run, by step."""
    failure: dict[str, Any] = field(default_factory=dict)
    """The reason for which it was given up."""
    log_tail: str = ""
    """The last lines of its log, fewer of a run that is done; empty of a published one."""
    problems: tuple[str, ...] = ()
    """The reason for which it, or a file that was added to it, cannot be used."""
    snapshot: str | None = None
    """The snapshot that it was read from, if it is published."""
    earlier: bool = False
    """True if that has it from an earlier plan; see `suite.store.record.RunRecord`."""


@dataclass(frozen=True)
class Results:
    """Everything that analysis and report know of a store."""

    runs: pd.DataFrame
    """One row a run, whatever its state (`RUN_COLUMNS`); numbers are missing unless the run is done."""
    curves: pd.DataFrame
    """One row an evaluation of a done run (`CURVE_COLUMNS`): means over its test episodes; `seconds` are those of
    training until then, sampling and updating without evaluations."""
    each: dict[str, StoredRun]
    """The data of each run."""
    others: tuple[str, ...] = ()
    """Readable runs of the store that were not planned, and are left out for that reason alone."""
    adaptations: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ADAPTATION_COLUMNS)))
    """One row an evaluation and number of adaptations (`ADAPTATION_COLUMNS`) of a done run that was tested stepwise."""

    metrics: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(METRIC_COLUMNS)))
    """One row an evaluation and metric (`METRIC_COLUMNS`) of a done run: the success rate, where there is one, and what
    its algorithm and family declared."""

    unpublished: int = 0
    """Runs of the plan that a snapshot does not hold, if it is what was read."""

    @property
    def metric_words(self) -> dict[str, str]:
        """Words for each metric."""
        found = {SUCCESS: "success rate"}
        for each in self.each.values():
            found |= declared(each.provenance)
        return found

    @cached_property
    def specs(self) -> dict[str, RunSpec]:
        """The specification of each run, where it can be read."""
        return {run: each.spec for run, each in self.each.items() if each.spec is not None}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The runs that cannot be used, with the reason."""
        return tuple(Problem(run, problem) for run, each in self.each.items() for problem in each.problems)

    @property
    def snapshots(self) -> dict[str, str]:
        """The snapshots that published runs were read from, by run; the store's own are not listed."""
        return {run: each.snapshot for run, each in self.each.items() if each.snapshot is not None}

    def found_by(self, step: PostRunStep[Any, Record]) -> dict[str, Record]:
        """Return what a post-run step found, by run."""
        return {
            run: record
            for run, each in self.each.items()
            if isinstance(record := each.post_run.get(step.name), step.record)
        }

    @property
    def done(self) -> pd.DataFrame:
        """The rows of `runs` that have a score."""
        return self.runs[self.runs["state"] == "done"]

    @cached_property
    def lost(self) -> pd.DataFrame:
        """The rows of `runs` that were given up or cannot be read, with a column `kind`: of what they died."""
        lost = self.runs[self.runs["state"].isin(["failed", "unreadable"]) & self.runs["entry"].notna()]
        return lost.assign(kind=[self.each[run].failure.get("kind") or "unreadable" for run in lost["run"]])

    @property
    def incomplete(self) -> set[tuple[str, str]]:
        """The entries, each with the environment, of which runs are lost."""
        return set(zip(self.lost["entry"], self.lost["environment"], strict=True))


WINDOW = 0.1
"""Share of the environment steps, at the end, over which a run is scored."""


def last_share(environment_steps: NDArray[np.int64], spent: int, share: float = WINDOW) -> NDArray[np.bool_]:
    """Mark the evaluations made in the last share of the environment steps spent; the final one always counts.

    An evaluation exactly where the share begins was made before it.
    """
    late = environment_steps > round((1 - share) * spent, 6)
    final = environment_steps == environment_steps.max()
    return np.asarray(late | final, np.bool_)


def window_scores(curves: pd.DataFrame, runs: pd.DataFrame, share: float) -> dict[str, float]:
    """Score runs over another share of their environment steps.

    Parameters
    ----------
    curves, runs : rows of `Results.curves` and `Results.done`.
    """
    spent = dict(zip(runs["run"], runs["environment_steps"], strict=True))
    return {
        str(run): float(
            curve.loc[last_share(curve["environment_steps"].to_numpy(), int(spent[run]), share), "return"].mean()
        )
        for run, curve in curves[curves["run"].isin(list(spent))].groupby("run")
    }


def read_results(store: Store, planned: Sequence[RunSpec] | None = None) -> Results:
    """Read every run of a store, or those planned.

    Parameters
    ----------
    store : the run store; an empty or absent one gives empty tables.
    planned : the runs that a benchmark consists of; a planned run without a folder is pending. None: all that is there.
    """
    wanted = {spec.run: spec for spec in planned or ()}
    each = {run: StoredRun(run, spec=spec) for run, spec in wanted.items()}
    others = []
    for record in _records(store, planned):
        found = read_run(record, wanted.get(record.run))
        if planned is None or found.run in wanted or found.spec is None:
            each[found.run] = found
        else:
            others.append(found.run)
    entries = _entries(each.values())
    runs = pd.DataFrame(
        [
            {"run": run, "state": found.state, **_identity(found.spec, entries.get(run)), **found.numbers}
            for run, found in sorted(each.items())
        ],
        columns=list(RUN_COLUMNS),
    ).sort_values(["environment", "entry", "seed", "run"], ignore_index=True)
    return Results(
        runs,
        _of_runs({run: found.curve for run, found in each.items()}, runs, CURVE_COLUMNS),
        each,
        tuple(others),
        _of_runs({run: found.adaptations for run, found in each.items()}, runs, ADAPTATION_COLUMNS),
        _of_runs({run: found.metrics for run, found in each.items()}, runs, METRIC_COLUMNS),
        _unpublished(store) if planned is None else 0,
    )


def _unpublished(store: Store) -> int:
    """Count the runs that a snapshot lists as planned and does not hold; none of any other store."""
    listed = store.snapshots[0].background.runs if store.is_snapshot else ()
    return sum(each.state == "pending" for each in listed)


def read_run(record: RunRecord, planned: RunSpec | None = None) -> StoredRun:
    """Read a run, its trained algorithm left to whoever loads it; what cannot be read is said, not raised.

    Parameters
    ----------
    planned : what it is, if somebody planned it.
    """
    run, spec = record.run, planned
    snapshot = None if record.snapshot is None else str(record.snapshot)
    found = StoredRun(run, snapshot=snapshot, earlier=record.earlier and planned is None)
    try:
        own = record.spec()
        if own.run != run:
            raise CorruptRunError(f"{record.path}/run.json: describes another run, {own.run}")
        spec = planned or own
        if record.state != "done":
            return replace(found, state=record.state, spec=spec, failure=record.failure(), log_tail=record.log_tail())
        record.verify(states=False)
        provenance, training = record.provenance(), record.training()
        names, episodes = declared(provenance), _episodes(record)
        curve = _curve(episodes, names)
        curve["seconds"] = _seconds(curve["environment_steps"].to_numpy(), training)
        if not _defines_success(spec.environment, provenance):
            curve["success"] = np.nan
        steps, problems = read_all(record)  # computed from the run, not of it: its own numbers stand
        return replace(
            found,
            state="done",
            spec=spec,
            numbers=_numbers(curve, training, provenance),
            curve=curve,
            metrics=metric_rows(curve, training, names),
            adaptations=_adaptations(episodes),
            provenance=provenance,
            log_tail=record.log_tail(LAST_LINES),
            post_run=steps,
            problems=tuple(problems),
        )
    except (CorruptRunError, OSError) as error:
        problem = str(error)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # whole files with values of another kind
        problem = f"{record.path}: {type(error).__name__}: {error}"
    return replace(found, state="unreadable", spec=spec, log_tail=record.log_tail(), problems=(problem,))


def _of_runs(tables: Mapping[str, pd.DataFrame | None], runs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Put tables of single runs together, with what the runs are."""
    there = {run: table for run, table in tables.items() if table is not None and len(table)}
    table = (
        pd.concat(there, names=["run"]).drop(columns="run", errors="ignore").reset_index("run")
        if there
        else pd.DataFrame(columns=list(columns))
    )
    for column in ("entry", "environment", "seed"):
        table[column] = table["run"].map(runs.set_index("run")[column])
    order = [
        name for name in ("environment", "entry", "seed", "metric", "environment_steps", ADAPTATIONS) if name in columns
    ]
    return table[list(columns)].sort_values(order, ignore_index=True)


def _records(store: Store, planned: Sequence[RunSpec] | None) -> list[RunRecord]:
    """Return the store's runs, each as it counts, and with a plan also what is published of it elsewhere."""
    names = {record.run for record in store.records()}
    elsewhere = [store.record(spec.run) for spec in planned or () if spec.run not in names]
    return [*map(store.record, sorted(names)), *(record for record in elsewhere if record.snapshot is not None)]


def _episodes(record: RunRecord) -> pd.DataFrame:
    """Read a run's test episodes, whose returns must be finite."""
    episodes = record.evaluations()
    if episodes.empty:
        raise CorruptRunError(f"{record.path}/evaluations.parquet: holds no evaluation")
    bad = int((~np.isfinite(episodes["return"].to_numpy(float))).sum())
    if bad:
        raise CorruptRunError(
            f"{record.path}/evaluations.parquet: {bad} of {len(episodes)} returns are not finite (the run diverged)"
        )
    return episodes


def _defines_success(environment: str, provenance: Mapping[str, Any]) -> bool:
    """Return whether a task family defines success; of one that is not known here, as the run's provenance says."""
    if environment in family_names():
        return bool(family_spec(environment).success)
    return provenance.get("success_defined") is not False


def _curve(episodes: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Average a run's test episodes, after the last adaptation: one row an evaluation."""
    if ADAPTATIONS in episodes:
        episodes = episodes[episodes[ADAPTATIONS] == episodes[ADAPTATIONS].max()]
    columns = ["gradient_steps", "return", "success", *(name for name in metrics if name in episodes)]
    return episodes.groupby("environment_steps")[columns].mean().reset_index()


def _seconds(marks: NDArray[np.int64], training: pd.DataFrame) -> FloatArray:
    """Return the seconds of training before each evaluation; NaN where they were not recorded."""
    parts = ["seconds_sampling", "seconds_updating"]
    if not {"environment_steps", *parts} <= set(training.columns):
        return np.full(len(marks), np.nan)
    spent = dict(zip(training["environment_steps"], np.nansum(training[parts].to_numpy(float), axis=1), strict=True))
    return np.array([spent.get(mark, np.nan) for mark in marks])


def _adaptations(episodes: pd.DataFrame) -> pd.DataFrame | None:
    """Average a run's test episodes for each number of adaptations; None if it was not tested step by step."""
    if ADAPTATIONS not in episodes:
        return None
    return episodes.groupby(["environment_steps", ADAPTATIONS])["return"].mean().reset_index()


def _numbers(curve: pd.DataFrame, training: pd.DataFrame, provenance: dict[str, Any]) -> dict[str, Any]:
    """Compute a finished run's score, its untrained value and its counters."""
    steps = curve["environment_steps"].to_numpy()
    spent = int(max(steps.max(), training["environment_steps"].max() if len(training) else 0))
    scored = last_share(steps, spent)
    returns = curve["return"].to_numpy()
    untrained = returns[steps == 0]
    counters = ("meta_test_steps", "seconds_sampling", "seconds_updating", "seconds_evaluating")
    counted = [name for name in counters if len(training) and name in training]
    return {
        "environment_steps": spent,
        "gradient_steps": int(curve["gradient_steps"].iloc[-1]),
        "untrained": float(untrained[0]) if len(untrained) else float("nan"),
        "score": float(returns[scored].mean()),
        "success": float(curve["success"][scored].mean()),
        **dict.fromkeys(counters, float("nan")),
        **{name: float(training[name].iloc[-1]) for name in counted},
        **{name: float(provenance.get(name, float("nan"))) for name in ("seconds_total", "processor_seconds")},
        "machine": machine(provenance),
    }


def machine(provenance: Mapping[str, Any]) -> str | None:
    """Name the type of machine that a run's seconds belong to, its processor and device; None if it does not say."""
    found = provenance.get("machine")
    parts = [found.get("processor") if isinstance(found, Mapping) else None, provenance.get("device")]
    return ", ".join(map(str, parts)) if all(parts) else None


def _identity(spec: RunSpec | None, entry: str | None) -> dict[str, Any]:
    if spec is None:
        return {}
    return {
        "entry": entry,
        "algorithm": spec.algorithm,
        "environment": spec.environment,
        "seed": spec.seed,
        "budget": spec.budget,
    }


def _entries(runs: Iterable[StoredRun]) -> dict[str, str]:
    """Name each run's entry: its label, and what tells it from others where one stands for several configurations.

    Only runs that differ in nothing but the seed are replications; anything else must not be averaged. Beside runs of
    its snapshot's plan, one of an earlier plan is named so; beside others, a configuration by a digest.
    """
    names: dict[str, str] = {}
    groups: dict[tuple[str, str], list[tuple[StoredRun, RunSpec]]] = {}
    for each in runs:
        if each.spec is not None:
            groups.setdefault((each.spec.label, each.spec.environment), []).append((each, each.spec))
    for group in groups.values():
        several = len({each.earlier for each, _ in group}) > 1
        digests: dict[str, set[str]] = {}
        for each, spec in group:
            mark = f" (earlier, revision {spec.algorithm_revision})" if several and each.earlier else ""
            names[each.run] = spec.label + mark
            digests.setdefault(names[each.run], set()).add(_configuration(spec))
        for each, spec in group:
            if len(digests[names[each.run]]) > 1:
                names[each.run] += f" [{_configuration(spec)}]"
    return names


def _configuration(spec: RunSpec) -> str:
    configuration = spec.model_dump(mode="json", exclude={*NON_IDENTITY_FIELDS, "seed"})
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:6]
