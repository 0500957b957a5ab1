"""The search for the settings of `pilot`, in steps that can be repeated and interrupted.

python -m studies.tuning trials > trials.yaml         the search as a benchmark
suite run trials.yaml --results results/tuning      goes on where it stopped; with --only environment=reach-v1, a piece
python -m studies.tuning collect results/tuning       adds what has ended to tuning.csv
python -m studies.tuning pilot                        writes the benchmark with the best of each
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from studies.tuning.search import COLUMNS, HERE, Search, as_benchmark, collect, read_search, tuned
from suite.plan.benchmark import SUITE
from suite.store.runs import Store

TABLE = HERE / "tuning.csv"
PILOT = SUITE / "plan" / "benchmarks" / "pilot.yaml"


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """Read what the search has tried so far; empty before it has begun."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))


class _Plainly(yaml.SafeDumper):
    """Writes every value where it stands, without references to others."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(value: Any) -> str:
    """Write a benchmark as YAML."""
    return yaml.dump(value, Dumper=_Plainly, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


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
    return "".join(f"# {line}\n" for line in head) + written(benchmark)


def main() -> None:
    """Do one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["trials", "collect", "pilot"])
    parser.add_argument("store", nargs="?", type=Path, default=Path("results/tuning"))
    arguments = parser.parse_args()
    search = read_search()
    if arguments.step == "trials":
        print(written(as_benchmark(search)), end="")
    elif arguments.step == "collect":
        found = collect(search, Store(arguments.store), read_table())
        found.to_csv(TABLE, index=False)
        print(f"{TABLE}: {len(found)} runs")
    else:
        PILOT.write_text(pilot(search, read_table()))
        print(PILOT)


if __name__ == "__main__":
    main()
