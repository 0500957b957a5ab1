"""The run store: one folder a run, written under temporary names, finished by a marker with checksums.

results/runs/<run>/
run.json             the RunSpec
claim.json           who works on it; its modification time is the heartbeat
evaluations.parquet  one row an evaluation episode
training.parquet     one row an evaluation mark: counters, seconds, logged metrics
provenance.json      versions, commit, machine, settings as printed and as used
log.txt              what the run printed
failed.json          why it failed (absent otherwise)
done.json            the commit marker: checksums of the files above
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ValidationError

from suite.errors import UsageError
from suite.spec import SCHEMA, RunSpec

RunState = Literal["pending", "running", "done", "failed"]

LEASE_SECONDS = 60.0
"""A claim whose heartbeat is older than this may be taken over."""

COMMITTED = ("run.json", "evaluations.parquet", "training.parquet", "provenance.json")

EVALUATION_COLUMNS = ("environment_steps", "gradient_steps", "task", "episode", "return", "success")


class CorruptRunError(Exception):
    """A run folder that cannot be read; the message names the folder, the file and what is wrong."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is seen whole or not at all, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, atomically."""
    write_atomically(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class RunFolder:
    """One run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run(self) -> str:
        """The run's name, which is the folder's."""
        return self.path.name

    @property
    def state(self) -> RunState:
        """What the folder's markers say."""
        if (self.path / "done.json").exists():
            return "done"
        if (self.path / "failed.json").exists():
            return "failed"
        return "running" if self._claim_age() < LEASE_SECONDS else "pending"

    # Writing

    def prepare(self, spec: RunSpec) -> None:
        """Make the folder and write down what is to be run."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "run.json", spec.model_dump(mode="json"))

    def claim(self) -> bool:
        """Take the run for this process; False if somebody else holds it."""
        claim = self.path / "claim.json"
        if claim.exists() and self._claim_age() >= LEASE_SECONDS:
            claim.unlink(missing_ok=True)
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "claimed": time.time()}
        try:
            with claim.open("x") as file:
                json.dump(owner, file)
        except FileExistsError:
            return False
        (self.path / "failed.json").unlink(missing_ok=True)
        return True

    def heartbeat(self) -> None:
        """Renew the claim's lease."""
        os.utime(self.path / "claim.json")

    def release(self) -> None:
        """Give the claim back."""
        (self.path / "claim.json").unlink(missing_ok=True)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `<name>.parquet`, atomically."""
        write_atomically(self.path / f"{name}.parquet", table.to_parquet(index=False))

    def write_provenance(self, value: dict[str, Any]) -> None:
        """Write where the run's numbers come from."""
        write_json(self.path / "provenance.json", value)

    def write_progress(self, value: dict[str, Any]) -> None:
        """Show how far the run is; lost with no harm."""
        temporary = self.path / ".progress.tmp"
        temporary.write_text(json.dumps(value))
        temporary.replace(self.path / "progress.json")

    def fail(self, reason: str, kind: str) -> None:
        """Record why the run failed."""
        write_json(self.path / "failed.json", {"kind": kind, "reason": reason})

    def commit(self) -> None:
        """Mark the run as finished; the last thing a run does."""
        write_json(self.path / "done.json", {name: _checksum(self.path / name) for name in COMMITTED})

    # Reading

    def spec(self) -> RunSpec:
        """Read the run's specification."""
        text = self._read("run.json")
        try:
            version = json.loads(text).get("schema_version", 0)
            if isinstance(version, int) and version > SCHEMA:
                raise CorruptRunError(
                    f"{self.path}: written by a newer version of the suite (schema {version}, this one reads {SCHEMA})"
                )
            return RunSpec.model_validate_json(text)
        except (json.JSONDecodeError, AttributeError, ValidationError) as error:
            raise CorruptRunError(f"{self.path}/run.json: {str(error).splitlines()[0]}") from error

    def evaluations(self) -> pd.DataFrame:
        """Read the evaluation episodes (see `EVALUATION_COLUMNS`)."""
        return self._read_table("evaluations", EVALUATION_COLUMNS)

    def training(self) -> pd.DataFrame:
        """Read counters, seconds and metrics, one row an evaluation mark."""
        return self._read_table("training", ("environment_steps", "gradient_steps"))

    def provenance(self) -> dict[str, Any]:
        """Read where the run's numbers come from; empty before it was written."""
        return self._read_json("provenance.json")

    def progress(self) -> dict[str, Any]:
        """Read how far the run is; empty if it has not said."""
        return self._read_json("progress.json")

    def failure(self) -> dict[str, Any]:
        """Read why the run failed; empty if it did not."""
        return self._read_json("failed.json")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the run's log."""
        log = self.path / "log.txt"
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 200 * lines))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def verify(self) -> None:
        """Check a finished run against its checksums.

        Raises
        ------
        CorruptRunError
            If a committed file is missing or differs from what was committed.
        """
        for name, checksum in self._read_json("done.json").items():
            path = self.path / Path(name).name
            if not path.is_file() or _checksum(path) != checksum:
                raise CorruptRunError(f"{path}: differs from what the run committed")

    def _claim_age(self) -> float:
        try:
            return time.time() - (self.path / "claim.json").stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptRunError(f"{self.path / name}: {error}") from error

    def _read_json(self, name: str) -> dict[str, Any]:
        if not (self.path / name).exists():
            return {}
        try:
            value = json.loads(self._read(name))
        except json.JSONDecodeError as error:
            raise CorruptRunError(f"{self.path / name}: {error}") from error
        if not isinstance(value, dict):
            raise CorruptRunError(f"{self.path / name}: not an object")
        return value

    def _read_table(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        path = self.path / f"{name}.parquet"
        try:
            table = pd.read_parquet(path)
        except Exception as error:  # the reader raises many kinds for a damaged file
            raise CorruptRunError(f"{path}: {str(error).splitlines()[0]}") from error
        missing = [column for column in columns if column not in table]
        if missing:
            raise CorruptRunError(f"{path}: lacks the column {missing[0]!r}")
        return table


class Store:
    """All runs under one results folder."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.runs_path = results / "runs"

    def prepare(self) -> None:
        """Make sure that runs can be written.

        Raises
        ------
        UsageError
            If the folder cannot be created or written.
        """
        try:
            self.runs_path.mkdir(parents=True, exist_ok=True)
            probe = self.runs_path / f".probe.{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UsageError(f"--results {self.results}: cannot be written ({error.strerror})") from error

    def folder(self, run: str) -> RunFolder:
        """Return the folder of a run, which need not exist yet."""
        return RunFolder(self.runs_path / run)

    def folders(self) -> Iterator[RunFolder]:
        """Yield every run folder, by name."""
        if self.runs_path.is_dir():
            for path in sorted(self.runs_path.iterdir()):
                if path.is_dir() and not path.name.startswith("."):
                    yield RunFolder(path)
