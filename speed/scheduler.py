"""What the scheduler costs: `python -m speed.scheduler [RUNS]`.

Overhead: wall-clock time of RUNS runs that do nothing, one at a time, against as many starts of the same process
without a scheduler. Speed-up: the time of real short runs by one worker over that by two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from suite.execute.local import LocalExecutor
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite.stores import make_spec

NOTHING = (sys.executable, "-m", "tests.faults.trainer", "ends-well")


def scheduled(specs: Sequence[RunSpec], workers: int, command: Sequence[str]) -> float:
    """Return the seconds that a scheduler takes for some runs."""
    with tempfile.TemporaryDirectory() as results:
        store = Store(Path(results))
        store.prepare()
        scheduler = Scheduler(store, LocalExecutor(store, command), workers, Limits(), Retries(0))
        begun = time.perf_counter()
        scheduler.run(specs, lambda: None)
        seconds = time.perf_counter() - begun
        assert all(store.folder(spec.run).state == "done" for spec in specs)
    return seconds


def unscheduled(specs: Sequence[RunSpec]) -> float:
    """Return the seconds that the same processes take one after the other."""
    with tempfile.TemporaryDirectory() as results:
        store = Store(Path(results))
        store.prepare()
        for spec in specs:
            store.folder(spec.run).prepare(spec)
        begun = time.perf_counter()
        for spec in specs:
            subprocess.run([*NOTHING, spec.run, "--results", results], check=True)
        return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    specs = [make_spec(seed=seed) for seed in range(runs)]
    alone, together = unscheduled(specs), scheduled(specs, 1, NOTHING)
    print(f"a process that does nothing   {alone / runs:6.3f} s")
    print(f"the same as a run             {together / runs:6.3f} s")
    print(f"the scheduler's overhead      {(together - alone) / runs:6.3f} s a run, over {runs} runs")

    real = [
        spec.model_copy(update={"seed": seed, "budget": 60_000})
        for spec in load_benchmark("smoke").plan()
        if (spec.algorithm, spec.environment) == ("oracle-sac", "point-goal-2d")
        for seed in range(4)
    ]
    command = (sys.executable, "-m", "suite", "exec")
    one, two = scheduled(real, 1, command), scheduled(real, 2, command)
    print(f"{len(real)} real runs: {one:.1f} s by one worker, {two:.1f} s by two: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
