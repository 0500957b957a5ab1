"""Slurm's own commands, called so that neither the user's environment nor a site's greetings change what they mean."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

from suite.errors import UsageError
from suite.store.submissions import Submission

ANSWER_SECONDS = 120.0
"""Seconds for a controller to answer; while it is being started anew, Slurm's commands try again for a while."""

CANCEL_SECONDS = 30.0
"""Seconds for cancelled tasks to leave the queue, or to be seen ending: by default, Slurm kills them after as much."""

_READ = ("SLURM", "SBATCH_", "SCANCEL_", "SCONTROL_", "SQUEUE_", "SRUN_", "SALLOC_")
"""Variables that Slurm's commands take for options, or for a job that this process may be part of."""

_KEPT = ("SLURM_CONF", "SLURM_JWT", "SLURM_SACK")
"""Those among them that say where and as whom to ask, and not for what."""

_MARK = "suite-task"
"""Before each task in what the queue prints: a site's greetings are no tasks."""

NOT_BEGUN = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT")
"""States of tasks that wait for a node."""

_ENDING = (
    *("COMPLETING", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "PREEMPTED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("BOOT_FAIL", "DEADLINE", "REVOKED", "STAGE_OUT"),
)
"""States of tasks that have ended, or are about to."""

_UNCLEAR = re.compile(
    "timed out|did not answer|unable to contact|connection|connect failure|communication|transmitted"
    "|received|receive failure|standby|no job's number|ended with status -",
    re.IGNORECASE,
)
"""Words of `sbatch`, or ours, where the controller may have accepted a job all the same, or still will."""

_NUMBER = re.compile(r"(\d+)(?:;\S*)?")
"""The number of a job, as `sbatch --parsable` prints it, and its cluster where there are several."""


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
            env={name: value for name, value in os.environ.items() if not _is_read(name)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=sys.getfilesystemencoding(),  # paths come back as they were given, whatever the locale
            errors="surrogateescape",
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


def in_clean_environment(*command: str) -> list[str]:
    """Return a command as `ask` calls it: without the variables by which Slurm's own commands are asked for more."""
    return ["env", *(f"--unset={name}" for name in os.environ if _is_read(name)), *command]


def _is_read(name: str) -> bool:
    return name.startswith(_READ) and not name.startswith(_KEPT)


def _own_words(text: str, status: int) -> str:
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line.strip()) for line in text.splitlines() if line.strip()]
    if not lines or status < 0:  # killed, whatever it has said before
        lines.append(f"ended with status {status}")
    return "; ".join(dict.fromkeys(lines))


def submit(submission: Submission) -> str:
    """Submit a submission's script, and return its job's number.

    Whatever `sbatch` says, the queue is asked too: it may have been accepted although the controller did not answer, or
    a site's greetings hide the number, or look like it.

    Raises
    ------
    UsageError
        If it was refused; or if that is not known, and then the submission stays in doubt.
    """
    submission.asked()
    number = None
    try:
        said = ask("sbatch", "--parsable", str(submission.script))
    except UsageError as error:
        reason = str(error)
    else:
        numbers = [found[1] for line in said.splitlines() if (found := _NUMBER.fullmatch(line.strip()))]
        number = numbers[0] if len(numbers) == 1 else None
        reason = f"sbatch: printed no job's number, but {said.strip()!r}"
    is_unclear, why = bool(_UNCLEAR.search(reason)), "and the queue does not have it now"
    try:
        jobs = find(submission)
    except UsageError as error:
        jobs, is_unclear, why = set(), True, f"for {error}"
    job = number if number in jobs or not jobs else min(jobs, key=int)
    job = job or submission.job  # somebody else may have found it meanwhile
    if job is not None:
        return job
    if is_unclear:
        submission.asked()  # somebody else may have looked for it meanwhile, and not found it
        raise UsageError(f"{reason}; whether it was submitted is not known, {why}; the next call asks again")
    submission.refused()
    raise UsageError(reason)


def find(submission: Submission) -> set[str]:
    """Return the numbers of the jobs that the queue has for a submission, by its script.

    There are several where an earlier submission had the same path and was removed.

    Raises
    ------
    UsageError
        If the queue cannot be read.
    """
    return {job for job, _, _, rest in _queue() if rest.endswith(f"|{submission.script}")}


def tasks(submissions: Iterable[Submission]) -> dict[str, str]:
    """Return the state of each task of some submissions that is still in the queue, by its name (`17_4`).

    Raises
    ------
    UsageError
        If the queue cannot be read.
    """
    wanted = {submission.job: submission for submission in submissions}
    if not wanted:
        return {}
    found = {}
    for job, task, state, rest in _queue():
        ours = wanted.get(job)  # numbers of jobs are used again, and a site may rename what is submitted
        if ours and (rest.startswith(f"{ours.job_name}|") or rest.endswith(f"|{ours.script}")):
            found[f"{job}_{task}"] = state
    return found


def _queue() -> list[tuple[str, str, str, str]]:
    """Return each task of this user: its job's number, its own, its state, and `name|script`; hidden partitions too."""
    form = f"--format={_MARK}|%F|%K|%T|%j|%o"
    said = ask("squeue", "--all", "--noheader", "--array", f"--user={os.getuid()}", form)
    rows = [line.strip().split("|", 4) for line in said.splitlines() if line.strip().startswith(f"{_MARK}|")]
    return [(job, task, state, rest) for _, job, task, state, rest in (row for row in rows if len(row) == 5)]


def cancel(submission: Submission) -> list[str]:
    """End all tasks of a submission, and nothing else; return those that the queue still has and that are not ending.

    Raises
    ------
    UsageError
        If Slurm refuses and the queue still has some, or the queue cannot be read.
    """
    refusal = None
    try:
        ask("scancel", str(submission.job))
    except UsageError as error:  # they may have ended meanwhile
        refusal = error
    deadline = time.monotonic() + CANCEL_SECONDS
    while left := [task for task, state in tasks([submission]).items() if state not in _ENDING]:
        if refusal is not None:
            raise refusal
        if time.monotonic() > deadline:
            break
        time.sleep(1.0)
    return left


def see(options: Sequence[str], paths: Sequence[str], seconds: int = 20) -> list[str] | None:
    """Ask a node that is free which of some paths it does not see; None if none is free, or may say."""
    question = 'for path; do [ -e "$path" ] || echo "blind: $path"; done; echo looked'
    asked = [*options, f"--immediate={seconds}", "--ntasks=1", "--time=1", "--chdir=/", "--job-name=suite-probe"]
    try:
        said = ask("srun", *asked, "sh", "-c", question, "sh", *paths, seconds=seconds + 40.0).splitlines()
    except UsageError:
        return None
    if "looked" not in said:
        return None
    return [line.removeprefix("blind: ") for line in said if line.startswith("blind: ")]
