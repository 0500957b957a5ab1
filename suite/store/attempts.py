"""The attempts at a run, kept in its folder: every engine counts on from where another has stopped.

An attempt is recorded before it begins, so that one that took its machine down counts as well: whoever takes the run
next finds it without an end.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from suite.errors import in_one_line
from suite.failures import TRANSIENT, Failure, Kind

LOST = Failure("killed", "left no word: its process, its job or its machine was gone")


class AttemptRecord(BaseModel):
    """One attempt at a run."""

    model_config = ConfigDict(frozen=True)

    begun: datetime
    host: str
    job: str | None = None
    """The cluster's name of the job that made it; None outside one."""
    kind: Kind | Literal["interrupted"] | None = None
    """The end of the attempt: None while it is under way, or if it was done."""
    reason: str = ""
    seconds: float = 0.0
    """Seconds that it took; 0 while it is under way, or if nobody saw its end."""

    @property
    def failure(self) -> Failure | None:
        """The failure; None if there was none."""
        return None if self.kind is None or self.kind == "interrupted" else Failure(self.kind, self.reason)


Attempts = tuple[AttemptRecord, ...]

RECORDS: TypeAdapter[Attempts] = TypeAdapter(Attempts)


def begun(records: Attempts) -> Attempts:
    """Add an attempt that begins here and now; one that was left without an end is closed as lost."""
    if records and records[-1].kind is None:
        records = (*records[:-1], _closed(records[-1], LOST))
    return (*records, _new())


def ended(records: Attempts, failure: Failure | None, since: int, seconds: float | None = None) -> Attempts:
    """Close the newest attempt; what it said itself stands, but for a stop that nobody had asked for.

    Parameters
    ----------
    records : the attempts so far.
    failure : how it failed; None if it was stopped on purpose.
    since : how many there were before it; an attempt may fail before it can say that it has begun.
    seconds : that it took, by the monotonic clock of who has seen it; None if nobody has: then no more is counted than
        it has said itself.
    """
    if len(records) <= since:
        return records if failure is None else (*records, _closed(_new(), failure))
    *earlier, newest = records
    if newest.kind is None or (newest.kind == "interrupted" and failure is not None):
        took = newest.seconds or seconds or 0.0
        return (*earlier, _closed(newest.model_copy(update={"seconds": took}), failure))
    return records


def verdict(records: Attempts, retries: int) -> Failure | None:
    """Return the failure that a run is given up for; None if another attempt is worth it."""
    failures = [record.failure for record in records if record.failure is not None]
    if failures and (failures[-1].kind not in TRANSIENT or len(failures) > retries):
        return failures[-1]
    return None


def job_here(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return what Slurm calls the job that this process belongs to; None outside one."""
    if "SLURM_ARRAY_TASK_ID" in environment and "SLURM_ARRAY_JOB_ID" in environment:
        return f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment.get("SLURM_JOB_ID")


def seconds_of(records: Sequence[AttemptRecord]) -> float:
    """Return the seconds that attempts took together."""
    return sum(record.seconds for record in records)


def _new() -> AttemptRecord:
    return AttemptRecord(begun=datetime.now(UTC), host=socket.gethostname(), job=job_here())


def _closed(record: AttemptRecord, failure: Failure | None) -> AttemptRecord:
    if failure is None:
        return record.model_copy(update={"kind": "interrupted", "reason": ""})
    kind, reason = failure  # an engine's may have several lines, or none
    return record.model_copy(update={"kind": kind, "reason": in_one_line(reason) or kind})
