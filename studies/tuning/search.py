"""The random search that found `pilot`'s settings: `suite tune` with the trials that were drawn for it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt, model_validator

from suite.analysis.intervals import learnt
from suite.analysis.results import read_results
from suite.analysis.tuned import Found, Trial
from suite.plain_yaml import read_yaml
from suite.plan.benchmark import Benchmark
from suite.plan.embeddings import Embedding
from suite.plan.ranges import FIRST_SEED
from suite.plan.seeds import AdaptiveSeeds
from suite.schema import Strict
from suite.store.runs import Store
from suite.tuning.sampler import Values
from suite.tuning.search import Search as EntrySearch
from suite.tuning.search import searches
from suite.tuning.written import tuned as with_found

HERE = Path(__file__).parent
COLUMNS = ("environment", "algorithm", "trial", "seed", "run", "state", "score", "untrained", "seconds", "settings")
TRIAL = COLUMNS[:4]
"""The columns that identify a row; a later revision's run of it takes its place."""

Settings = dict[str, Any]


class Searched(Strict):
    """An algorithm: what its search begins with, and the values that each setting may have."""

    settings: Settings
    search: dict[str, Annotated[list[Any], Field(min_length=1)]]


class Inheriting(Strict):
    """An entry with the settings that were found for its host, and some of its own."""

    host: str
    settings: Settings = Field(default_factory=dict)


class Place(Strict):
    """The search on an environment."""

    budget: PositiveInt
    evaluations: PositiveInt
    algorithms: dict[str, Searched]
    inherit: dict[str, Inheriting]


class Search(Strict):
    """A search, and the benchmark that it is for."""

    name: str
    description: str
    seeds: Annotated[list[Annotated[int, Field(ge=FIRST_SEED)]], Field(min_length=1)]
    trials: PositiveInt
    adaptive: AdaptiveSeeds
    environments: dict[str, Place]
    clusters: list[Embedding] = Field(default_factory=list)
    """Runs of the benchmark whose context embeddings are judged."""

    @model_validator(mode="after")
    def _hosts_are_searched(self) -> Search:
        for environment, place in self.environments.items():
            for label, entry in place.inherit.items():
                if entry.host not in place.algorithms:
                    raise ValueError(f"{environment}: {label}: host {entry.host!r} is not searched there")
        return self


def read_search(name: str = "pilot") -> Search:
    """Read the search of a benchmark."""
    return read_yaml(HERE / f"{name}.yaml", Search, "search")


def trials(search: Search, environment: str, algorithm: str) -> list[Settings]:
    """Return the settings of every trial, all different; the first is what the search begins with.

    Fewer than asked for where the choices are fewer.
    """
    of = search.environments[environment].algorithms[algorithm]
    generator = np.random.default_rng(zlib.crc32(f"{environment} {algorithm}".encode()))
    found = [of.settings]
    for _ in range(1000):
        if len(found) == search.trials:
            break
        drawn = {name: values[generator.integers(len(values))] for name, values in of.search.items()}
        if (settings := of.settings | drawn) not in found:
            found.append(settings)
    return found


class Drawn:
    """The trials that were drawn beforehand, as what `suite.tuning.tune` asks."""

    def __init__(self, search: Search, wanted: EntrySearch) -> None:
        of = search.environments[wanted.environment].algorithms[wanted.label]
        self._left = [
            {name: settings.get(name, wanted.own[name]) for name in of.search}
            for settings in trials(search, wanted.environment, wanted.label)
        ]

    def ask(self) -> Values | None:
        """Return the next one's values; None after the last."""
        return self._left.pop(0) if self._left else None

    def tell(self, score: float | None) -> None:
        """Take no notice: they were drawn beforehand."""

    def importances(self) -> dict[str, float]:
        """Say nothing of them."""
        return {}


