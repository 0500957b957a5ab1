"""On which share of seeds does each entry of `quick` learn? In runs of other benchmarks that have its settings.

python -m studies.learning [STORE ...]        the table, from stores or snapshots
python -m studies.learning --unseen > unseen.yaml    entries of `quick` on ten seeds that are used for nothing else

What counts as learning: `suite.analysis.learning`, as on the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import yaml

from suite.analysis.learning import learning
from suite.analysis.results import read_results
from suite.plan.benchmark import SUITE, load_benchmark
from suite.spec import RunSpec
from suite.store.runs import Store

PUBLISHED = [Path("results/published/pilot"), Path("results/published/quick-unseen")]
CONTROL = "walker-2d-rand-params"
UNSEEN = range(200, 210)

COLUMNS = ("environment", "entry", "seeds", "learn", "untrained", "lowest score", "learns above")


def alike(spec: RunSpec) -> str:
    """Return what two runs must share to be of one entry here: all but seed and number of evaluations."""
    kept = {"label", "environment", "budget", "settings", "environment_options", "horizon", "train_tasks", "test_tasks"}
    return yaml.safe_dump(spec.model_dump(mode="json", include=kept))


def runs_alike(stores: Iterable[Path]) -> pd.DataFrame:
    """Return the finished runs that have the settings and budget of an entry of `quick`, one row each."""
    wanted = {alike(spec) for spec in load_benchmark("quick").plan()}
    every = [read_results(Store(path)) for path in stores]
    done = [found.done[[alike(found.specs[run]) in wanted for run in found.done["run"]]] for found in every]
    return pd.concat(done, ignore_index=True)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how many seeds of each entry learn (`COLUMNS`)."""
    lowest = runs.groupby(["environment", "entry"])["score"].min().rename("lowest score").reset_index()
    found = learning(runs).merge(lowest)
    return found.rename(columns={"learned": "learn", "learns_above": "learns above"})[list(COLUMNS)]


def printed(found: pd.DataFrame) -> list[str]:
    """Return a table's lines, in Markdown."""
    numbers = [f"| {' | '.join(_written(cell) for cell in row)} |" for row in found.itertuples(index=False)]
    return [f"| {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * (len(COLUMNS) - 2), *numbers]


def _written(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"


def unseen() -> str:
    """Return `quick` on seeds that are used for nothing else: the oracle, and the environment that `pilot` lacks."""
    quick = yaml.safe_load((SUITE / "plan" / "benchmarks" / "quick.yaml").read_text())
    groups = []
    for group in quick["groups"]:
        every = group["environments"] == [CONTROL]
        entries = {label: entry for label, entry in group["algorithms"].items() if every or label == "oracle-sac"}
        groups.append(group | {"seeds": [*UNSEEN], "algorithms": entries})
    found = {"name": "quick-unseen", "description": "Entries of quick on ten other seeds"}
    return yaml.safe_dump({**found, "groups": groups})


def main() -> None:
    """Print the table, or the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="*", type=Path, default=PUBLISHED)
    parser.add_argument("--unseen", action="store_true")
    arguments = parser.parse_args()
    print(unseen() if arguments.unseen else "\n".join(printed(table(runs_alike(arguments.stores)))))


if __name__ == "__main__":
    main()
