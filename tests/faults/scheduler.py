"""A scheduler to be killed: `python -m tests.faults.scheduler MODE RESULTS RUNS` runs misbehaving trainers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.store.runs import Store
from tests.suite.stores import make_spec


def main() -> None:
    mode, results, runs = sys.argv[1:]
    store = Store(Path(results))
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", mode]
    scheduler = Scheduler(store, LocalLauncher(store, command), 2, Limits(), Retries(backoff=0.05))
    signal.signal(signal.SIGTERM, lambda *_: scheduler.interrupt())
    scheduler.run([make_spec(seed=seed) for seed in range(int(runs))], lambda: None)


if __name__ == "__main__":
    main()
