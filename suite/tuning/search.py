"""The search itself: in rounds, each of whose trials are runs that any executor executes.

The sampler of each entry is built anew in every call and fed from the store, trial by trial in their order. What was
interrupted so goes on with the trials that it would have had, and a longer search begins with those of a shorter one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from algorithms import ENTRANTS, Range
from suite import session
from suite.analysis.results import Results, read_results
from suite.analysis.tuned import Found, Trial, trial
from suite.errors import UsageError
from suite.execute.batch import Batch
from suite.execute.executor import Request
from suite.execute.registry import DEFAULT, make_executor
from suite.plan.benchmark import Benchmark, Entry, Group
from suite.plan.ranges import FIRST_SEED, check_ranges, ranges_of
from suite.plan.selection import selected
from suite.plan.settings import used_settings
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.tuning.sampler import OptunaSampler, Sampler, SamplerName, Values, seed_of

TRIALS = 12
"""Trials of each entry, unless somebody asks for others."""

ROUND = 4
"""Trials of an entry that are asked for before any of them is told: they can run side by side.

A constant, and not what a machine holds: which trials there are depends on it.
"""

WITHOUT_SCORE = {"diverged", "budget"}
"""Kinds of failures that are a trial's outcome: they would come again. Any other one keeps the search from going on."""


@dataclass(frozen=True)
class Search:
    """The search for the settings of one entry on one environment."""

    group: Group
    number: int
    """The group's place in its benchmark."""
    environment: str
    label: str
    ranges: Mapping[str, Range]
    own: Values
    """The values that the entry has."""
    heirs: tuple[str, ...]
    """Entries that are given what is found for this one."""
    serves: tuple[str, ...]
    """The environments whose settings it finds."""

    def specs(self, trials: Mapping[int, Values], seeds: Sequence[int]) -> dict[int, list[RunSpec]]:
        """Return the runs of some trials, by number: trial 0 is the entry as it is."""
        entry = self.group.algorithms[self.label] or Entry()
        labels = {number: f"{self.label} trial {number:02}" for number in trials}
        algorithm = entry.algorithm or self.label
        entries = {
            labels[number]: Entry(algorithm=algorithm, settings=entry.settings | (values if number else {}))
            for number, values in trials.items()
        }
        update = {"environments": [self.environment], "seeds": list(seeds), "algorithms": entries, "tune": None}
        plan = Benchmark(name="trials", description="", groups=[self.group.model_copy(update=update)]).plan()
        return {number: [spec for spec in plan if spec.label == label] for number, label in labels.items()}


class Tuned(NamedTuple):
    """The outcome of `tune`."""

    found: tuple[Found, ...]
    lost: Mapping[str, str]
    """Runs that failed in a way that is no outcome, and the reason of each: the search is not over."""


def searches(benchmark: Benchmark, only: Sequence[str] = ()) -> list[Search]:
    """Return what a benchmark has to be searched for: of entries of one host, the host alone, or else the first.

    Parameters
    ----------
    only : conditions such as `environment=reach-v1`, all of which an entry must meet.

    Raises
    ------
    UsageError
        If an entry has nothing to search or a value is not allowed, the benchmark includes others, or the conditions
        leave nothing.
    """
    if benchmark.include:
        raise UsageError(f"benchmark {benchmark.name}: include: {benchmark.include[0]}: tune each of them by itself")
    specs = benchmark.plan()
    wanted = {(spec.environment, spec.label) for spec in (selected(specs, only, None) if only else specs)}
    found = []
    for number, group in enumerate(benchmark.groups):
        tuning, algorithms = group.tune, group.algorithms_by_label
        families: dict[str, list[str]] = {}
        for label, algorithm in algorithms.items():
            families.setdefault(ENTRANTS[algorithm].host or algorithm, []).append(label)
        alone = (tuning and tuning.environment) or None
        for environment in [alone] if alone else group.environments:
            for host, labels in families.items():
                leader = next((label for label in labels if algorithms[label] == host), labels[0])
                if (environment, leader) not in wanted:
                    continue
                algorithm = algorithms[leader]
                given = (group.algorithms[leader] or Entry()).settings
                ranges = ranges_of(tuning, leader, algorithm)
                try:
                    check_ranges(algorithm, environment, given, ranges)
                except UsageError as error:
                    raise UsageError(f"benchmark {benchmark.name}: groups.{number}: {leader}: {error}") from error
                found.append(
                    Search(
                        group,
                        number,
                        environment,
                        leader,
                        ranges,
                        _own(algorithm, environment, given, ranges),
                        tuple(label for label in labels if label != leader),
                        tuple(group.environments) if alone else (environment,),
                    )
                )
    if not found:
        raise UsageError(f"--only {' '.join(only)}: leaves nothing to search: an entry whose host is searched inherits")
    return found


