"""Random search as a benchmark: trials are entries, so that a store keeps what is finished and `suite run` goes on."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from suite.analysis.intervals import learnt
from suite.analysis.results import read_results
from suite.plain_yaml import read_yaml
from suite.plan.benchmark import Benchmark
from suite.plan.embeddings import Embedding
from suite.plan.seeds import AdaptiveSeeds
from suite.store.runs import Store

HERE = Path(__file__).parent
FIRST_SEED = 100
"""Seeds from here on are for searches alone."""

COLUMNS = ("environment", "algorithm", "trial", "seed", "run", "state", "score", "untrained", "seconds", "settings")
TRIAL = COLUMNS[:4]
"""The columns that identify a row; a later revision's run of it takes its place."""

Settings = dict[str, Any]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Searched(_Value):
    """An algorithm: what its search begins with, and the values that each setting may have."""

    settings: Settings
    search: dict[str, Annotated[list[Any], Field(min_length=1)]]


class Inheriting(_Value):
    """An entry with the settings that were found for its host, and some of its own."""

    host: str
    settings: Settings = {}


class Place(_Value):
    """The search on an environment."""

    budget: PositiveInt
    evaluations: PositiveInt
    algorithms: dict[str, Searched]
    inherit: dict[str, Inheriting]


class Search(_Value):
    """A search, and the benchmark that it is for."""

    name: str
    description: str
    seeds: Annotated[list[Annotated[int, Field(ge=FIRST_SEED)]], Field(min_length=1)]
    trials: PositiveInt
    adaptive: AdaptiveSeeds
    environments: dict[str, Place]
    clusters: list[Embedding] = []
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


def label(algorithm: str, trial: int) -> str:
    """Name the entry of a trial."""
    return f"{algorithm} trial {trial:02}"


def as_benchmark(search: Search) -> Settings:
    """Return the search as a benchmark: an entry a trial."""
    return {
        "name": f"{search.name}-tuning",
        "description": f"The search for the settings of {search.name}: an entry a trial",
        "groups": [
            {
                "environments": [environment],
                "seeds": search.seeds,
                "budget": place.budget,
                "evaluations": place.evaluations,
                "algorithms": {
                    label(algorithm, trial): {"algorithm": algorithm, "settings": settings}
                    for algorithm in place.algorithms
                    for trial, settings in enumerate(trials(search, environment, algorithm))
                },
            }
            for environment, place in search.environments.items()
        ],
    }


def collect(search: Search, store: Store, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return every trial that has ended, the failed ones included: one row a run (`COLUMNS`).

    Parameters
    ----------
    before : what was collected earlier, perhaps from another store; kept where this one has nothing newer.
    """
    specs = Benchmark.model_validate(as_benchmark(search)).plan()
    runs = read_results(store, specs).runs.set_index("run")
    rows = []
    for spec in specs:
        row = runs.loc[spec.run]
        if row["state"] in ("done", "failed", "unreadable"):
            trial = int(spec.label.rpartition(" ")[2])
            settings = json.dumps(trials(search, spec.environment, spec.algorithm)[trial], sort_keys=True)
            numbers = (row["score"], row["untrained"], row["seconds_total"])
            rows.append(
                (spec.environment, spec.algorithm, trial, spec.seed, spec.run, row["state"], *numbers, settings)
            )
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    if before is not None and not before.empty:
        newer = pd.MultiIndex.from_frame(found[list(TRIAL)])
        found = pd.concat([found, before[~pd.MultiIndex.from_frame(before[list(TRIAL)]).isin(newer)]])
    return found.sort_values(list(TRIAL), ignore_index=True)


def best(search: Search, found: pd.DataFrame, environment: str, algorithm: str) -> tuple[Settings, pd.Series | None]:
    """Return the settings of the trial with the highest mean score over all of the search's seeds.

    Returns
    -------
    The settings, and the trial's mean `score` and `untrained`; what the search begins with and None before any trial
    is done.
    """
    done = found[
        (found["environment"] == environment)
        & (found["algorithm"] == algorithm)
        & (found["state"] == "done")
        & found["seed"].isin(search.seeds)
    ]
    means = done.groupby("settings")[["score", "untrained"]].mean()[
        done.groupby("settings")["seed"].nunique() == len(search.seeds)
    ]
    if means.empty:
        return search.environments[environment].algorithms[algorithm].settings, None
    winner = means["score"].idxmax()
    return json.loads(str(winner)), means[means.index == winner].iloc[0]


def tuned(search: Search, found: pd.DataFrame) -> tuple[Settings, list[str]]:
    """Return the benchmark with what the search has found, and the environments that its oracle does not learn."""
    groups: list[Settings] = []
    unlearnt = []
    for environment, place in search.environments.items():
        settings = {name: best(search, found, environment, name) for name in place.algorithms}
        oracle = settings["oracle-sac"][1]
        if oracle is not None and not learnt(float(oracle["untrained"]), float(oracle["score"])):
            unlearnt.append(environment)
            continue
        entries = {name: {"settings": values} for name, (values, _) in settings.items()}
        for name, entry in place.inherit.items():
            entries[name] = {"settings": settings[entry.host][0] | entry.settings}
        groups.append(
            {
                "environments": [environment],
                "seeds": search.adaptive.model_dump(),
                "budget": place.budget,
                "evaluations": place.evaluations,
                "algorithms": entries,
            }
        )
    clusters = [
        item.model_dump(exclude_unset=True) | {"environments": left}
        for item in search.clusters
        if (left := [name for name in item.environments if name not in unlearnt])
    ]
    return {"name": search.name, "description": search.description, "groups": groups, "clusters": clusters}, unlearnt
