"""The report's tables of what ran: scores, wall-clock, run matrix, provenance."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from suite.analysis.equivalence import LEVEL
from suite.analysis.results import Results, StoredRun
from suite.durations import size
from suite.papers.paper import Paper
from suite.plan.deviations import in_words
from suite.report.tables.comparisons import listed
from suite.table import Cell, Estimate, Table, interval

STATES = ("done", "running", "pending", "failed", "unreadable")
BY_ENVIRONMENT = "by-environment"
"""Key of the scores by environment."""
GLYPHS = {"done": "✓", "running": "…", "pending": "·", "failed": "✗", "timed out": "◷", "unreadable": "!"}


def scores(table: pd.DataFrame, units: Mapping[str, float], names: Mapping[str, str]) -> Table:
    """Final score by environment and entry, from `suite.analysis.intervals.score_table`.

    Parameters
    ----------
    units, names : what an environment's returns are divided by, and what they are in then.
    """
    rows = [
        (
            row["environment"],
            row["entry"],
            row["seeds"],
            row["mean"] / units[row["environment"]],
            interval(row["low"] / units[row["environment"]], row["high"] / units[row["environment"]]),
            row["untrained"] / units[row["environment"]],
            row["success"],
        )
        for row in table.to_dict("records")
    ]
    return Table(
        "scores",
        "Final scores",
        {
            **{name: name for name in ("environment", "entry", "seeds", "score")},
            "score_ci": "95 % CI",
            "untrained": "untrained",
            "success_rate": "success rate",
        },
        tuple(rows),
        f"{SCORE}{_in_units(table, names)}",
    )


SCORE = "Mean meta-test return over the last 10 % of the environment steps, mean over seeds, Student's t interval."


def _in_units(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Say what the returns of environments are in, where that is no plain return."""
    inside: dict[str, list[str]] = {}
    for environment in table["environment"].unique():
        if environment in names:
            inside.setdefault(names[environment], []).append(str(environment))
    return "".join(f" On {listed(places)}: in {name}, as the papers print them." for name, places in inside.items())


def by_environment(
    table: pd.DataFrame,
    order: Sequence[str],
    standing: pd.DataFrame,
    units: Mapping[str, float],
    names: Mapping[str, str],
    adaptive: Mapping[str, set[str]],
) -> Table:
    """Entries against environments, as papers print their results: the fewer of the two are the columns.

    Parameters
    ----------
    table : of `suite.analysis.intervals.score_table`.
    order : entries, in the order in which they are shown.
    standing : of `suite.analysis.ranking.against_best`, without controls: which cells are bold or starred.
    units, names : what an environment's returns are divided by, and what they are in then.
    adaptive : environment -> entries whose seeds were added.
    """
    places = list(dict.fromkeys(table["environment"]))
    entries = [entry for entry in order if entry in set(table["entry"])]
    wide = len(places) <= len(entries)
    across, down = (places, entries) if wide else (entries, places)
    cells = {
        (row["environment"], row["entry"]): Estimate(*(row[name] / units[row["environment"]] for name in ENDS))
        for row in table.to_dict("records")
    }
    marks: dict[str, set[tuple[str, str]]] = {
        name: {(row["environment"], row["entry"]) for row in standing.to_dict("records") if row[name]}
        for name in ("best", "worse")
    }
    added = {(environment, entry) for environment, entries in adaptive.items() for entry in entries}

    def pair(row: str, column: str) -> tuple[str, str]:
        return (column, row) if wide else (row, column)

    def keys(marked: set[tuple[str, str]]) -> tuple[frozenset[str], ...]:
        return tuple(
            frozenset(column for column in across if pair(row, column) in marked & cells.keys()) for row in down
        )

    head = "entry" if wide else "environment"
    aside = sorted(set(entries) - set(standing["entry"]))
    note = f"{SCORE} Bold: the highest" + f", controls left out ({listed(aside)})" * bool(aside)
    return Table(
        BY_ENVIRONMENT,
        "Final scores by environment",
        {head: head, **{name: name for name in across}},
        tuple((row, *(cells.get(pair(row, column)) for column in across)) for row in down),
        f"{note}. *: significantly worse than it (Welch's interval of the difference; all pairs of the table err in at "
        f"most {100 * LEVEL:g} % of cases together).{_in_units(table, names)}",
        adaptive=keys(added),
        bold=keys(marks["best"]),
        starred=keys(marks["worse"]),
    )


ENDS = ("mean", "low", "high")