def _own(algorithm: str, environment: str, given: Mapping[str, Any], ranges: Mapping[str, Range]) -> Values:
    """Return the values that an entry has of what is searched, as JSON has them."""
    used, usual = used_settings(algorithm, environment, given), ENTRANTS[algorithm].Settings()
    return {name: json.loads(json.dumps(used.get(name, getattr(usual, name)))) for name in ranges}


def described(wanted: Sequence[Search], trials: int, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Return one row for each search: what it is over, and what it takes at most."""
    return [
        {
            "environment": each.environment,
            "entry": each.label,
            "inherited_by": ", ".join(each.heirs),
            "searched": ", ".join(each.ranges),
            "runs": trials * len(seeds),
            "environment_steps": trials * len(seeds) * each.group.budget,
        }
        for each in wanted
    ]


MakeSampler = Callable[[Search], Sampler]


def tune(
    benchmark: Benchmark,
    *,
    trials: int = TRIALS,
    seeds: Sequence[int] = (FIRST_SEED,),
    sampler: SamplerName | MakeSampler = "tpe",
    results: str | Path = "results/tuning",
    executor: str = DEFAULT,
    request: Request = session.DEFAULTS,
    only: Sequence[str] = (),
    console: Console = session.QUIET,
) -> Tuned:
    """Tune the settings of a benchmark's entries, with the same number of trials for each.

    Parameters
    ----------
    trials : number of trials per entry, all different; fewer if the ranges allow no more. Trial 0 is the entry itself.
    seeds : seeds of every trial: `FIRST_SEED` or more, and none of the benchmark's own.
    sampler : name of an Optuna sampler, or a function that makes another one for each search.
    results : folder of the store that keeps the trials.
    executor, request, console : as in `suite.run`.
    only : see `searches`.

    Raises
    ------
    UsageError
        If the benchmark cannot be searched like this, Optuna is missing, or the executor cannot be used.
    Interrupted
        If it was stopped; another call resumes.
    """
    _check_seeds(benchmark, seeds)
    wanted, store = searches(benchmark, only), Store(Path(results))
    samplers = [
        sampler(each)
        if callable(sampler)
        else OptunaSampler(each.ranges, each.own, sampler, seed_of(each.environment, each.label))
        for each in wanted
    ]
    request = request._replace(name=f"{benchmark.name}, trials")
    make_executor(executor, store, request)  # refuses what it does not take
    store.prepare()
    found: list[list[Trial]] = [[] for _ in wanted]
    for first in range(0, trials, ROUND):
        last = min(first + ROUND, trials) - 1
        asked = [_asked(each, range(first, last + 1)) for each in samplers]
        runs = [search.specs(values, seeds) for search, values in zip(wanted, asked, strict=True)]
        specs = [spec for of in runs for each in of.values() for spec in each]
        batch = Batch(store, [spec for spec in specs if not _has_outcome(store, spec)])
        if batch.missing:
            batch.announce({})
            session.execute(batch, executor, request._replace(name=f"{request.name} {first} to {last}"), console)
        outcome = read_results(store, specs)
        if lost := _lost(specs, store, outcome):
            return Tuned((), lost)
        for of, values, each, told in zip(runs, asked, samplers, found, strict=True):
            for number in values:
                told.append(trial(number, values[number], of[number], outcome))
                each.tell(told[-1].score)
    return Tuned(
        tuple(
            Found(
                search.number,
                search.environment,
                search.label,
                search.heirs,
                search.serves,
                search.own,
                tuple(tried),
                each.importances(),
            )
            for search, tried, each in zip(wanted, found, samplers, strict=True)
        ),
        {},
    )


def _check_seeds(benchmark: Benchmark, seeds: Sequence[int]) -> None:
    used = {spec.seed for spec in benchmark.plan()}
    for seed in seeds:
        if seed < FIRST_SEED:
            raise UsageError(
                f"--seeds: {seed}: must be {FIRST_SEED} or more: seeds from there on are for searches alone"
            )
        if seed in used:
            raise UsageError(f"--seeds: {seed}: is one of the benchmark itself, and so not for its search")


def _asked(sampler: Sampler, numbers: range) -> dict[int, Values]:
    """Return the values of the next trials, by number: fewer where there are no others."""
    found = {}
    for number in numbers:
        if (values := sampler.ask()) is None:
            break
        found[number] = values
    return found


def _has_outcome(store: Store, spec: RunSpec) -> bool:
    """Return whether a run failed in a way that would come again."""
    failure = store.record(spec.run).given_up()
    return failure is not None and failure.kind in WITHOUT_SCORE


def _lost(specs: Sequence[RunSpec], store: Store, results: Results) -> dict[str, str]:
    """Return the runs that are neither done nor have another outcome, and why."""
    return {
        spec.run: _reason(results, spec.run)
        for spec in specs
        if results.each[spec.run].state != "done" and not _has_outcome(store, spec)
    }


def _reason(results: Results, run: str) -> str:
    each = results.each[run]
    return str(each.failure.get("reason") or (each.problems or (each.state,))[0])
