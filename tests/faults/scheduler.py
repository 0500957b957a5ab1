"""A scheduler to be killed: `python -m tests.faults.scheduler MODE RESULTS RUNS [forked]` runs misbehaving trainers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from suite.execute.local import WORKER_ENVIRONMENT, LocalLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.execute.warm import WarmServer
from suite.store.runs import Store
from tests.suite.stores import make_spec


def main() -> None:
    mode, results, runs, *forked = sys.argv[1:]
    store = Store(Path(results))
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", mode]
    with WarmServer(command, store.results, WORKER_ENVIRONMENT) as server:
        launcher = LocalLauncher(store, command, warm=server if forked else None)
        scheduler = Scheduler(store, launcher, 2, Limits(), Retries(backoff=0.05))
        signal.signal(signal.SIGTERM, lambda *_: scheduler.interrupt())
        scheduler.run([make_spec(seed=seed) for seed in range(int(runs))], lambda: None)


if __name__ == "__main__":
    main()
