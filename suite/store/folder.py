"""A run's folder as it is written: under temporary names, by the process that holds its lease, finished by a marker."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from suite.errors import UsageError, in_one_line
from suite.failures import Failure
from suite.spec import RunSpec
from suite.store import attempts
from suite.store.files import as_json, write_atomically, write_json
from suite.store.layout import CHECKPOINT, CLAIMS, FILES, failure_file, wanted_file
from suite.store.lease import LEASE_SECONDS, Lease, LostLeaseError, release_of, take
from suite.store.record import CorruptRunError, NewerVersionError, RunRecord, checksum_of


class RunFolder(RunRecord):
    """One run's folder. Whatever a run leaves behind is written by the process that holds it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lease: Lease | None = None

    def prepare(self, spec: RunSpec) -> None:
        """Make the folder and write down what is to be run; a specification that can be read stays as it is.

        The place of user modules is written anew: it may have moved.

        Raises
        ------
        NewerVersionError
            If the folder was written by a newer version of the suite.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            written = self.spec()
        except NewerVersionError:
            raise
        except CorruptRunError:
            write_json(self.path / "run.json", spec.model_dump(mode="json"))
        else:
            if written.modules != spec.modules:
                moved = written.model_copy(update={"modules": spec.modules})
                write_json(self.path / "run.json", moved.model_dump(mode="json"))

    def want(self, step: str, settings: dict[str, Any]) -> None:
        """Ask for a post-run step to be done once the run is; whoever executes it reads this.

        Parameters
        ----------
        step : of `suite.store.layout.POST_RUN_STEPS`.
        settings : how it is to be done.

        Raises
        ------
        CorruptRunError
            If the folder holds no run that can be read.
        """
        self.spec()
        try:
            known = self.wanted(step)
        except CorruptRunError:
            known = {}
        if known != settings:
            write_json(self.path / wanted_file(step), settings)

    def take(self, *, patient: bool = True) -> bool:
        """Take the run for this process; False if somebody else holds it.

        Parameters
        ----------
        patient : watch a holder that may be dead for up to a term.
        """
        self._lease = take(self.path / CLAIMS, patience=LEASE_SECONDS if patient else 0.0)
        return self._lease is not None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the run for work that is not worth waiting for.

        Raises
        ------
        UsageError
            If somebody else holds it, or its folder cannot be written.
        """
        try:
            free = self.take(patient=False)
        except OSError as error:
            raise UsageError(f"run {self.run}: its folder cannot be written ({error.strerror})") from error
        if not free:
            raise UsageError(f"run {self.run}: is being worked on by somebody else")
        with self.kept():
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease from a thread, whatever else goes on, until it is lost; give it back in the end."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(LEASE_SECONDS / 6):
                with suppress(OSError):  # a network's hiccup: the next time may pass
                    try:
                        self.heartbeat()
                    except LostLeaseError:
                        return  # met again by whoever writes next

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with suppress(OSError):
                self.release()

    def begin(self, retries: int) -> Failure | None:
        """Record that an attempt begins; raises as `check`.

        Parameters
        ----------
        retries : further attempts after transient failures.

        Returns
        -------
        Why none may begin, for the run has failed; None if it may.
        """
        self.forget_progress()
        if given_up := self.given_up():
            return given_up
        records = attempts.begun(self.attempts())
        verdict = attempts.verdict(records[:-1], retries)
        self._write_attempts(records[:-1] if verdict else records)
        if verdict:
            self.fail(verdict.reason, verdict.kind)
        return verdict

    def end(
        self, failure: Failure | None, retries: int, since: int = 0, seconds: float | None = None
    ) -> Failure | None:
        """Record how the newest attempt has ended, and the run as failed if no other is worth it; raises as `check`.

        Parameters
        ----------
        failure : how it failed, as far as the caller can tell; None if it was stopped on purpose.
        retries : further attempts after transient failures.
        since : attempts before it, where it may have failed before it could record itself.
        seconds : that it took, by a monotonic clock; None if nobody has seen that.

        Returns
        -------
        How it failed: what it said itself, before what the caller makes of it.
        """
        before = self.attempts()
        given_up = attempts.verdict(before, retries)  # then nothing began
        records = before if given_up else attempts.ended(before, failure, since, seconds)
        if records != before:
            self._write_attempts(records)
        verdict = attempts.verdict(records, retries)
        if verdict and (records != before or self.state != "failed"):
            self.fail(verdict.reason, verdict.kind)
        return records[-1].failure if records else None

    def _write_attempts(self, records: attempts.Attempts) -> None:
        self.write("attempts.json", attempts.RECORDS.dump_json(records, indent=2) + b"\n")

    def forgive(self) -> None:
        """Forget that the run has failed, and how often: somebody asks for it anew."""
        for name in ("attempts.json", "failed.json"):  # in this order: nobody may begin in between
            (self.path / name).unlink(missing_ok=True)

    def forget_progress(self) -> None:
        """Forget how far an earlier attempt has said to be."""
        (self.path / "progress.json").unlink(missing_ok=True)

    def heartbeat(self) -> None:
        """Renew the lease; raises as `check`."""
        if self._lease:
            self._lease.renew()
        else:
            self.check()

    def check(self) -> None:
        """Make sure that this process may write.

        Raises
        ------
        LostLeaseError
            If it never took the run, or has lost it.
        """
        if self._lease is None:
            raise LostLeaseError(f"{self.path}: not held by this process")
        self._lease.check()

    def release(self) -> None:
        """Give the lease back."""
        if self._lease:
            self._lease.release()
            self._lease = None

    def release_of(self, host: str) -> None:
        """Give the lease back for an owner that was alone on a host which is known to be gone."""
        release_of(self.path / CLAIMS, host)

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the run, atomically; raises as `check`."""
        self.check()
        write_atomically(self.path / name, content)

    def write_progress(self, value: dict[str, Any]) -> None:
        """Show how far the run is; lost with no harm."""
        write_atomically(self.path / "progress.json", json.dumps(value).encode(), durably=False)

    def fail(self, reason: str, kind: str) -> None:
        """Record why the run is given up."""
        self.write("failed.json", as_json({"kind": kind, "reason": reason}))

    def forget_step_failure(self, step: str) -> None:
        """Forget that a post-run step has failed: it is tried anew."""
        (self.path / failure_file(step)).unlink(missing_ok=True)

    def fail_step(self, step: str, reason: str) -> None:
        """Record why a finished run's post-run step has failed: the run stays finished."""
        self.write(failure_file(step), as_json({"reason": in_one_line(reason) or "its exception said nothing"}))

    def commit(self) -> None:
        """Mark the run as finished; the last thing a run does. Its checkpoints have served their purpose."""
        self.check()
        names = [
            file.name
            for file in FILES
            if file.committed == "always" or (file.committed is not None and (self.path / file.name).exists())
        ]
        self.write("done.json", as_json({name: checksum_of(self.path / name) for name in names}))
        shutil.rmtree(self.path / CHECKPOINT, ignore_errors=True)

    def reset(self) -> None:
        """Forget everything but what is to be run and done; raises as `check`."""
        for file in FILES:
            if file.forgotten:
                self.check()
                (self.path / file.name).unlink(missing_ok=True)
        shutil.rmtree(self.path / CHECKPOINT, ignore_errors=True)