def wall_clock(done: pd.DataFrame) -> Table:
    """Tabulate what a run's time is spent on, and how fast it is; means over runs."""
    rows: list[tuple[Cell, ...]] = []
    alike = done.groupby(["environment", "entry", "machine"], sort=True, dropna=False)
    for (environment, entry, machine), group in alike:
        mean = group[["seconds_sampling", "seconds_updating", "seconds_evaluating", "seconds_total"]].mean()
        busy = mean["seconds_sampling"] + mean["seconds_updating"]
        rows.append(
            (
                str(environment),
                str(entry),
                len(group),
                mean["seconds_sampling"],
                mean["seconds_updating"],
                mean["seconds_evaluating"],
                mean["seconds_total"],
                group["processor_seconds"].mean(skipna=False),
                group["environment_steps"].mean() / busy if busy > 0 else None,
                group["gradient_steps"].mean() / mean["seconds_updating"] if mean["seconds_updating"] > 0 else None,
                group["meta_test_steps"].mean(),
                _plain(machine),
            )
        )
    return Table(
        "wall-clock",
        "Wall-clock: seconds and speeds",
        {
            **{name: name for name in ("environment", "entry", "runs")},
            "seconds_sampling": "sampling, s",
            "seconds_updating": "updating, s",
            "seconds_evaluating": "evaluating, s",
            "seconds_total": "whole run, s",
            "processor_seconds": "of the processor, s",
            "environment_steps_per_second": "environment steps/s",
            "updates_per_second": "updates/s",
            "meta_test_steps": "meta-test steps",
            "machine": "machine",
        },
        tuple(rows),
        "Means over the runs of one machine type. Environment steps/s: meta-training steps by the seconds of sampling "
        "and updating, evaluation left out. Of the processor: the seconds that it worked for the run, where one thread "
        "of it did so and all runs recorded them; other work on the machine changes these less. Meta-test steps are "
        "counted apart from the budget. Machine: processor and device; seconds of different ones do not compare, nor "
        "do those of different environments.",
    )


def machines(results: Results) -> Table:
    """The machines and software that made the numbers: one row for all runs that share them."""
    groups: dict[tuple[Cell, ...], int] = {}
    for found in results.each.values():
        if not found.provenance:
            continue
        source = _source(found.provenance)
        groups[source] = groups.get(source, 0) + 1
    rows = tuple((name, groups[source], *source) for source, name in _names(groups).items())
    return Table(
        "machines",
        "Machines",
        {
            name: name
            for name in ("machine", "runs", "processor", "device", "cores", "memory", "system", "image", "versions")
        },
        rows,
    )


def metrics(found: pd.DataFrame, words: Mapping[str, str]) -> Table:
    """Show metrics at the end of training: rows of `suite.analysis.metrics.at_the_end`."""
    rows = [
        (
            row["environment"],
            row["entry"],
            words[row["metric"]],
            int(row["seeds"]),
            float(row["mean"]),
            interval(row["low"], row["high"]),
        )
        for row in found.to_dict("records")
    ]
    columns = {name: name for name in ("environment", "entry", "metric", "seeds", "mean")} | {"ci": "95 % CI"}
    note = (
        "Success rate: share of test tasks in which the family's criterion held at some step of the episode. "
        "Others: as their algorithm or family declares. Means over the last tenth of training and over seeds, with "
        "Student's t interval."
    )
    return Table("metrics", "Metrics", columns, tuple(rows), note)


def protocols(results: Results) -> Table:
    """Runs under another protocol than their environment's own."""
    groups: dict[tuple[str, str, str], int] = {}
    for row in results.runs[results.runs["entry"].notna()].to_dict("records"):
        if words := in_words(results.specs[row["run"]]):
            key = row["environment"], row["entry"], words
            groups[key] = groups.get(key, 0) + 1
    return Table(
        "protocols",
        "Protocol deviations",
        {"environment": "environment", "entry": "entry", "deviations": "deviates by", "runs": "runs"},
        tuple((*key, count) for key, count in sorted(groups.items())),
        "Chosen by the benchmark, beside the environment's own number. These runs are never judged at the paper's "
        "settings, nor shown beside its values.",
    )


def started_again(results: Results) -> dict[str, int]:
    """Return how often runs that cannot go on from a checkpoint were begun anew, where that happened."""
    found = {run: each.provenance.get("started_again") for run, each in sorted(results.each.items())}
    return {run: count for run, count in found.items() if type(count) is int and count > 0}


