"""Returns of MAML's test tasks after each gradient step, seed by seed, of the published runs.

python -m studies.worst_tasks [SEED ...] [--entry maml-0.1] [--above maml]

Printed are mean and median over the 40 tasks, and after the second step the number of tasks below -20 and the worst,
each with its goal; or only whether these runs return more after it than all of another entry.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

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


def runs_of(entry: str) -> dict[int, RunRecord]:
    """Return the published runs of an entry by seed."""
    return {spec.seed: record for record in Store(PUBLISHED).records() if (spec := record.spec()).label == entry}


def mean_after(record: RunRecord) -> float:
    """Return the mean over tasks after the second step."""
    return float(returns(record)[STEP].mean())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int)
    parser.add_argument("--entry", default="maml")
    parser.add_argument("--above", help="the other entry")
    arguments = parser.parse_args()
    chosen = runs_of(arguments.entry)
    seeds = arguments.seeds or sorted(chosen)
    if arguments.above:
        ours = [mean_after(chosen[seed]) for seed in seeds]
        theirs = [mean_after(run) for run in runs_of(arguments.above).values()]
        found = stats.mannwhitneyu(ours, theirs, alternative="greater", method="exact")
        above = f"{found.statistic:g} of {len(ours) * len(theirs)} pairs of runs are above"
        print(f"after {STEP} steps {above}: p = {found.pvalue:.3f} (exact rank test, one-sided)")
        return
    goals = make_family("navigation-2d", test_goals="icml").sample_tasks(0).test
    print(f"| seed | means | medians | tasks below {LOST:g} | the worst, with their goals |")
    print("|---|---|---|---|---|")
    for seed in seeds:
        table = returns(chosen[seed])
        after = table[STEP].to_numpy()
        worst = "; ".join(
            f"{after[task]:.1f} at {goals[task][0]:.2f}, {goals[task][1]:.2f}" for task in np.argsort(after)[:WORST]
        )
        means, medians = (", ".join(f"{value:.1f}" for value in each) for each in (table.mean(), table.median()))
        print(f"| {seed} | {means} | {medians} | {(after < LOST).sum()} | {worst} |")


if __name__ == "__main__":
    main()
