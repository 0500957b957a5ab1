"""Submissions to a cluster: one folder each, beside the runs.

results/submissions/<name>/
plan.json     the runs, in the order in which they are claimed, and what each may take
script.sh     what was submitted
job.json      what the cluster calls it (absent until it is asked, null until it is known to be accepted)
task-<n>.log  what a task of it printed
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from suite.errors import UsageError, first_error
from suite.store.files import as_json, read_regular, write_atomically, write_json
from suite.store.runs import Store

PREFIX = "suite-"
"""Before a submission's name: how a cluster's queue shows it."""

_JOB = re.compile(r"\d+")


class Plan(BaseModel):
    """The work of the tasks of a submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[str, ...]
    tasks: int
    runs_at_once: int
    """Runs of a task at once."""
    checkpoint_seconds: float
    retries: int
    seconds: float | None
    silence: float | None
    memory: int | None
    """Bytes that a run may take."""
    grace: float
    """Seconds that runs have to save a checkpoint before a task's time is over."""
    modules: tuple[str, ...] = ()
    """User modules that runs need, and that are trusted."""


class Submission:
    """One of them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def job_name(self) -> str:
        """The name that the cluster's queue shows."""
        return PREFIX + self.name

    @property
    def script(self) -> Path:
        """One submission."""
        return self.path / "script.sh"

    @property
    def store(self) -> Store:
        """The store that it lies in."""
        return Store(self.path.parent.parent)

    @property
    def plan(self) -> Plan:
        """Read what is to be done.

        Raises
        ------
        UsageError
            If it cannot be read.
        """
        path = self.path / "plan.json"
        try:
            return Plan.model_validate_json(read_regular(path))
        except ValidationError as error:
            raise UsageError(f"{path}: {first_error(error)}") from error
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}: is the store seen from this machine?") from error

    @property
    def job(self) -> str | None:
        """The job's number; None if the cluster has not accepted it, or it cannot be read."""
        try:
            job = json.loads(read_regular(self.path / "job.json"))["job"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        return job if isinstance(job, str) and _JOB.fullmatch(job) else None

    @property
    def is_in_doubt(self) -> bool:
        """True if the cluster was asked for it, and nobody knows whether it has accepted."""
        return self.job is None and (self.path / "job.json").exists()

    def asked(self) -> None:
        """Note that the cluster is about to be asked."""
        write_json(self.path / "job.json", {"job": None, "name": self.job_name})

    def refused(self) -> None:
        """Note that the cluster does not have it."""
        (self.path / "job.json").unlink(missing_ok=True)

    def accepted(self, job: str) -> None:
        """Note what the cluster calls it."""
        write_json(self.path / "job.json", {"job": job, "name": self.job_name})

    def forget(self) -> None:
        """Remove what was not accepted."""
        shutil.rmtree(self.path, ignore_errors=True)


def next_submission(store: Store, benchmark: str) -> Submission:
    """Return where the next submission of some runs of a benchmark would lie; nothing is written."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", benchmark).strip("-") or "runs"
    folder = store.results.resolve() / "submissions"
    return Submission(next(path for number in count(1) if not (path := folder / f"{stem}-{number}").exists()))


def prepare(store: Store, benchmark: str) -> Submission:
    """Make the folder of the next submission.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    while True:
        submission = next_submission(store, benchmark)
        try:
            submission.path.parent.mkdir(exist_ok=True)
            submission.path.mkdir()
        except FileExistsError:
            continue  # somebody else was faster
        except OSError as error:
            raise UsageError(f"--results {store.results}: cannot be written ({error.strerror})") from error
        return submission


def write(submission: Submission, plan: Plan, script: str) -> None:
    """Write down what is to be done, and what is to be submitted."""
    write_atomically(submission.path / "plan.json", as_json(plan.model_dump(mode="json")))
    write_atomically(submission.script, script.encode())


def submissions(store: Store) -> Iterator[Submission]:
    """Yield what a cluster has accepted, by name."""
    return (submission for submission in _all(store) if submission.job is not None)


def in_doubt(store: Store) -> list[Submission]:
    """Return what a cluster may have accepted."""
    return [submission for submission in _all(store) if submission.is_in_doubt]


def _all(store: Store) -> Iterator[Submission]:
    folder = store.results.resolve() / "submissions"
    if folder.is_dir():
        yield from (Submission(path) for path in sorted(folder.iterdir()))