def times(count: int) -> str:
    """Write how often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def provenance(results: Results) -> Table:
    """Tabulate the source of each run's numbers, and the command that makes them again."""
    names = _names({_source(each.provenance): 0 for each in results.each.values() if each.provenance})
    restarted = started_again(results)
    rows: list[tuple[Cell, ...]] = []
    for row in results.runs.to_dict("records"):
        found = results.each[row["run"]].provenance
        commit = str(found.get("commit") or "")
        rows.append(
            (
                row["run"],
                row["state"]
                + (f", started again {times(restarted[row['run']])}" if row["run"] in restarted else "")
                + (", of an earlier plan" if results.each[row["run"]].earlier else ""),
                _plain(row["entry"]),
                _plain(row["seed"]),
                names[_source(found)] if found else None,
                commit[:12] + (" + changes" if found.get("dirty") else ""),
                _size(found.get("peak_memory_bytes")),
                _again(results.each[row["run"]]),
            )
        )
    return Table(
        "provenance",
        "Runs and their machines",
        {
            **{name: name for name in ("run", "state", "entry", "seed", "machine", "commit")},
            "peak_memory": "peak memory",
            "command": "rerun with",
        },
        tuple(rows),
        "Machines are described in the table above." if names else "",
    )


def _again(run: StoredRun) -> str | None:
    """Return the command that repeats a run: a published one is compared, as it stays what it is."""
    if run.snapshot is not None:
        return f"suite verify {shlex.quote(run.snapshot)} --run {run.run}"
    return _plain(run.provenance.get("command"))


def _source(found: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return what a run was made on and with: processor, device, cores, memory, system, image, versions."""
    machine = found.get("machine")
    known = machine if isinstance(machine, Mapping) else {"processor": machine}
    return (
        _plain(known.get("processor")),
        _plain(found.get("device")),
        _plain(known.get("cores")),
        _size(known.get("memory_bytes")),
        _plain(known.get("system")),
        _plain(found.get("image")),
        _plain(found.get("versions")),
    )


def _names(sources: Mapping[tuple[Cell, ...], int]) -> dict[tuple[Cell, ...], str]:
    """Name machines by letters, and beyond the alphabet by numbers."""
    ordered = sorted(sources, key=lambda source: tuple(str(cell) for cell in source))
    return {source: chr(65 + index) if index < 26 else str(index + 1) for index, source in enumerate(ordered)}


def _size(value: object) -> str | None:
    """Write a number of bytes in words; None for whatever else provenance holds."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else size(value)


def _plain(value: object) -> str | None:
    """Write whatever provenance holds."""
    if value is None or value != value:
        return None
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(value[key])}" for key in sorted(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(str(item) for item in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class UsedSettings(NamedTuple):
    """The settings of one configuration as used, beside a paper's, with where each of those comes from."""

    table: Table
    runs: frozenset[str]
    """Runs of the configuration."""
    compared: str
    """Number of settings that differ from each paper's, in words."""


def settings(results: Results, papers: Sequence[Paper]) -> tuple[UsedSettings, ...]:
    """Return the settings of every configuration, beside those of each paper that says some for it."""
    groups: dict[tuple[str, str, int], list[tuple[str, str]]] = {}
    for row in results.done.to_dict("records"):
        spec = results.specs[row["run"]]
        for at, paper in enumerate(papers):
            if theirs := paper.settings.of(spec.label, spec.environment):
                told = {name: [each.value, each.kind, each.source] for name, each in theirs.items()}
                pair = json.dumps([told, spec.settings], sort_keys=True, default=str)
                groups.setdefault((row["entry"], pair, at), []).append((row["environment"], row["run"]))
    found = []
    for index, ((entry, pair, at), members) in enumerate(sorted(groups.items())):
        theirs, used = json.loads(pair)
        paper = papers[at]
        environment, run = members[0]
        expected = paper.settings.expected(results.specs[run].label, environment).settings
        rows = tuple(
            (
                name,
                _setting(used.get(name)),
                _setting(expected.get(name)),
                *(theirs[name][1:] if name in theirs else (None, None)),
                used.get(name) == expected.get(name),
            )
            for name in sorted(theirs.keys() | used.keys())
        )
        places = sorted({environment for environment, _ in members})
        apart = sum(not row[-1] for row in rows)
        compared = f"{apart} of {len(rows)} settings differ from those of {paper.about.short}"
        table = Table(
            f"settings-{index}",
            f"{entry} and {paper.about.short}: {listed(places)}",
            {
                "setting": "setting",
                "used": "used",
                "expected": "the paper's",
                "source": "source",
                "where": "where, or why",
                "same": "same",
            },
            rows,
            f"{compared}. Printed: page or table. Authors' code: file. Ours: why.",
        )
        found.append(UsedSettings(table, frozenset(run for _, run in members), compared))
    return tuple(found)


def _setting(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
