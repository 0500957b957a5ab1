"""The post-run steps: which there are, and doing them after a run, where they are wanted."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from suite.errors import UsageError
from suite.failures import HELD_STATUS, INTERRUPTED_STATUS, exit_status, of_exception
from suite.inspect.cluster_records import ClusterRecord
from suite.inspect.step import PostRunStep, Record, Settings, StepRecord, Tick
from suite.plan.embeddings import ClusterSettings
from suite.store.files import as_json
from suite.store.folder import RunFolder
from suite.store.layout import record_file
from suite.store.lease import LostLeaseError
from suite.store.record import CorruptRunError, RunRecord
from suite.training.stopping import InterruptedRunError, stoppable

if TYPE_CHECKING:
    import torch

    from suite.training.trainer import Trainer


def _embed(trainer: Trainer, settings: ClusterSettings, tick: Tick) -> ClusterRecord:
    from suite.inspect.clusters import embed  # slow

    return embed(trainer, settings, tick)


CLUSTERS = PostRunStep("clusters", ClusterSettings, _embed, ClusterRecord)

STEPS: dict[str, PostRunStep[Any, Any]] = {
    "clusters": CLUSTERS,
}
"""Steps, by name."""


def do_wanted(folder: RunFolder, device: torch.device) -> int:
    """Do the post-run steps that a finished run lacks, which is held; return the exit status.

    A failure is noted and printed, and is not the run's: the status is 0, unless the store could not be written.
    """
    for name in folder.lacking:
        if status := _do(STEPS[name], folder, device):
            return status
    return 0


def _do(step: PostRunStep[Any, Any], folder: RunFolder, device: torch.device) -> int:
    from suite.inspect.trained import trained  # slow

    try:
        folder.forget_step_failure(step.name)
        with stoppable() as asked:

            def tick(done: int, of: int) -> None:
                with suppress(OSError, CorruptRunError):  # a full disk: the next time may pass
                    said = {"post_run": step.name, "post_run_done": done, "post_run_of": of}
                    folder.write_progress({**folder.progress(), "warm": True, **said})
                if asked.is_set():
                    raise InterruptedRunError(f"interrupted in the post-run step {step.name}, at {done} of {of}")

            record = do_and_keep(step, folder, trained(folder, device), step.read_wanted(folder), tick)
    except InterruptedRunError as error:
        print(error, file=sys.stderr)
        return INTERRUPTED_STATUS
    except LostLeaseError as error:
        print(error, file=sys.stderr)
        return HELD_STATUS
    except Exception as error:
        failure = of_exception(error)
        reason = (str(error) if isinstance(error, UsageError) else "") or failure.reason
        print(f"finished, but its post-run step {step.name} failed: {reason}", file=sys.stderr)
        if failure.kind in ("storage", "permission"):
            return exit_status(failure)
        with suppress(OSError, LostLeaseError):
            folder.fail_step(step.name, reason)
        return 0
    print(f"{step.name}: {record.summary}", file=sys.stderr)
    return 0


def do_and_keep(
    step: PostRunStep[Settings, Record], folder: RunFolder, trainer: Trainer, settings: Settings, tick: Tick
) -> Record:
    """Do a step after a finished run that is held, and keep in its folder what was found.

    Parameters
    ----------
    folder, trainer : the run, and what `suite.inspect.trained.trained` makes of it.
    settings, tick : see `PostRunStep.compute`.

    Raises
    ------
    UsageError
        As the step's own function.
    LostLeaseError
        If somebody has taken the run over.
    """
    record = step.compute(trainer, settings, tick)
    folder.write(record_file(step.name), as_json(record.plain()))
    return record


def read_all(run: RunRecord) -> tuple[dict[str, StepRecord], list[str]]:
    """Read what every step found of a finished run.

    Returns
    -------
    The records by step, and what is wrong: a record that cannot be read, or a step that failed.
    """
    found: dict[str, StepRecord] = {}
    problems = []
    for name, step in STEPS.items():
        try:
            record = step.read(run)
        except CorruptRunError as error:
            problems.append(str(error))
            continue
        if record is not None:
            found[name] = record
        if reason := run.step_failure(name):
            problems.append(f"its post-run step {name} failed: {reason}")
    return found, problems
