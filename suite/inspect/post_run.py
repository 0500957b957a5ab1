"""The last phase of an execution: a finished run's contexts are embedded, where that is asked for.

It comes after the commit and is no part of the run: whatever becomes of it, the run is finished.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

import torch
from pydantic import ValidationError

from suite.errors import UsageError, first_error
from suite.failures import HELD_STATUS, INTERRUPTED_STATUS, exit_status, of_exception
from suite.inspect.cluster_records import ClusterRecord
from suite.inspect.clusters import embed
from suite.inspect.trained import trained
from suite.plan.embeddings import ClusterSettings
from suite.store.files import as_json
from suite.store.lease import LostLeaseError
from suite.store.runs import CLUSTERS, CorruptRunError, RunFolder
from suite.training.stopping import InterruptedRunError, stoppable
from suite.training.trainer import Trainer


def last_phase(folder: RunFolder, device: torch.device) -> int:
    """Do what is asked for of a finished run that is held, and return the exit status.

    A failure is noted and printed, and is not the run's: the status is 0, unless the store could not be written.
    """
    if not folder.lacks_clusters:
        return 0
    try:
        folder.forget_clusters_failure()
        with stoppable() as asked:
            rounds = 0

            def tick() -> None:
                nonlocal rounds
                rounds += 1
                with suppress(OSError, CorruptRunError):  # a full disk: the next time may pass
                    folder.write_progress({**folder.progress(), "warm": True, "embedded": rounds})
                if asked.is_set():
                    raise InterruptedRunError(f"interrupted after {rounds} rounds of rollouts")

            record = embed_run(folder, trained(folder, device), wanted(folder), tick)
    except InterruptedRunError as error:
        print(error, file=sys.stderr)
        return INTERRUPTED_STATUS
    except LostLeaseError as error:
        print(error, file=sys.stderr)
        return HELD_STATUS
    except Exception as error:
        failure = of_exception(error)
        reason = str(error) if isinstance(error, UsageError) else failure.reason
        print(f"finished, but its contexts are not embedded: {reason}", file=sys.stderr)
        if failure.kind in ("storage", "permission"):
            return exit_status(failure)
        with suppress(OSError, LostLeaseError):
            folder.fail_clusters(reason)
        return 0
    ratio = "none" if record.latent.ratio is None else f"{record.latent.ratio:.3g}"
    print(f"contexts embedded: {record.rollouts} rollouts a task, ratio {ratio}", file=sys.stderr)
    return 0


def wanted(folder: RunFolder) -> ClusterSettings:
    """Read how a run's contexts are to be embedded.

    Raises
    ------
    UsageError
        If that cannot be read.
    """
    try:
        return ClusterSettings.model_validate(folder.wanted_clusters())
    except ValidationError as error:
        raise UsageError(f"{folder.path}: clusters are asked for with {first_error(error)}") from error


def embed_run(
    folder: RunFolder, trainer: Trainer, settings: ClusterSettings, tick: Callable[[], None]
) -> ClusterRecord:
    """Embed the contexts of a finished run that is held, and keep the record in its folder.

    Parameters
    ----------
    folder, trainer : the run, and what `trained` makes of it.
    settings, tick : see `embed`.

    Raises
    ------
    UsageError
        As `embed`.
    LostLeaseError
        If somebody has taken the run over.
    """
    record = embed(trainer, settings, tick)
    folder.write(CLUSTERS, as_json(record.plain()))
    return record
