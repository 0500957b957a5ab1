"""One attempt at a run: taken, going on from its newest checkpoint, stopped in good order, committed at its end."""

from __future__ import annotations

import math
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import ClassVar

import pandas as pd
import torch

from algorithms.interface import Remembered, State
from suite.failures import (
    HELD_STATUS,
    INTERRUPTED_STATUS,
    RETRIES,
    FailedRunError,
    Kind,
    exit_status,
    of_exception,
)
from suite.plan.user_modules import fingerprints
from suite.spec import RunSpec
from suite.store.checkpoint import Checkpoints, check_savable, serialised
from suite.store.files import as_json
from suite.store.folder import RunFolder
from suite.store.layout import CHECKPOINT
from suite.store.lease import LostLeaseError
from suite.training.provenance import provenance
from suite.training.stopping import InterruptedRunError, stoppable
from suite.training.threads import limit_threads
from suite.training.trainer import Trainer, WrongNumberError
from suite.versions import code_hash

SPENT = ("seconds_total", "processor_seconds")
"""The time that a run takes: the seconds that pass, and those that the processor works for this process."""


class Attempt:
    """Runs a run that is held to its end, or until it is asked to stop."""

    def __init__(self, spec: RunSpec, folder: RunFolder, checkpoint_seconds: float) -> None:
        self.spec, self.folder, self.checkpoint_seconds = spec, folder, checkpoint_seconds
        self.checkpoints = Checkpoints(folder.path / CHECKPOINT, folder.check)
        self.asked = threading.Event()
        """To stop."""
        self._begun = self._saved = time.monotonic()
        self._processor_begun = time.process_time()
        self._before = dict.fromkeys(SPENT, 0.0)
        """What earlier attempts spent."""
        self._told = 0
        """Evaluations that the log has."""

    def run(self, device: torch.device) -> None:
        """Go on from the newest checkpoint, and commit the results.

        Raises
        ------
        InterruptedRunError
            If it was asked to stop.
        LostLeaseError
            If somebody has taken the run over; nothing was written since.
        BudgetError, DivergedError
            As `Trainer.run`.
        """
        limit_threads(self.spec.threads)
        trainer = Trainer.of(self.spec, device)
        if (state := self.checkpoints.load(lambda message: print(message, file=sys.stderr))) is not None:
            trainer.load_state(state["trainer"])
            self._before = {name: state.get(name, math.nan) for name in SPENT}  # of an earlier version: not known
            self._told = len(trainer.evaluations)
            print(f"goes on at {trainer.train.steps} environment steps", file=sys.stderr)
        with self._shown(trainer):
            trainer.run(lambda: self._between(trainer, device))
            self._commit(trainer, device)

    def _between(self, trainer: Trainer, device: torch.device) -> None:
        """Save if it is time; stop if asked to."""
        self._tell(trainer)
        if trainer.iterations == 0:  # all that is needed at the end is tried now: nothing is lost to it then
            rehearse_saving(trainer)
            self._results(trainer, device)
        self.folder.check()
        now = time.monotonic()
        if trainer.algorithm.resumes and (self.asked.is_set() or now - self._saved >= self.checkpoint_seconds):
            self.checkpoints.save({"trainer": trainer.state(), **self._spent()})
            self._saved = now
        if self.asked.is_set():
            raise InterruptedRunError(f"interrupted at {trainer.train.steps} environment steps")

    def _tell(self, trainer: Trainer) -> None:
        """Print what is new of the evaluations."""
        for table in trainer.evaluations[self._told :]:
            steps, mean = table["environment_steps"].iloc[0], table["return"].mean()
            print(f"{steps:,} of {self.spec.budget:,} environment steps: mean return {mean:.4g}", file=sys.stderr)
        self._told = len(trainer.evaluations)

    def _commit(self, trainer: Trainer, device: torch.device) -> None:
        self._tell(trainer)
        for name, content in self._results(trainer, device).items():
            self.folder.write(name, content)
        self.folder.commit()

    def _results(self, trainer: Trainer, device: torch.device) -> dict[str, bytes]:
        """Return the files that are committed, by name."""
        values, tensors = serialised(_without_rows(trainer.algorithm.state()))
        origin = provenance(self.spec, device, self._spent(), trainer.algorithm.foreign_versions)
        own = {"modules": fingerprints(self.spec.modules)} if self.spec.modules else {}
        again = 0 if trainer.algorithm.resumes else len(self.folder.attempts()) - 1
        return {
            "state.json": values,
            "state.safetensors": tensors,
            "evaluations.parquet": pd.concat(trainer.evaluations, ignore_index=True).to_parquet(index=False),
            "training.parquet": pd.DataFrame(trainer.training).to_parquet(index=False),
            "provenance.json": as_json({**origin, **own, "code": code_hash(), "started_again": again}),
        }

    @property
    def seconds(self) -> float:
        """Seconds since it began, by a clock that nobody sets, and that stands while the machine sleeps."""
        return time.monotonic() - self._begun

    def _spent(self) -> dict[str, float]:
        """Return the seconds of all attempts, by `SPENT`."""
        now = (self.seconds, time.process_time() - self._processor_begun)
        return {name: self._before[name] + spent for name, spent in zip(SPENT, now, strict=True)}

    @contextmanager
    def _shown(self, trainer: Trainer) -> Iterator[None]:
        """Show the counters, from a thread: iterations can be long."""
        ended = threading.Event()
        first = trainer.iterations

        def show() -> None:
            while True:
                with suppress(OSError, WrongNumberError):  # a full disk: the next time may pass; the other ends the run
                    self.folder.write_progress(
                        {
                            "environment_steps": trainer.train.steps,
                            "gradient_steps": trainer.gradient_steps,
                            "meta_test_steps": trainer.test.steps,
                            "budget": self.spec.budget,
                            "seconds": self._spent()["seconds_total"],
                            "warm": trainer.iterations > first + 1,  # nothing is left to be compiled
                        }
                    )
                if ended.wait(1.0):
                    return

        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def attempt(spec: RunSpec, folder: RunFolder, checkpoint_seconds: float, retries: int = RETRIES) -> int:
    """Make one attempt at a run that is held; return the exit status of the process that was started for it.

    Parameters
    ----------
    spec, folder : the run.
    checkpoint_seconds : between two checkpoints.
    retries : further attempts after transient failures; beyond them, the run is failed.
    """
    this = Attempt(spec, folder, checkpoint_seconds)
    try:
        if folder.state == "done":  # by somebody else, before the lease was free
            return 0
        with stoppable() as this.asked:
            if failed := folder.begin(retries):
                print(f"failed for good: {failed.kind}: {failed.reason}", file=sys.stderr)
                return 1
            this.run(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    except InterruptedRunError as error:
        print(error, file=sys.stderr)
        with suppress(OSError, LostLeaseError):
            folder.end(None, retries, seconds=this.seconds)
        return INTERRUPTED_STATUS
    except LostLeaseError as error:
        print(error, file=sys.stderr)
        return HELD_STATUS
    except Exception as error:
        traceback.print_exc()
        failure = of_exception(error)
        with suppress(OSError, LostLeaseError):
            folder.end(failure, retries, seconds=this.seconds)
        return exit_status(failure)
    return 0


class UnsavableStateError(FailedRunError):
    """The state of an algorithm cannot be saved; the message names the part."""

    kind: ClassVar[Kind] = "error"


def rehearse_saving(trainer: Trainer) -> None:
    """Save a state nowhere, as a checkpoint holds it and as the commit does: before any training would be lost.

    Raises
    ------
    UnsavableStateError
        If it cannot be saved.
    """
    algorithm = trainer.algorithm
    try:
        state = trainer.state() if algorithm.resumes else {"algorithm": algorithm.state()}
        if not isinstance(state["algorithm"], Mapping):
            raise ValueError(f"it is a {type(state['algorithm']).__name__}, not a dictionary")
        check_savable(_without_rows(state))
        check_savable({"foreign_versions": dict(algorithm.foreign_versions)})
    except (ValueError, IndexError, RecursionError) as error:
        raise UnsavableStateError(f"{trainer.spec.algorithm}: its state cannot be saved: {error}") from error


def _without_rows(state: State) -> State:
    """Empty the tensors that training alone reads."""
    return {
        key: _without_rows(value)
        if isinstance(value, dict)
        else value[:0].as_subclass(torch.Tensor)
        if isinstance(value, Remembered)
        else value
        for key, value in state.items()
    }