def unsearched(search: Search) -> Benchmark:
    """Return the benchmark with what each search begins with."""
    groups: list[Settings] = []
    for environment, place in search.environments.items():
        entries = {name: of.settings for name, of in place.algorithms.items()}
        heirs = {label: entries[entry.host] | entry.settings for label, entry in place.inherit.items()}
        groups.append(
            {
                "environments": [environment],
                "seeds": search.adaptive.model_dump(),
                "budget": place.budget,
                "evaluations": place.evaluations,
                "algorithms": {label: {"settings": settings} for label, settings in (entries | heirs).items()},
                "tune": {"ranges": {name: of.search for name, of in place.algorithms.items()}},
            }
        )
    clusters = [item.model_dump(exclude_unset=True) for item in search.clusters]
    return Benchmark.model_validate(
        {"name": search.name, "description": search.description, "groups": groups, "clusters": clusters}
    )


def collect(search: Search, found: Sequence[Found], store: Store, before: pd.DataFrame) -> pd.DataFrame:
    """Return every trial of a search that is over, the failed ones included: one row a run (`COLUMNS`).

    Parameters
    ----------
    before : what was collected earlier, perhaps from another store; kept where this one has nothing newer.
    """
    names = [run for each in found for trial in each.trials for run in trial.runs]
    specs = [store.record(run).spec() for run in names]
    runs = read_results(store, specs).runs.set_index("run")
    rows = []
    for each in found:
        for trial in each.trials:
            for run in trial.runs:
                row, own = runs.loc[run], store.record(run).spec()
                numbers = (row["score"], row["untrained"], row["seconds_total"])
                settings = json.dumps(trials(search, each.environment, each.entry)[trial.number], sort_keys=True)
                what = (each.environment, each.entry, trial.number, own.seed, run, row["state"])
                rows.append((*what, *numbers, settings))
    newer = pd.DataFrame(rows, columns=list(COLUMNS))
    if not before.empty:
        index = pd.MultiIndex.from_frame(newer[list(TRIAL)])
        newer = pd.concat([newer, before[~pd.MultiIndex.from_frame(before[list(TRIAL)]).isin(index)]])
    return newer.sort_values(list(TRIAL), ignore_index=True)


def found_by(search: Search, table: pd.DataFrame) -> list[Found]:
    """Return what a table says of each entry: of the trials that have a score for every seed of the search."""
    found = []
    for wanted in searches(unsearched(search)):
        rows = table[(table["environment"] == wanted.environment) & (table["algorithm"] == wanted.label)]
        rows = rows[(rows["state"] == "done") & rows["seed"].isin(search.seeds)]
        tried = []
        for number, of in rows.groupby("trial"):
            if of["seed"].nunique() == len(search.seeds):
                settings = json.loads(of["settings"].iloc[0])
                values = {name: settings[name] for name in wanted.ranges if name in settings}
                means = of[["score", "untrained"]].mean()
                tried.append(
                    Trial(
                        int(str(number)),
                        values,
                        float(means["score"]),
                        float(means["untrained"]),
                        float(of["seconds"].sum()),
                        "",
                        tuple(of["run"]),
                    )
                )
        found.append(
            Found(
                wanted.number,
                wanted.environment,
                wanted.label,
                wanted.heirs,
                wanted.serves,
                wanted.own,
                tuple(tried),
                {},
            )
        )
    return found


def tuned(search: Search, table: pd.DataFrame) -> tuple[Settings, list[str]]:
    """Return the benchmark with what the search has found, and the environments that its oracle does not learn."""
    found = found_by(search, table)
    unlearnt = [
        each.environment
        for each in found
        if each.entry == "oracle-sac"
        and each.best is not None
        and not learnt(float(each.best.untrained or 0.0), float(each.best.score or 0.0))
    ]
    written = with_found(unsearched(search), found, HERE)
    groups = [group for group in written["groups"] if group["environments"][0] not in unlearnt]
    clusters = [
        item | {"environments": left}
        for item in written["clusters"]
        if (left := [name for name in item["environments"] if name not in unlearnt])
    ]
    return written | {"name": search.name, "groups": groups, "clusters": clusters}, unlearnt
