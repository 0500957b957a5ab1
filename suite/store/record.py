"""A run as it reads: what its folder says of it, and nothing that writes."""

from __future__ import annotations

import hashlib
import json
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from suite.errors import UsageError, first_line
from suite.failures import Failure, Kind, is_away
from suite.spec import SCHEMA, RunSpec
from suite.store import attempts
from suite.store.files import read_regular
from suite.store.layout import CLAIMS, FINAL_STATE, POST_RUN_STEPS, failure_file, record_file, wanted_file
from suite.store.lease import is_held

if TYPE_CHECKING:
    import pandas as pd

RunState = Literal["pending", "running", "done", "failed", "unreadable"]
"""Unreadable: another user's, who lets nobody look."""

EVALUATION_COLUMNS = ("environment_steps", "gradient_steps", "task", "episode", "return", "success")
ADAPTATIONS = "adaptations"
"""A further column of runs that were tested step by step: one row a task and number of adaptations before it."""


class CorruptRunError(UsageError):
    """A run folder that cannot be read; the message names the folder, the file and what is wrong."""


class NewerVersionError(CorruptRunError):
    """A run folder that a newer version of the suite has written."""


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file; raises as `read_regular`."""
    return hashlib.sha256(read_regular(path)).hexdigest()


class RunRecord:
    """A run, read from its folder."""

    snapshot: Path | None = None
    """The snapshot that it is read from instead, if it is published."""
    earlier: bool = False
    """True if its snapshot has it from an earlier plan, as of an earlier revision of its algorithm."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run(self) -> str:
        """The run's name, which is the folder's."""
        return self.path.name

    @property
    def state(self) -> RunState:
        """The state that the folder's markers tell."""
        try:
            if (self.path / "done.json").exists():
                return "done"
            if (self.path / "failed.json").exists():
                return "failed"
            return "running" if self.is_held else "pending"
        except PermissionError:
            return "unreadable"

    @property
    def committed(self) -> int | None:
        """The time at which the run was committed, in nanoseconds; None if it is not done."""
        try:
            return (self.path / "done.json").stat().st_mtime_ns
        except OSError:
            return None

    @property
    def is_held(self) -> bool:
        """True if somebody is working on the run, its post-run steps included."""
        return is_held(self.path / CLAIMS)

    def has(self, name: str) -> bool:
        """True if a file of the run is there, whoever may read it."""
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
            raise CorruptRunError(f"{self.path}/run.json: {first_line(error)}") from error

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
        """Return the last lines of the run's log; none while the store is away."""
        try:
            _, text = self.log_since(max(0, self.log_size() - 200 * lines))
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def log_size(self) -> int:
        """Return the size of the run's log in bytes; raises `OSError` while the store is away."""
        try:
            return (self.path / "log.txt").stat().st_size
        except OSError as error:
            if is_away(error):
                raise
            return 0

    def log_since(self, offset: int) -> tuple[int, str]:
        """Return the log's size, and what was printed beyond an offset; from its start if it has begun anew.

        Raises
        ------
        OSError
            While the store is away.
        """
        start = offset if offset <= self.log_size() else 0
        try:
            text = read_regular(self.path / "log.txt", start)
        except OSError as error:
            if is_away(error):
                raise
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

    def verify(self, *, states: bool = True) -> None:
        """Check a finished run against its checksums.

        Parameters
        ----------
        states : whether to check the trained algorithm too, which is nearly all there is to read; who does not use it
            leaves that to whoever loads it.

        Raises
        ------
        CorruptRunError
            If a committed file is missing or differs from what was committed.
        """
        for name, checksum in self.document("done.json").items():
            path = self.path / Path(name).name
            if path.name in FINAL_STATE and not states:
                continue
            self.check_readable(path.name)
            try:
                found = checksum_of(path)
            except OSError:
                found = None
            if found != checksum:
                raise CorruptRunError(f"{path}: differs from what the run committed")

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

    def _read(self, name: str) -> str:
        try:
            return self.content(name).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptRunError(f"{self.path / name}: {error}") from error

    def _read_table(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        from pyarrow.parquet import ParquetFile  # slow: a lease must not wait for it

        path = self.path / f"{name}.parquet"
        try:
            # On one thread: the tables are small and, in a report, many.
            with ParquetFile(BytesIO(self.content(path.name))) as file:
                table: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
        except Exception as error:  # the reader raises many kinds for a damaged file
            raise CorruptRunError(f"{path}: {first_line(error)}") from error
        return with_columns(table, columns, path)

    # Post-run steps

    def wanted(self, step: str) -> dict[str, Any]:
        """Read how a post-run step is to be done; empty if nobody asked for it."""
        return self.document(wanted_file(step))

    @property
    def lacking(self) -> tuple[str, ...]:
        """The post-run steps that a finished run lacks: wanted, and not done, or otherwise than they are wanted."""
        return tuple(step for step in POST_RUN_STEPS if self._lacks(step)) if self.state == "done" else ()

    @property
    def owed(self) -> tuple[str, ...]:
        """The post-run steps that it lacks, and that nobody has failed to do."""
        return tuple(step for step in self.lacking if self.step_failure(step) is None)

    def step_failure(self, step: str) -> str | None:
        """Read why a finished run's post-run step failed; None if that was not tried, or went well."""
        try:
            said = self.document(failure_file(step))
        except CorruptRunError:
            said = {"reason": None}
        reason = said.get("reason") if said else ""
        return (reason if isinstance(reason, str) else f"{failure_file(step)} does not say why") or None

    def _lacks(self, step: str) -> bool:
        try:
            wanted = self.wanted(step)
        except CorruptRunError:
            return False  # nobody could say how
        try:
            return bool(wanted) and self.document(record_file(step)).get("settings") != wanted
        except CorruptRunError:
            return True


def with_columns(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> pd.DataFrame:
    """Return a table that has some columns.

    Raises
    ------
    CorruptRunError
        If one is missing.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise CorruptRunError(f"{path}: lacks the column {missing[0]!r}")
    return table
