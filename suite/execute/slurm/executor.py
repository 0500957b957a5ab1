"""Slurm: a job array whose tasks claim runs from the store; what is here submits it, and looks on.

Nothing that matters is kept here or by Slurm: a lost, repeated or delayed task is met by leases, by checkpoints, and by
the attempts that the store counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from suite.errors import UsageError
from suite.execute.executor import TICK_SECONDS, Request
from suite.execute.slurm.commands import see, submit, tasks
from suite.execute.slurm.script import Cluster, load_cluster, script
from suite.failures import Failure
from suite.spec import RunSpec
from suite.store.record import RunRecord
from suite.store.runs import Store
from suite.store.submissions import Plan, Submission, next_submission, prepare, submissions, write

STORE_SECONDS = 2.0
"""Between two looks at the store."""

QUEUE_SECONDS = 15.0
"""Between two looks at the queue: its controller serves everybody."""

SAVING_SECONDS = 10.0
"""Of the time after the signal that is left when runs that have saved nothing are killed."""

Place = Literal["queued", "running", "lost"]


@contextmanager
def site(store: Store, request: Request) -> Iterator[Slurm]:
    """Prepare to submit; there is nothing to clean up.

    Raises
    ------
    UsageError
        If this is no Slurm site, or its file is not valid.
    """
    cluster = load_cluster(request.cluster)
    if request.workers is not None:
        raise UsageError("--workers: is not for slurm; its file says concurrency and runs_at_once")
    submit("--version")
    yield Slurm(store, cluster, request)


class Slurm:
    """Has runs executed by a job array.

    Parameters
    ----------
    store : where runs are kept; every node must see it.
    cluster : what each task gets.
    request : what is asked for.
    """

    def __init__(self, store: Store, cluster: Cluster, request: Request) -> None:
        self.store, self.cluster, self.request = store, cluster, request
        self.failures: dict[str, Failure] = {}
        self.watched: list[Submission] = []
        """Submissions that execute what was asked for."""
        self._interrupted = False

    @property
    def described(self) -> str:
        """How many tasks at once."""
        return f"{self.cluster.tasks(self.request.runs)} tasks of {self.cluster.runs_at_once} runs"

    @property
    def parting(self) -> str:
        """The jobs go on."""
        jobs = ", ".join(f"{submission.job}" for submission in self.watched)
        return f"detached: job {jobs} goes on (to end it: suite cancel --results {self.store.results})"

    def underway(self) -> set[str]:
        """Nothing: what the tasks do is seen in the store alone."""
        return set()

    def interrupt(self) -> None:
        """Detach."""
        self._interrupted = True

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Submit what is not submitted yet, and look on until it is done or nobody is left to do it.

        Raises
        ------
        KeyboardInterrupt
            After `interrupt` was called.
        UsageError
            If Slurm refuses, or its nodes do not see the store.
        """
        wanted = {spec.run for spec in specs}
        earlier = list(submissions(self.store))
        queued = {task.partition("_")[0] for task in tasks(earlier)}
        self.watched = [each for each in earlier if each.job in queued and wanted & set(each.plan.runs)]
        covered = {run for each in self.watched for run in each.plan.runs}
        if rest := [spec.run for spec in specs if spec.run not in covered]:
            self.watched.append(submitted(self.store, self.cluster, self.request, rest))
        try:
            self._look_on([self.store.record(spec.run) for spec in specs], watch)
        finally:
            folders = {spec.run: self.store.record(spec.run) for spec in specs}
            self.failures = {run: why for run, folder in folders.items() if (why := folder.given_up())}
        if self._interrupted:
            raise KeyboardInterrupt

    def _look_on(self, folders: list[RunRecord], watch: Callable[[], None]) -> None:
        store_at = queue_at = 0.0
        gone = 0
        while not self._interrupted and gone < 2:  # a task may be between two states when the queue is read
            now = time.monotonic()
            if now >= store_at:
                watch()
                folders = [each for each in folders if each.state in ("pending", "running") or each.owed]
                if not folders:
                    return
                store_at = now + STORE_SECONDS
            if now >= queue_at:
                try:
                    gone = 0 if tasks(self.watched) else gone + 1
                except UsageError:
                    gone = 0  # the controller is away; its nodes go on
                queue_at = now + (QUEUE_SECONDS if not gone else STORE_SECONDS)
            time.sleep(TICK_SECONDS)
        watch()


def submitted(store: Store, cluster: Cluster, request: Request, runs: Sequence[str]) -> Submission:
    """Submit some runs as a job array.

    Raises
    ------
    UsageError
        If Slurm refuses, or its nodes do not see the store; nothing was submitted then.
    """
    submission = prepare(store, request.name)
    try:
        plan = planned(cluster, request, runs)
        write(submission, plan, script(cluster, submission, plan.tasks, request.threads))
        submit(str(submission.script), "--test-only")
        needed = [str(submission.script), *([] if cluster.container else [sys.executable]), *request.own_files]
        blind = see(cluster.options, needed)
        if blind:
            own = blind[0] in request.own_files
            remedy = "put it where every node sees it" if own else "give a --results that every node sees"
            raise UsageError(f"a node of the cluster does not see {blind[0]}: {remedy}")
        if blind is None:
            print("no node was free to say whether it sees the store; tasks that do not will fail", file=sys.stderr)
        submission.accepted(submit(str(submission.script), "--parsable").partition(";")[0])
    except BaseException:
        submission.forget()
        raise
    return submission


def dry_run(store: Store, request: Request) -> str:
    """Return the script that would be submitted; nothing is written, and Slurm is not asked.

    Raises
    ------
    UsageError
        If the file of the site is not valid.
    """
    cluster = load_cluster(request.cluster)
    return script(cluster, next_submission(store, request.name), cluster.tasks(max(1, request.runs)), request.threads)


def planned(cluster: Cluster, request: Request, runs: Sequence[str]) -> Plan:
    """Return what the tasks are to do."""
    return Plan(
        runs=tuple(runs),
        tasks=cluster.tasks(len(runs)),
        runs_at_once=cluster.runs_at_once,
        checkpoint_seconds=request.checkpoint_seconds,
        retries=request.retries.most,
        seconds=request.limits.seconds,
        silence=request.limits.silence,
        memory=request.memory,
        modules=request.modules,
        grace=max(SAVING_SECONDS, cluster.signal_seconds - SAVING_SECONDS),
    )


def places(store: Store) -> dict[str, Place]:
    """Return where Slurm has runs that are not done or failed.

    `queued`: a task that is queued or running will come to it. `running`: a task is working on it. `lost`: the task
    that began it is no longer there, and has left no word; another goes on with it once its lease is over.

    Raises
    ------
    UsageError
        If the queue cannot be read.
    """
    known = list(submissions(store))
    queue = tasks(known)
    jobs = {submission.job for submission in known}
    live = {task.partition("_")[0] for task in queue}
    queued = {run for submission in known if submission.job in live for run in submission.plan.runs}
    found: dict[str, Place] = {}
    for folder in store.records():
        if folder.state in ("done", "failed"):
            continue
        attempts = folder.attempts()
        task = attempts[-1].job if attempts and attempts[-1].kind is None else None
        if task is not None and task.partition("_")[0] in jobs:
            is_there = queue.get(task) in ("RUNNING", "COMPLETING", "SUSPENDED")
            found[folder.run] = "running" if is_there and folder.state == "running" else "lost"
        elif folder.run in queued and folder.state == "pending":
            found[folder.run] = "queued"
    return found
