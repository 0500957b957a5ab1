"""The task of a cluster's job array: it claims runs of a plan that are free, and executes them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from suite.execute.executor import Limits, Request, Retries
from suite.execute.local import LocalLauncher
from suite.execute.machine import this_machine
from suite.execute.patience import Patience
from suite.execute.scheduler import Scheduler, share
from suite.failures import INTERRUPTED_STATUS
from suite.spec import RunSpec
from suite.store.lease import LEASE_SECONDS
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from suite.store.submissions import Submission


def pull(submission: Submission) -> int:
    """Execute runs until none is left that is free; return the exit status.

    What others hold is waited for as long as it takes to see whether they live: a task that was queued again after its
    node was lost finds its own runs held.

    Raises
    ------
    UsageError
        If the plan cannot be read.
    """
    plan, store = submission.plan, submission.store
    command = Request(
        runs=len(plan.runs),
        checkpoint_seconds=plan.checkpoint_seconds,
        retries=Retries(plan.retries),
        modules=plan.modules,
    ).command
    launcher = LocalLauncher(
        store, [sys.executable, "-P", "-m", "suite", *command], gpus=this_machine().gpus, memory=plan.memory
    )
    scheduler = Scheduler(
        store,
        launcher,
        plan.runs_at_once,
        Limits(plan.seconds, plan.silence),
        Retries(plan.retries),
        patience=2 * LEASE_SECONDS,
        grace=plan.grace,
    )
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:  # Slurm signals every process, and the script this one: that is no hurry
            asked = True
            scheduler.interrupt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    task = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0")) % plan.tasks
    order = share(plan.runs, task, plan.tasks)
    left_alone: set[str] = set()
    """Runs that fail where the store cannot even say so."""
    try:
        store_there = Patience(store.results)
        while free := [spec for spec in store_there.insist(lambda: _free(store, order)) if spec.run not in left_alone]:
            scheduler.run(free, lambda: None)
            states = store_there.insist(lambda: {spec.run: store.record(spec.run).state for spec in free})
            left_alone |= {run for run in scheduler.failures if states.get(run) == "pending"}
            if all(states[run] != "pending" or run in left_alone for run in states):
                break  # done, given up, or in the hands of others
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    return 0


def _free(store: Store, runs: Sequence[str]) -> list[RunSpec]:
    """Return the runs that are neither done, post-run steps included, nor given up."""
    specs = []
    for run in runs:
        record = store.record(run)
        if record.state in ("pending", "running") or record.owed:
            with suppress(CorruptRunError):  # named by whoever reads the results
                specs.append(record.spec())
    return specs
