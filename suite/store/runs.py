"""The run store: one folder a run, written under temporary names, finished by a marker with checksums.

results/runs/<run>/
run.json             the RunSpec
claims/              leases: who works on it (see suite.store.lease)
attempts.json        the attempts at it and how they ended (see suite.store.attempts)
checkpoint/          where it would go on (see suite.store.checkpoint); dropped when it is done
evaluations.parquet  one row an evaluation episode
training.parquet     one row an evaluation mark: counters, seconds, logged metrics
provenance.json      versions, commit, machine, settings as printed and as used
state.json, state.safetensors
                     the algorithm as it was at the end, without its replay rows
clusters.wanted.json how its contexts are to be embedded when it is done, where that is asked for
clusters.json        statistics of its context embedding (see suite.inspect.clusters)
clusters.failed.json why there are none although they are wanted (absent otherwise)
log.txt              what the run printed, its newest part; log.old.txt, what came just before
progress.json        how far it is
failed.json          why it was given up (absent otherwise)
done.json            the commit marker: checksums of the files above
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from suite.errors import UsageError
from suite.failures import Failure, Kind
from suite.spec import SCHEMA, RunSpec
from suite.store import attempts
from suite.store.files import as_json, is_own_folder, read_regular, write_atomically, write_json
from suite.store.lease import LEASE_SECONDS, Lease, LostLeaseError, is_held, look, owner_died, release_of, take
from suite.store.published import Snapshot

if TYPE_CHECKING:
    import pandas as pd

RunState = Literal["pending", "running", "done", "failed", "unreadable"]
"""Unreadable: another user's, who lets nobody look."""

COMMITTED = ("run.json", "evaluations.parquet", "training.parquet", "provenance.json")
FINAL_STATE = ("state.json", "state.safetensors")
CLUSTERS = "clusters.json"
CLUSTERS_WANTED = "clusters.wanted.json"
CLUSTERS_FAILED = "clusters.failed.json"
"""Computed from a finished run on demand, and so not committed with it."""

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")

EVALUATION_COLUMNS = ("environment_steps", "gradient_steps", "task", "episode", "return", "success")
ADAPTATIONS = "adaptations"
"""A further column of runs that were tested step by step: one row a task and number of adaptations before it."""


class CorruptRunError(UsageError):
    """A run folder that cannot be read; the message names the folder, the file and what is wrong."""


class NewerVersionError(CorruptRunError):
    """A run folder that a newer version of the suite has written."""


def _checksum(path: Path) -> str:
    return hashlib.sha256(read_regular(path)).hexdigest()


