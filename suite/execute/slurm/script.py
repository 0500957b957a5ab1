"""The requests to a Slurm site, as a file says them, and the script that asks."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from suite.errors import unknown
from suite.plain_yaml import read_yaml
from suite.schema import Strict
from suite.store.submissions import Submission

SIGNAL_SECONDS = 120
"""Before the end of a task's time, its runs are asked for a checkpoint; at most a quarter of its time."""

_TIME = re.compile(
    r"(?:(?P<days>\d{1,4})-)?(?P<first>\d{1,8})(?::(?P<second>\d{1,4}))?(?::(?P<third>\d{1,4}))?", re.ASCII
)


def _as_slurm_writes_it(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.fullmatch(value):  # YAML reads 24:00:00 as a number of base sixty
        raise ValueError('must be a time as Slurm writes it, in quotes: "90", "24:00:00", "2-00:00:00"')
    return value


Word = Annotated[str, Field(pattern=r"^[^\s'\"\\#]+$", max_length=200)]
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]+$", max_length=2000)]
Number = Annotated[int, Field(ge=1, le=1_000_000)]
Time = Annotated[str, BeforeValidator(_as_slurm_writes_it)]


class Cluster(Strict):
    """A Slurm site, and what each task of a job array gets there; what is left out is the site's own default."""

    partition: Word | None = None
    account: Word | None = None
    time: Time | None = None
    """Time of a task, as Slurm writes it; when it is over, the task is queued again."""
    gpus: Annotated[str, Field(pattern=r"^([\w.-]+:)?[1-9][0-9]{0,5}$")] | Number | None = None
    """Accelerators of a task: their number, or kind and number (`a100:1`)."""
    constraint: Annotated[str, Field(pattern=r"^[\w.,:&|*()\[\]-]+$", max_length=200)] | None = None
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,11}[KMGT]?$")] | None = None
    """Memory of a task, as Slurm writes it."""
    cpus: Number | None = None
    """Processors of a task; by default, one for each thread of its runs."""
    concurrency: Number = 8
    """Tasks at once, at most."""
    runs_at_once: Number = 1
    """Runs that share a task and its GPUs."""
    setup: list[Line] = Field(default_factory=list)
    """Lines of shell before the suite is started."""
    container: Line | None = None
    """The words that run a command in a container; without them, the environment that submits is used."""

    @model_validator(mode="before")
    @classmethod
    def _knows_every_key(cls, value: dict[str, Any]) -> dict[str, Any]:
        for key in value:
            if key not in cls.model_fields:
                raise ValueError(unknown("key", key, cls.model_fields))
        return value

    @property
    def signal_seconds(self) -> int:
        """Seconds before the end of a task's time at which its runs are asked to stop."""
        return SIGNAL_SECONDS if self.time is None else min(SIGNAL_SECONDS, seconds(self.time) // 4)

    def tasks(self, runs: int) -> int:
        """Return how many tasks some runs need."""
        return min(self.concurrency, -(-runs // self.runs_at_once))

    @property
    def options(self) -> list[str]:
        """The options of Slurm's commands that decide which nodes may be used."""
        given = {"partition": self.partition, "account": self.account, "constraint": self.constraint}
        return [f"--{name}={value}" for name, value in given.items() if value is not None]


def seconds(time: str) -> int:
    """Return the seconds of a time as Slurm writes it.

    Examples
    --------
    >>> [seconds(time) for time in ("90", "1:30", "24:00:00", "2-12", "2-00:30", "0-0:1:5")]
    [5400, 90, 86400, 216000, 174600, 65]
    """
    match = _TIME.fullmatch(time)
    assert match is not None  # noqa: S101 - it was checked when it was read
    numbers = [int(number) for number in match.group("first", "second", "third") if number is not None]
    if match["days"] is not None:
        hours, minutes, rest = (*numbers, 0, 0)[:3]
        return 86400 * int(match["days"]) + 3600 * hours + 60 * minutes + rest
    if len(numbers) < 3:
        minutes, rest = (*numbers, 0)[:2]
        return 60 * minutes + rest
    return 3600 * numbers[0] + 60 * numbers[1] + numbers[2]


def load_cluster(path: Path | None) -> Cluster:
    """Read what is asked of a site; its defaults if there is no file.

    Raises
    ------
    UsageError
        If the file cannot be read, or is not valid: one line says which key, which value, what is allowed.
    """
    if path is None:
        return Cluster()
    return read_yaml(path, Cluster, "cluster file")


def script(cluster: Cluster, submission: Submission, tasks: int, threads: int = 1) -> str:
    """Return the job array's script; a task claims runs until none is free or its time is nearly over."""
    cpus = cluster.cpus or threads * cluster.runs_at_once
    log = str(submission.path / "task-%a.log").replace("%", "%%").replace("%%a", "%a")
    options = [
        f"--job-name={submission.job_name}",
        f"--array=0-{tasks - 1}",
        *cluster.options,
        *([f"--time={cluster.time}"] if cluster.time else []),
        *([f"--gres=gpu:{cluster.gpus}"] if cluster.gpus else []),
        *([f"--mem={cluster.memory}"] if cluster.memory else []),
        f"--cpus-per-task={cpus}",
        f"--output={log}" if shlex.quote(log) == log else f'--output="{log}"',
        f"--signal=B:USR1@{cluster.signal_seconds}",
        "--requeue --open-mode=append",
    ]
    suite = f"{cluster.container} suite" if cluster.container else f"{shlex.quote(sys.executable)} -P -m suite"
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in options),
        *cluster.setup,
        f"{suite} pull {shlex.quote(str(submission.path))} &",
        "trap 'again=yes; kill -TERM $!' USR1  # the time is nearly over: save, and queue again",
        "trap 'again=; kill -TERM $!' TERM  # cancelled or preempted: save",
        "while kill -0 $! 2>/dev/null; do wait $!; done",
        'wait $!; [ $? != 130 ] || [ -z "$again" ] || scontrol requeue "$SLURM_JOB_ID"',
    ]
    return "\n".join(lines) + "\n"
