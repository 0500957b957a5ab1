"""Slurm's own commands, and what they answer."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence

from suite.errors import UsageError
from suite.store.submissions import Submission

ANSWER_SECONDS = 120.0
"""For a controller to answer; while it is being started anew, Slurm's commands try again for a while."""

_OURS = (
    "SLURM_ARRAY_",
    "SLURM_JOB",
    "SLURM_STEP",
    "SLURM_TASK",
    "SLURM_NODE",
    "SLURM_NTASKS",
    "SLURM_CPUS",
    "SLURM_MEM",
)
"""Variables of a job that this process may be part of, which Slurm's commands would take for what is asked."""


def ask(*command: str, seconds: float = ANSWER_SECONDS) -> str:
    """Return what a command prints.

    Raises
    ------
    UsageError
        If it is not on the path, or refuses: in its own words.
    """
    try:
        said = subprocess.run(
            command,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            start_new_session=True,  # a Ctrl-C is for this process alone
        )
    except OSError as error:
        what = f"{command[0]}: is not on the path or cannot be run ({error.strerror}): is this a Slurm site?"
        raise UsageError(what) from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{command[0]}: did not answer within {seconds:.0f} s") from error
    if said.returncode:
        raise UsageError(f"{command[0]}: {_own_words(said.stderr or said.stdout, said.returncode)}")
    return said.stdout


def _own_words(text: str, status: int) -> str:
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line.strip()) for line in text.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or f"ended with status {status}"


def submit(script: str, *options: str) -> str:
    """Submit a script, and return what is printed; raises as `ask`."""
    return ask("sbatch", *options, script).strip()


def tasks(submissions: Iterable[Submission]) -> dict[str, str]:
    """Return the state of each task of some submissions that is still in the queue, by its name (`17_4`).

    Raises
    ------
    UsageError
        If the queue cannot be read.
    """
    wanted = {submission.job: submission.job_name for submission in submissions}
    if not wanted:
        return {}
    names = ",".join(sorted(set(wanted.values())))
    found = {}
    for line in ask("squeue", "--noheader", "--array", f"--name={names}", "--format=%F %K %T %j").splitlines():
        job, task, state, name = (*line.split(maxsplit=3), "", "", "", "")[:4]
        if wanted.get(job) == name.strip():  # numbers of jobs are used again
            found[f"{job}_{task}"] = state
    return found


def cancel(submission: Submission) -> None:
    """End all tasks of a submission, and nothing else; raises as `ask`."""
    ask("scancel", f"--name={submission.job_name}", str(submission.job))


def see(options: Sequence[str], paths: Sequence[str], seconds: int = 20) -> list[str] | None:
    """Ask a node that is free which of some paths it does not see; None if none is free, or may say."""
    question = 'for path; do [ -e "$path" ] || echo "blind: $path"; done; echo looked'
    asked = [*options, f"--immediate={seconds}", "--ntasks=1", "--time=1", "--chdir=/", "--job-name=suite-look"]
    try:
        said = ask("srun", *asked, "sh", "-c", question, "sh", *paths, seconds=seconds + 40.0).splitlines()
    except UsageError:
        return None
    if "looked" not in said:
        return None
    return [line.removeprefix("blind: ") for line in said if line.startswith("blind: ")]