class RunFolder:
    """One run's folder. Whatever a run leaves behind is written by the process that holds it."""

    snapshot: Snapshot | None = None
    """What it is read from instead, where it is no folder of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lease: Lease | None = None

    @property
    def run(self) -> str:
        """The run's name, which is the folder's."""
        return self.path.name

    @property
    def state(self) -> RunState:
        """What the folder's markers say."""
        try:
            if (self.path / "done.json").exists():
                return "done"
            if (self.path / "failed.json").exists():
                return "failed"
            return "running" if self.is_held else "pending"
        except PermissionError:
            return "unreadable"

    @property
    def is_held(self) -> bool:
        """Whether somebody is working on the run, its last phase included."""
        return is_held(self.path / "claims")

    # Writing

    def prepare(self, spec: RunSpec) -> None:
        """Make the folder and write down what is to be run; a specification that can be read stays as it is.

        Where somebody's own code lies is written anew: it may have moved.

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

    def want_clusters(self, settings: dict[str, Any]) -> None:
        """Ask for the run's contexts to be embedded once it is done; whoever executes it reads this.

        Raises
        ------
        CorruptRunError
            If the folder holds no run that can be read.
        """
        self.spec()
        try:
            known = self.wanted_clusters()
        except CorruptRunError:
            known = {}
        if known != settings:
            write_json(self.path / CLUSTERS_WANTED, settings)

    def take(self, *, patient: bool = True) -> bool:
        """Take the run for this process; False if somebody else holds it.

        Parameters
        ----------
        patient : watch a holder that may be dead for up to a term.
        """
        self._lease = take(self.path / "claims", patience=LEASE_SECONDS if patient else 0.0)
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

    def end(self, failure: Failure | None, retries: int, since: int = 0) -> Failure | None:
        """Record how the newest attempt has ended, and the run as failed if no other is worth it; raises as `check`.

        Parameters
        ----------
        failure : how it failed, as far as the caller can tell; None if it was stopped on purpose.
        retries : further attempts after transient failures.
        since : attempts before it, where it may have failed before it could record itself.

        Returns
        -------
        How it failed: what it said itself, before what the caller makes of it.
        """
        before = self.attempts()
        given_up = attempts.verdict(before, retries)  # then nothing began
        records = before if given_up else attempts.ended(before, failure, since)
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
        release_of(self.path / "claims", host)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `<name>.parquet`, atomically."""
        self.write(f"{name}.parquet", table.to_parquet(index=False))

    def write_provenance(self, value: dict[str, Any]) -> None:
        """Write where the run's numbers come from."""
        self.write("provenance.json", as_json(value))

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

    def forget_clusters_failure(self) -> None:
        """Forget that the run's contexts could not be embedded: it is tried anew."""
        (self.path / CLUSTERS_FAILED).unlink(missing_ok=True)

    def fail_clusters(self, reason: str) -> None:
        """Record why a finished run's contexts could not be embedded: it stays finished."""
        self.write(CLUSTERS_FAILED, as_json({"reason": reason}))

    def commit(self) -> None:
        """Mark the run as finished; the last thing a run does. Its checkpoints have served their purpose."""
        self.check()
        names = [*COMMITTED, *(name for name in FINAL_STATE if (self.path / name).exists())]
        self.write("done.json", as_json({name: _checksum(self.path / name) for name in names}))
        shutil.rmtree(self.path / "checkpoint", ignore_errors=True)

    def reset(self) -> None:
        """Forget everything but the specification; raises as `check`."""
        said = ("done.json", "attempts.json", "failed.json", "progress.json")
        for name in (*said, *COMMITTED[1:], *FINAL_STATE, CLUSTERS, CLUSTERS_FAILED):
            self.check()
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "checkpoint", ignore_errors=True)

    # Reading

    def has(self, name: str) -> bool:
        """Whether a file of the run is there, whoever may read it."""
        return os.path.lexists(self.path / name)

    def content(self, name: str) -> bytes:
        """Read a file of the run; raises as `read_regular`."""
        return read_regular(self.path / name)

    def spec(self) -> RunSpec:
        """Read the run's specification."""
        text = self._read("run.json")
        try:
            version = json.loads(text).get("schema_version", 0)
            if isinstance(version, int) and version > SCHEMA:
                raise NewerVersionError(
                    f"{self.path}: written by a newer version of the suite (schema {version}, this one reads {SCHEMA})"
                )
            return RunSpec.model_validate_json(text)
        except (ValueError, RecursionError, AttributeError) as error:
            raise CorruptRunError(f"{self.path}/run.json: {str(error).splitlines()[0]}") from error

    def evaluations(self) -> pd.DataFrame:
        """Read the evaluation episodes (see `EVALUATION_COLUMNS`)."""
        return self._read_table("evaluations", EVALUATION_COLUMNS)

    def training(self) -> pd.DataFrame:
        """Read counters, seconds and metrics, one row an evaluation mark."""
        return self._read_table("training", ("environment_steps", "gradient_steps"))

    def provenance(self) -> dict[str, Any]:
        """Read where the run's numbers come from; empty before it was written."""
        return self.document("provenance.json")

    def progress(self) -> dict[str, Any]:
        """Read how far the run is; empty if it has not said."""
        return self.document("progress.json")

    def attempts(self) -> attempts.Attempts:
        """Read the attempts at the run; none if what is there cannot be read: they count, and nothing else."""
        try:
            return attempts.RECORDS.validate_json(self.content("attempts.json"))
        except (OSError, ValueError):
            return ()

    def failure(self) -> dict[str, Any]:
        """Read why the run was given up; empty if it was not."""
        return self.document("failed.json")

    def wanted_clusters(self) -> dict[str, Any]:
        """Read how the run's contexts are to be embedded; empty if nobody asked for it."""
        return self.document(CLUSTERS_WANTED)

    @property
    def lacks_clusters(self) -> bool:
        """Whether a finished run's contexts are to be embedded, and are not, or otherwise than is asked for."""
        try:
            wanted = self.wanted_clusters() if self.state == "done" else {}
        except CorruptRunError:
            return False  # nobody could say how
        try:
            return bool(wanted) and self.document(CLUSTERS).get("settings") != wanted
        except CorruptRunError:
            return True

    @property
    def owes_clusters(self) -> bool:
        """Whether it lacks clusters, and nobody has failed to make them."""
        return self.lacks_clusters and self.clusters_failure() is None

    def clusters_failure(self) -> str | None:
        """Read why a finished run's contexts could not be embedded; None if that was not tried, or went well."""
        try:
            said = self.document(CLUSTERS_FAILED)
        except CorruptRunError:
            said = {"reason": None}
        reason = said.get("reason") if said else ""
        return (reason if isinstance(reason, str) else f"{CLUSTERS_FAILED} does not say why") or None

    def given_up(self) -> Failure | None:
        """Return why the run was given up; None if it was not."""
        try:
            if not (self.path / "failed.json").exists():
                return None
        except PermissionError:  # whoever writes there meets it again
            return None
        try:
            said = self.failure()
        except CorruptRunError:
            said = {}
        kind: Any = said.get("kind")
        reason = said.get("reason")
        if kind in get_args(Kind) and isinstance(reason, str):
            return Failure(kind, reason)
        return Failure("error", "failed.json does not say why")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the run's log."""
        _, text = self.log_since(max(0, self.log_size() - 200 * lines))
        return "\n".join(text.splitlines()[-lines:])

    def log_size(self) -> int:
        """Return the size of the run's log in bytes."""
        try:
            return (self.path / "log.txt").stat().st_size
        except OSError:
            return 0

    def log_since(self, offset: int) -> tuple[int, str]:
        """Return the log's size, and what was printed beyond an offset; from its start if it has begun anew."""
        start = offset if offset <= self.log_size() else 0
        try:
            text = read_regular(self.path / "log.txt", start)
        except OSError:
            return 0, ""
        return start + len(text), text.decode(errors="replace")

    def check_readable(self, name: str) -> None:
        """Make sure that this user may read a file of the run, if it is there.

        Raises
        ------
        CorruptRunError
            If not.
        """
        path = self.path / name
        try:
            may_be_read = not path.exists() or os.access(path, os.R_OK)
        except PermissionError:
            may_be_read = False
        if not may_be_read:
            raise CorruptRunError(f"{path}: may not be read by this user")

    def verify(self) -> None:
        """Check a finished run against its checksums.

        Raises
        ------
        CorruptRunError
            If a committed file is missing or differs from what was committed.
        """
        for name, checksum in self.document("done.json").items():
            path = self.path / Path(name).name
            self.check_readable(path.name)
            try:
                found = _checksum(path)
            except OSError:
                found = None
            if found != checksum:
                raise CorruptRunError(f"{path}: differs from what the run committed")

    def _read(self, name: str) -> str:
        try:
            return self.content(name).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptRunError(f"{self.path / name}: {error}") from error

    def document(self, name: str) -> dict[str, Any]:
        """Read one of the run's JSON files; empty if it is not there.

        Raises
        ------
        CorruptRunError
            If it is not an object, or cannot be read.
        """
        if not self.has(name):
            return {}
        try:
            value = json.loads(self._read(name))
        except (ValueError, RecursionError) as error:
            raise CorruptRunError(f"{self.path / name}: {error}") from error
        if not isinstance(value, dict):
            raise CorruptRunError(f"{self.path / name}: not an object")
        return value

    def _read_table(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        from pyarrow.parquet import ParquetFile  # slow: a lease must not wait for it

        path = self.path / f"{name}.parquet"
        try:
            # On one thread: the tables are small and, in a report, many.
            with ParquetFile(BytesIO(self.content(path.name))) as file:
                table: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
        except Exception as error:  # the reader raises many kinds for a damaged file
            raise CorruptRunError(f"{path}: {str(error).splitlines()[0]}") from error
        return _with_columns(table, columns, path)


def _with_columns(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> pd.DataFrame:
    missing = [column for column in columns if column not in table]
    if missing:
        raise CorruptRunError(f"{path}: lacks the column {missing[0]!r}")
    return table


class PublishedRun(RunFolder):
    """A run of a snapshot: read as a folder is, and never written."""

    def __init__(self, snapshot: Snapshot, run: str) -> None:
        super().__init__(snapshot.path / run)
        self.snapshot = snapshot
        self._kept = snapshot.runs[run]
        self._table = snapshot.table

    @property
    def state(self) -> RunState:
        """As it was published."""
        return self._kept.state

    @property
    def is_held(self) -> bool:
        """Never: nobody works on it."""
        return False

    @property
    def lacks_clusters(self) -> bool:
        """Never: without parameters there is nothing to embed."""
        return False

    def want_clusters(self, settings: dict[str, Any]) -> None:
        """Ask for nothing: without parameters there is nothing to embed."""

    def take(self, *, patient: bool = True) -> bool:
        """Refuse.

        Raises
        ------
        UsageError
            Always.
        """
        raise UsageError(
            f"run {self.run}: is read from the snapshot {self.path.parent}, which stays as it is; "
            f"to execute runs of it again: suite verify {self.path.parent}"
        )

    def has(self, name: str) -> bool:
        """Whether the snapshot keeps a file of the run."""
        return name in self._kept.files

    def content(self, name: str) -> bytes:
        """Return what the snapshot keeps of a file.

        Raises
        ------
        OSError
            If it keeps nothing of it.
        """
        if not self.has(name):
            raise FileNotFoundError(errno.ENOENT, "the snapshot does not keep it")
        return as_json(self._kept.files[name])

    def _read_table(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        table: pd.DataFrame = self._table(self.run, name).to_pandas(use_threads=False)
        return _with_columns(table, columns, self.path / name)


class Store:
    """All runs under one results folder, which may itself be a snapshot.

    Runs that snapshots beside its own hold (`published/`) count as done where it is asked for them by name.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.runs_path = results / "runs"

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """Where published runs are read from: the store itself, or what lies beside its runs."""
        if self.is_snapshot:
            return [Snapshot(self.results)]
        folder = self.results / "published"
        found = map(Snapshot, sorted(folder.iterdir()) if folder.is_dir() else [])
        return [snapshot for snapshot in found if snapshot.is_there]

    @property
    def is_snapshot(self) -> bool:
        """Whether it is a snapshot, in which nothing is written."""
        return Snapshot(self.results).is_there

    def published(self, run: str) -> PublishedRun | None:
        """Return a run as a snapshot has it, done before failed; None if none has it."""
        holding = [snapshot for snapshot in self.snapshots if run in snapshot.runs]
        holding.sort(key=lambda snapshot: snapshot.runs[run].state)  # "done" before "failed"; else by name
        return PublishedRun(holding[0], run) if holding else None

    def prepare(self) -> None:
        """Make sure that runs can be written.

        Raises
        ------
        UsageError
            If the folder is a snapshot, or cannot be created or written.
        """
        if self.is_snapshot:
            raise UsageError(
                f"--results {self.results}: is a snapshot, which stays as it is; a store beside it that counts its "
                "runs as done is the folder that holds published/"
            )
        try:
            self.runs_path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".probe.", dir=self.runs_path, ignore_cleanup_errors=True) as probe:
                write_atomically(Path(probe, "written"), b"as a run's results are")
        except OSError as error:
            raise UsageError(f"--results {self.results}: cannot be written ({error.strerror})") from error

    def folder(self, run: str) -> RunFolder:
        """Return the folder of a run, which need not exist yet; or the run as published, unless it is done here.

        Raises
        ------
        UsageError
            If the name is not one that a run can have; no name leads out of the store.
        """
        if not _RUN_NAME.fullmatch(run):
            raise UsageError(f"run {run!r}: is not the name of a run; see: suite status")
        own = RunFolder(self.runs_path / run)
        published = self.published(run)
        if published is None or (not self.is_snapshot and (published.state != "done" or own.state == "done")):
            return own  # what failed elsewhere is tried again here
        return published

    def folders(self) -> Iterator[RunFolder]:
        """Yield every run folder, by name; snapshots beside them are not part of it."""
        if self.is_snapshot:
            yield from map(self.folder, self.snapshots[0].runs)
        elif self.runs_path.is_dir():
            for path in sorted(self.runs_path.iterdir()):
                if path.is_dir() and _RUN_NAME.fullmatch(path.name):
                    yield RunFolder(path)

    def forget(self, runs: Sequence[str], specs: Sequence[RunSpec]) -> None:
        """Forget the results of some runs of a plan, so that they are run anew.

        Raises
        ------
        UsageError
            If a run is not of the plan, is published, or somebody is working on it.
        """
        planned = {spec.run for spec in specs}
        for run in runs:
            if run not in planned:
                raise UsageError(f"run {run!r}: is not of this benchmark; see: suite plan")
            if (published := self.published(run)) and published.state == "done":
                published.take()
        folders = [folder for folder in map(self.folder, dict.fromkeys(runs)) if folder.path.is_dir()]
        try:
            for folder in folders:
                if not folder.take():
                    raise UsageError(f"run {folder.run}: is being worked on by somebody else")
            for folder in folders:
                folder.reset()
        finally:
            for folder in folders:
                folder.release()

    def collect_garbage(self, warn: Callable[[str], None] = lambda message: None) -> list[Path]:
        """Remove what crashed writers left behind, and nothing else; return it.

        That is temporary files of runs that nobody holds, checkpoints of runs that are done, and what probes left.

        Parameters
        ----------
        warn : told of every folder that cannot be looked into, and every file that cannot be removed.
        """
        found: list[Path] = []
        for place in (*self.runs_path.glob(".probe.*"), *(folder.path for folder in self.folders())):
            try:
                found += _probe_garbage(place) if place.name.startswith(".") else _run_garbage(RunFolder(place))
            except OSError as error:
                warn(f"{place}: cannot be looked into ({error.strerror})")
        removed = []
        for path in found:
            try:
                path.rmdir() if is_own_folder(path) else path.unlink(missing_ok=True)
                removed.append(path)
            except OSError as error:
                warn(f"{path}: cannot be removed ({error.strerror})")
        return removed


def _probe_garbage(path: Path) -> list[Path]:
    return [*path.iterdir(), path] if is_own_folder(path) else [path]


def _run_garbage(folder: RunFolder) -> list[Path]:
    _, holder = look(folder.path / "claims")
    if holder is not None and not owner_died(holder.owner):
        return []  # it may be alive, whatever clocks say
    found = [path for path in folder.path.rglob(".*.tmp") if path.is_file()]
    if (folder.path / "done.json").exists() and is_own_folder(folder.path / "checkpoint"):
        found += sorted((folder.path / "checkpoint").iterdir())
    return found
