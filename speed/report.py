"""The time of the report of a large store, and how it grows: `python -m speed.report`.

900 runs: 50 ML1 environments x 6 algorithms x 3 seeds, 100 evaluations of 10 test tasks each. Target on two cores:
under 60 s and under 3 MB.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from suite.analysis.results import read_results
from suite.papers.paper import read_papers
from suite.plan.environment_sets import environment_sets
from suite.report.contents import contents
from suite.report.page import render
from suite.store.runs import Store
from tests.suite.stores import finish, make_spec

ALGORITHMS = ("tcl-pearl", "pearl", "oracle-sac", "mql", "rl2-ppo", "maml-trpo")
SEEDS = 3


def fill(store: Store, environments: int) -> int:
    """Write a store of noisy learning curves; return the number of runs."""
    generator = np.random.default_rng(0)
    count = 0
    for environment in environment_sets()["ml1-50"][:environments]:
        for algorithm in ALGORITHMS:
            for seed in range(SEEDS):
                end, noise = 1e5 * generator.random(), 1e3 * generator.normal(size=101)

                def curve(share: float, end: float = end, noise: np.ndarray = noise) -> float:
                    return float(end * (1 - np.exp(-4 * share)) + noise[round(100 * share)] * (share > 0))

                spec = make_spec(algorithm, str(environment), seed, evaluations=100, exploration_episodes=10)
                finish(store, spec, curve, tasks=10)
                count += 1
    return count


def main() -> None:
    """Print one line a store size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, nargs="+", default=[6, 17, 50])
    parser.add_argument("--keep", type=Path, help="write the pages here")
    arguments = parser.parse_args()
    print("runs  reading, s  judging and drawing, s  processor, s  page, MB")
    for environments in arguments.environments:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            runs = fill(store, environments)
            begun, busy = time.perf_counter(), time.process_time()
            results = read_results(store)
            read = time.perf_counter()
            page = render(contents(results, read_papers()))
            done, busy = time.perf_counter(), time.process_time() - busy
        size = len(page.encode()) / 1e6
        print(f"{runs:4d}  {read - begun:10.1f}  {done - read:22.1f}  {busy:12.1f}  {size:8.2f}")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{runs}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
