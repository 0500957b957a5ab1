"""Slurm: a job array whose tasks claim runs from the store; what is here submits it, and looks on.

Nothing that matters is kept here or by Slurm: a lost, repeated or delayed task is met by leases, by checkpoints, and by
the attempts that the store counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from suite.errors import UsageError
from suite.execute.executor import TICK_SECONDS, Check, Executor, Position, Request
from suite.execute.patience import Patience
from suite.execute.slurm.commands import NOT_BEGUN, ask, cancel, find, in_clean_environment, see, submit, tasks
from suite.execute.slurm.script import Cluster, load_cluster, script
from suite.failures import Failure, of_exception
from suite.spec import RunSpec
from suite.store.record import RunRecord
from suite.store.runs import Store
from suite.store.submissions import Plan, Submission, in_doubt, next_submission, prepare, submissions, write

STORE_SECONDS = 2.0
"""Between two looks at the store."""

QUEUE_SECONDS = 15.0
"""Between two looks at the queue: its controller serves everybody."""

SAVING_SECONDS = 10.0
"""Seconds that are left after the signal when runs that have saved nothing are killed."""


class SlurmExecutor(Executor):
    """Executes runs in a job array, which goes on when nobody waits for it."""

    takes = ("cluster",)

    @contextmanager
    def open(self) -> Iterator[JobArray]:
        """Read the cluster file, and see that this is a Slurm site."""
        cluster = load_cluster(self.request.cluster)
        ask("sbatch", "--version")
        yield JobArray(self.store, cluster, self.request)

    def check(self) -> Iterator[Check]:
        """Look at Slurm's commands."""
        for command in ("sbatch", "squeue", "scancel", "srun"):
            try:
                yield Check(command, "ok", ask(command, "--version").strip())
            except UsageError as error:
                yield Check(command, "failed", str(error))
                return

    def elsewhere(self) -> list[str]:
        """Return the words that have a free node execute a command."""
        options = load_cluster(self.request.cluster).options
        return in_clean_environment(
            "srun", *options, "--immediate=60", "--ntasks=1", "--time=2", "--chdir=/", "--job-name=suite-probe"
        )

    def preview(self) -> str:
        """Return the script of the job array."""
        cluster, request = load_cluster(self.request.cluster), self.request
        tasks_at_once = cluster.tasks(max(1, request.runs))
        return script(cluster, next_submission(self.store, request.name), tasks_at_once, request.threads)

    def positions(self) -> dict[str, Position]:
        """Return where Slurm has runs; it is asked only if something was submitted from this store."""
        settle(self.store)
        return positions(self.store) if any(submissions(self.store)) else {}

    def cancel(self) -> Iterator[str]:
        """End the jobs that were submitted from this store; their runs save a checkpoint."""
        settle(self.store)
        known = list(submissions(self.store))
        queued = {task.partition("_")[0] for task in tasks(known)}
        left: list[str] = []
        for submission in known:
            if submission.job in queued:
                if still := cancel(submission):
                    left += still
                else:
                    yield f"job {submission.job} ({submission.name})"
        if left:
            raise UsageError(f"scancel: was asked to end them, but the queue still has {', '.join(left)}")


class JobArray:
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
    def workers(self) -> int:
        """The runs of all tasks."""
        return self.cluster.tasks(self.request.runs) * self.cluster.runs_at_once

    def describe(self) -> str:
        """Say how many tasks at once."""
        return f"{self.cluster.tasks(self.request.runs)} tasks of {self.cluster.runs_at_once} runs"

    def detach_message(self) -> str:
        """Say that the jobs go on."""
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
        settle(self.store)
        earlier = list(submissions(self.store))
        queued = {task.partition("_")[0] for task in tasks(earlier)}
        self.watched = [each for each in earlier if each.job in queued and wanted & set(each.plan.runs)]
        covered = {run for each in self.watched for run in each.plan.runs}
        if rest := [spec.run for spec in specs if spec.run not in covered]:
            self.watched.append(submitted(self.store, self.cluster, self.request, rest))
        try:
            self._look_on([self.store.record(spec.run) for spec in specs], watch)
        finally:
            given_up = {spec.run: _given_up(self.store.record(spec.run)) for spec in specs}
            self.failures = {run: why for run, why in given_up.items() if why}
        if self._interrupted:
            raise KeyboardInterrupt

    def _look_on(self, folders: list[RunRecord], watch: Callable[[], None]) -> None:
        store_at = queue_at = 0.0
        gone = 0
        store = Patience(self.store.results)
        while not self._interrupted and gone < 2:  # a task may be between two states when the queue is read
            now = time.monotonic()
            if now >= store_at:
                store.tried(watch)
                left: list[RunRecord] = []
                if store.tried(lambda: left.extend(filter(_is_to_come, folders))):  # noqa: B023
                    folders = left
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
        store.tried(watch)


def _is_to_come(record: RunRecord) -> bool:
    return record.state in ("pending", "running") or bool(record.owed)


def _given_up(record: RunRecord) -> Failure | None:
    try:
        return record.given_up()
    except OSError as error:
        return of_exception(error)


def settle(store: Store) -> None:
    """Ask the queue about what it may have accepted without a word; what it does not have is in doubt no longer.

    Raises
    ------
    UsageError
        If it cannot be read: then nothing is submitted a second time.
    """
    for submission in in_doubt(store):
        if jobs := find(submission):
            submission.accepted(min(jobs, key=int))
        else:
            submission.refused()


def submitted(store: Store, cluster: Cluster, request: Request, runs: Sequence[str]) -> Submission:
    """Submit some runs as a job array.

    Raises
    ------
    UsageError
        If Slurm refuses, or its nodes do not see the store: nothing was submitted then. If it does not say whether it
        refuses, the submission stays in doubt.
    """
    submission = prepare(store, request.name)
    try:
        plan = planned(cluster, request, runs)
        write(submission, plan, script(cluster, submission, plan.tasks, request.threads))
        needed = [str(submission.script), *([] if cluster.container else [sys.executable]), *request.own_files]
        blind = see(cluster.options, needed)
        if blind:
            own = blind[0] in request.own_files
            remedy = "put it where every node sees it" if own else "give a --results that every node sees"
            raise UsageError(f"a node of the cluster does not see {blind[0]}: {remedy}")
        if blind is None:
            print("no node was free to say whether it sees the store; tasks that do not will fail", file=sys.stderr)
        submission.accepted(submit(submission))
    except BaseException:
        if not submission.is_in_doubt:
            submission.forget()
        raise
    return submission


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


def positions(store: Store) -> dict[str, Position]:
    """Return where Slurm has runs that are not done or failed.

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
    found: dict[str, Position] = {}
    for folder in store.records():
        if folder.state in ("done", "failed"):
            continue
        attempts = folder.attempts()
        task = attempts[-1].job if attempts and attempts[-1].kind is None else None
        if task is not None and task.partition("_")[0] in jobs:
            is_there = queue.get(task, "PENDING") not in NOT_BEGUN
            found[folder.run] = "running" if is_there and folder.state == "running" else "lost"
        elif folder.run in queued and folder.state == "pending":
            found[folder.run] = "queued"
    return found
