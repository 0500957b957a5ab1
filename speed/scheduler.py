"""The cost of the scheduler: `python -m speed.scheduler [RUNS]`.

Overhead: wall-clock time of RUNS runs that do nothing, one at a time, against as many starts of the same process
without a scheduler. Coordination: the share of a core that the `suite run` of a large benchmark takes while two of its
runs are running, shown on a terminal. Speed-up: the time of real short runs by one worker over that by two.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from suite.console.progress import Progress
from suite.execute.executor import Limits, Retries
from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Scheduler
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite.stores import make_spec

MANY = (1000, 10_000)
BUDGET = 60_000
"""Environment steps of a real run."""
NOTHING = (sys.executable, "-m", "tests.faults.trainer", "ends-well")


def scheduled(specs: Sequence[RunSpec], workers: int, command: Sequence[str]) -> float:
    """Return the seconds that a scheduler takes for some runs."""
    with tempfile.TemporaryDirectory() as results:
        store = Store(Path(results))
        store.prepare()
        scheduler = Scheduler(store, LocalLauncher(store, command), workers, Limits(), Retries(0))
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


def coordinating(runs: int, seconds: float = 60.0) -> float:
    """Return the share of a core that looking after two runs of so many takes."""
    specs = [make_spec(seed=seed) for seed in range(runs)]
    with tempfile.TemporaryDirectory() as results:
        store = Store(Path(results))
        for spec in specs:
            (store.runs_path / spec.run / "claims").mkdir(parents=True)
        command = (sys.executable, "-m", "tests.faults.trainer", "hangs")
        scheduler = Scheduler(store, LocalLauncher(store, command, memory=2**40), 2, Limits(), Retries(0))
        terminal = Console(file=io.StringIO(), force_terminal=True, width=120, height=50)
        with Progress(store, specs, terminal) as progress:
            begun, busy = time.perf_counter(), time.process_time()

            def watch() -> None:
                progress.tick(scheduler.underway)
                if time.perf_counter() - begun >= seconds:
                    scheduler.interrupt()

            with suppress(KeyboardInterrupt):
                scheduler.run(specs, watch)
            return (time.process_time() - busy) / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    for many in MANY:
        print(f"looking after {many:6,} runs      {coordinating(many):7.1%} of a core")
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    specs = [make_spec(seed=seed) for seed in range(runs)]
    alone, together = unscheduled(specs), scheduled(specs, 1, NOTHING)
    print(f"a process that does nothing   {alone / runs:6.3f} s")
    print(f"the same as a run             {together / runs:6.3f} s")
    print(f"the scheduler's overhead      {(together - alone) / runs:6.3f} s a run, over {runs} runs")

    real = [
        spec.model_copy(update={"seed": seed, "budget": BUDGET})
        for spec in load_benchmark("smoke").plan()
        if (spec.algorithm, spec.environment) == ("oracle-sac", "point-goal-2d")
        for seed in range(4)
    ]
    command = (sys.executable, "-m", "suite", "exec")
    one, two = scheduled(real, 1, command), scheduled(real, 2, command)
    print(f"{len(real)} real runs: {one:.1f} s by one worker, {two:.1f} s by two: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
