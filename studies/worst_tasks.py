"""Returns of MAML's test tasks after each gradient step, seed by seed, of the published runs.

python -m studies.worst_tasks [SEED ...] [--entry maml-0.1]

Printed are mean and median over the 40 tasks, and after the second step the number of tasks below -20 and the worst,
each with its goal.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from environments import make_family
from suite.store.record import ADAPTATIONS, RunRecord
from suite.store.runs import Store

PUBLISHED = Path("results/published/maml")
STEP = 2
LOST = -20.0
WORST = 4


def returns(record: RunRecord) -> pd.DataFrame:
    """Return the last evaluation of a run: one row a task, one column a number of gradient steps."""
    episodes = record.evaluations()
    last = episodes[episodes["environment_steps"] == episodes["environment_steps"].max()]
    table: pd.DataFrame = last.pivot_table("return", "task", ADAPTATIONS)
    return table


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int)
    parser.add_argument("--entry", default="maml")
    arguments = parser.parse_args()
    goals = make_family("navigation-2d", test_goals="icml").sample_tasks(0).test
    print(f"| seed | means | medians | tasks below {LOST:g} | the worst, with their goals |")
    print("|---|---|---|---|---|")
    records = Store(PUBLISHED).records()
    runs = {spec.seed: record for record in records if (spec := record.spec()).label == arguments.entry}
    for seed in arguments.seeds or sorted(runs):
        table = returns(runs[seed])
        after = table[STEP].to_numpy()
        worst = "; ".join(
            f"{after[task]:.1f} at {goals[task][0]:.2f}, {goals[task][1]:.2f}" for task in np.argsort(after)[:WORST]
        )
        means, medians = (", ".join(f"{value:.1f}" for value in each) for each in (table.mean(), table.median()))
        print(f"| {seed} | {means} | {medians} | {(after < LOST).sum()} | {worst} |")


if __name__ == "__main__":
    main()
