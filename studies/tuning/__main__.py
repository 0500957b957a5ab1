"""The search for the settings of `pilot`, in steps that can be repeated and interrupted.

python -m studies.tuning search results/tuning      goes on where it stopped; with --only environment=reach-v1, a piece
python -m studies.tuning pilot                      prints the benchmark with the best of each
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

from studies.tuning.search import COLUMNS, HERE, Drawn, Search, collect, read_search, tuned, unsearched
from suite.plain_yaml import write_yaml
from suite.store.runs import Store
from suite.tuning.search import tune

TABLE = HERE / "tuning.csv"


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """Read what the search has tried so far; empty before it has begun."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))


def pilot(search: Search, found: pd.DataFrame) -> str:
    """Return the benchmark's file as the search has it so far."""
    benchmark, unlearnt = tuned(search, found)
    total = sum(len(place.algorithms) for place in search.environments.values()) * search.trials * len(search.seeds)
    head = [
        "Written by `python -m studies.tuning pilot`; what may be changed by hand is studies/tuning/pilot.yaml.",
        f"Settings: the best of the search in studies/tuning/tuning.csv, {len(found)} of whose {total} runs ended;",
        "where none has, what the search begins with.",
        *(f"Left out, for oracle-sac does not learn it: {environment}." for environment in unlearnt),
    ]
    return "".join(f"# {line}\n" for line in head) + write_yaml(benchmark)


def main() -> None:
    """Do one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["search", "pilot"])
    parser.add_argument("store", nargs="?", type=Path, default=Path("results/tuning"))
    parser.add_argument("--only", action="append", default=[], metavar="KEY=NAMES")
    arguments = parser.parse_args()
    search = read_search()
    if arguments.step == "pilot":
        print(pilot(search, read_table()), end="")
        return
    outcome = tune(
        unsearched(search),
        trials=search.trials,
        seeds=search.seeds,
        sampler=lambda wanted: Drawn(search, wanted),
        results=arguments.store,
        only=arguments.only,
        console=Console(stderr=True),
    )
    for run, reason in outcome.lost.items():
        print(f"{run}: {reason}", file=sys.stderr)
    found = collect(search, outcome.found, Store(arguments.store), read_table())
    found.to_csv(TABLE, index=False)
    print(f"{TABLE}: {len(found)} runs")


if __name__ == "__main__":
    main()
