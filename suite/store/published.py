"""Snapshots of finished runs: a few compact files that are committed, and read as a store is.

results/published/<name>/
snapshot.json        checksums of the files below, written last
benchmark.json       what the runs were made for, their list (name, label, state), and what decided how many there are
runs.jsonl           one line a run: state, specification, provenance, what post-run steps found, or why it failed
evaluations.parquet  one row an evaluation episode of all runs
training.parquet     one row an evaluation mark of all runs; a metric that a run does not log is missing
tables.json          the report's tables and claims, as they were published

Parameters, logs and checkpoints are left out. The same runs give the same bytes.

While it is written anew, the new files lie in a folder `next` within; if that is there, its files count, and they are
moved to their places by whoever writes the snapshot again. Leases in a folder `.next.claims` say who does.
"""

from __future__ import annotations

import errno
import hashlib
import json
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from suite.errors import UsageError, first_error, first_line
from suite.store.files import as_json, read_regular, write_atomically
from suite.store.layout import TABLES
from suite.store.lease import Lease, LostLeaseError, take
from suite.store.record import RunRecord, RunState, with_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA = 2
"""Version of the layout; the first one did not list the runs in `benchmark.json`."""

MARKER = "snapshot.json"
BENCHMARK, RUNS, PUBLISHED_TABLES = "benchmark.json", "runs.jsonl", "tables.json"
NEXT = "next"
PUBLISHER = f".{NEXT}.claims"
"""Leases of who writes a snapshot."""

Values = dict[str, Any]

SHIPPED = Path(__file__).parents[1] / "published"
"""The snapshots that come with the suite; in a checkout, a link to `results/published`."""


def shipped_snapshots() -> dict[str, Path]:
    """Return the folders of the snapshots that come with the suite, by name."""
    return {path.parent.name: path.parent.resolve() for path in sorted(SHIPPED.glob(f"*/{MARKER}"))}


def located(results: Path) -> Path:
    """Return a folder, or the snapshot that came with the suite if this is its name, and no folder's."""
    return results if results.exists() else shipped_snapshots().get(str(results), results)


class CorruptSnapshotError(UsageError):
    """A snapshot that cannot be read; the message names the file and what is wrong."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Marker(_Value):
    schema_version: int
    files: dict[str, str]


class Listed(_Value):
    """A run that was planned when the snapshot was written, or by an earlier plan."""

    run: str
    label: str
    state: Literal["done", "failed", "pending"]
    earlier: bool = False
    """True if it is of an earlier plan, as when an algorithm's revision was raised: evidence of that revision alone."""


class Background(_Value):
    """The purpose of a snapshot's runs."""

    name: str
    description: str
    comparisons: tuple[Values, ...] = ()
    """Comparisons, as `suite.plan.seeds.Comparison` writes them."""
    runs: tuple[Listed, ...] = ()
    """Its list of runs; empty in a snapshot of the first layout."""
    papers: tuple[str, ...] | None = None
    compare: tuple[tuple[str, str], ...] | None = None
    """Papers that its page judges and pairs that it compares first, if the benchmark's file names any."""

    @property
    def earlier(self) -> frozenset[str]:
        """The runs of earlier plans."""
        return frozenset(each.run for each in self.runs if each.earlier)


def _without_unnamed(background: Values) -> Values:
    return {key: value for key, value in background.items() if value is not None}


class PublishedFiles(_Value):
    """The part of a run that a snapshot keeps."""

    run: str
    state: Literal["done", "failed"]
    files: dict[str, Values]
    """The small files of its folder, by name."""
    rows: dict[str, int]
    """The number of rows of each of `TABLES`."""
    columns: dict[str, tuple[str, ...]]
    """Those of its own tables, in their order."""


class Run(NamedTuple):
    """The part of a run that is to be kept."""

    run: str
    state: Literal["done", "failed"]
    files: Mapping[str, Values]
    tables: Mapping[str, pa.Table]
    """`TABLES` of a run that is done."""


class Snapshot:
    """A folder of published runs; its checksums are verified before anything of it is used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_there(self) -> bool:
        """True if the folder is a snapshot."""
        return any((folder / MARKER).is_file() for folder in (self.path / NEXT, self.path))

    @cached_property
    def runs(self) -> dict[str, PublishedFiles]:
        """The part of each run that is kept, in the order of their names.

        Raises
        ------
        CorruptSnapshotError
            If a file is damaged or missing, or was written by a newer version.
        """
        lines = self._contents[RUNS].decode().splitlines()
        try:
            read = [PublishedFiles.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise CorruptSnapshotError(f"{self.path / RUNS}: {first_error(error)}") from error
        twice = [run for run, count in Counter(each.run for each in read).items() if count > 1]
        if twice:
            raise CorruptSnapshotError(f"{self.path / RUNS}: holds run {twice[0]} twice")
        return {each.run: each for each in read}

    @cached_property
    def background(self) -> Background:
        """The purpose of the runs; raises as `runs`."""
        try:
            return Background.model_validate_json(self._contents[BENCHMARK])
        except ValidationError as error:
            raise CorruptSnapshotError(f"{self.path / BENCHMARK}: {first_error(error)}") from error

    @property
    def tables(self) -> Any:
        """The report's tables as they were published; raises as `runs`."""
        return json.loads(self._contents[PUBLISHED_TABLES])

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self._contents.values()))

    def table(self, run: str, name: str) -> pa.Table:
        """Return one of a run's `TABLES`; raises as `runs`."""
        first, whole = self._starts[name][run], self._parquet[name]
        kept = self.runs[run]
        return whole.slice(first, kept.rows[name]).select(list(kept.columns[name]))

    @cached_property
    def _starts(self) -> dict[str, dict[str, int]]:
        """For each of `TABLES` where a run's rows begin."""
        starts: dict[str, dict[str, int]] = {name: {} for name in TABLES}
        for name, found in starts.items():
            first = 0
            for kept in self.runs.values():
                found[kept.run] = first
                first += kept.rows.get(name, 0)
            if first != self._parquet[name].num_rows:
                raise CorruptSnapshotError(f"{self.path / name}.parquet: does not hold the rows that {RUNS} counts")
        return starts

    @cached_property
    def _parquet(self) -> dict[str, pa.Table]:
        from pyarrow.parquet import ParquetFile  # slow, and not needed for states

        found = {}
        for name in TABLES:
            try:
                with ParquetFile(BytesIO(self._contents[f"{name}.parquet"])) as file:
                    found[name] = file.read(use_threads=False)
            except Exception as error:  # the reader raises many kinds for a damaged file
                raise CorruptSnapshotError(f"{self.path / name}.parquet: {first_line(error)}") from error
        return found

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        marker = self._marker()
        while True:
            try:
                return self._verified(marker)
            except CorruptSnapshotError:
                earlier, marker = marker, self._marker()
                if marker == earlier:  # else it was written anew between the marker and its files
                    raise

    def _verified(self, marker: _Marker) -> dict[str, bytes]:
        needed = {BENCHMARK, RUNS, PUBLISHED_TABLES, *(f"{name}.parquet" for name in TABLES)}
        if missing := sorted(needed - marker.files.keys()):
            raise CorruptSnapshotError(f"{self.path / MARKER}: lacks the checksum of {missing[0]}")
        found = {}
        for name in sorted(needed):
            try:
                found[name] = self._read(name)
            except OSError as error:
                raise CorruptSnapshotError(f"{self.path / name}: {error.strerror}") from error
            if _checksum(found[name]) != marker.files[name]:
                raise CorruptSnapshotError(f"{self.path / name}: differs from what was published")
        return found

    def _marker(self) -> _Marker:
        path = self.path / MARKER
        try:
            marker = _Marker.model_validate_json(self._read(MARKER))
        except ValidationError as error:
            raise CorruptSnapshotError(f"{path}: {first_error(error)}") from error
        except OSError as error:
            raise CorruptSnapshotError(f"{path}: {error.strerror}") from error
        if marker.schema_version > SCHEMA:
            raise CorruptSnapshotError(
                f"{path}: written by a newer version of the suite "
                f"(schema {marker.schema_version}, this one reads {SCHEMA})"
            )
        return marker

    def write(self, runs: Sequence[Run], background: Background, tables: Any) -> None:
        """Write it anew; whenever this is stopped, it is whole, as it was or as it is to be.

        Raises
        ------
        UsageError
            If somebody else is writing it, or has since it was read; one that is there and was never read counts so.
        """
        ordered = sorted(runs, key=lambda each: each.run)
        contents = {
            BENCHMARK: as_json(_without_unnamed(background.model_dump(mode="json"))),
            RUNS: b"".join(_line(each) for each in ordered),
            PUBLISHED_TABLES: as_json(tables),
            **{f"{name}.parquet": _together(ordered, name) for name in TABLES},
        }
        checksums = {name: _checksum(content) for name, content in contents.items()}
        contents[MARKER] = as_json({"schema_version": SCHEMA, "files": checksums})
        self.path.mkdir(parents=True, exist_ok=True)
        folder = self.path / f".{NEXT}.{secrets.token_hex(4)}.tmp"
        with self._alone() as lease:
            try:
                self._settle()
                there = Snapshot(self.path)
                if there.is_there and there._contents != self.__dict__.get("_contents"):
                    raise self._written_by_others()
                folder.mkdir()
                for name, content in contents.items():
                    write_atomically(folder / name, content)
                if lost := sorted(contents.keys() - {path.name for path in folder.iterdir()}):
                    raise UsageError(f"{folder / lost[0]}: was removed by somebody else; publish again")
                lease.check()
                folder.rename(self.path / NEXT)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            self._settle()
        for read in ("runs", "background", "_starts", "_parquet"):
            self.__dict__.pop(read, None)
        self.__dict__["_contents"] = {name: contents[name] for name in checksums}  # known, as if it had been read

    @contextmanager
    def _alone(self) -> Iterator[Lease]:
        """Hold the snapshot's lease; nothing is left of it, as the folder is committed."""
        claims = self.path / PUBLISHER
        try:
            lease = take(claims)
        except FileNotFoundError:  # whoever has held it removes it
            lease = None
        if lease is None:
            raise UsageError(f"{self.path}: somebody else is publishing there; publish again when that is done")
        try:
            yield lease
        except LostLeaseError:
            raise self._written_by_others() from None
        finally:
            with suppress(LostLeaseError, OSError):
                lease.check()
                shutil.rmtree(claims)

    def _read(self, name: str) -> bytes:
        """Read a file: that of a snapshot that is being written comes before the earlier one, and then takes its place.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        with suppress(FileNotFoundError):
            return read_regular(self.path / NEXT / name)
        return read_regular(self.path / name)

    def _settle(self) -> None:
        """Move what was written anew to its place, the marker last.

        Raises
        ------
        UsageError
            If it is damaged, and then nothing is moved; or if there is something else among it.
        """
        coming = self.path / NEXT
        if (coming / MARKER).exists():
            _ = Snapshot(self.path)._contents  # nothing of it is missing, or it stays where it is
            for name in (BENCHMARK, RUNS, PUBLISHED_TABLES, *(f"{name}.parquet" for name in TABLES), MARKER):
                with suppress(FileNotFoundError):  # moved by a publisher who was killed
                    (coming / name).replace(self.path / name)
        with suppress(FileNotFoundError):
            if others := sorted(coming.iterdir()):
                raise UsageError(f"{others[0]}: is no part of a snapshot, and in the way of publishing; remove it")
            coming.rmdir()

    def _written_by_others(self) -> UsageError:
        return UsageError(f"{self.path}: somebody else has published there meanwhile; publish again")


class PublishedRun(RunRecord):
    """A run of a snapshot: it reads as a folder does, and there is nothing to write."""

    def __init__(self, snapshot: Snapshot, run: str) -> None:
        super().__init__(snapshot.path / run)
        self.snapshot = snapshot.path
        self.earlier = run in snapshot.background.earlier
        self._kept = snapshot.runs[run]
        self._table = snapshot.table

    @property
    def state(self) -> RunState:
        """The state in which it was published."""
        return self._kept.state

    @property
    def committed(self) -> int | None:
        """No clock's time: what is published stays."""
        return 0 if self.state == "done" else None

    @property
    def is_held(self) -> bool:
        """Never: nobody works on it."""
        return False

    @property
    def lacking(self) -> tuple[str, ...]:
        """None: without parameters no post-run step can be done."""
        return ()

    def has(self, name: str) -> bool:
        """True if the snapshot keeps a file of the run."""
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
        return with_columns(table, columns, self.path / name)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _line(run: Run) -> bytes:
    kept = PublishedFiles(
        run=run.run,
        state=run.state,
        files=dict(run.files),
        rows={name: table.num_rows for name, table in run.tables.items()},
        columns={name: tuple(table.column_names) for name, table in run.tables.items()},
    )
    return (json.dumps(kept.model_dump(mode="json"), sort_keys=True) + "\n").encode()


def _together(runs: Sequence[Run], name: str) -> bytes:
    """Write the tables of all runs below each other; a column that a run lacks is missing there."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    parts = []
    for each in runs:
        if (table := each.tables.get(name)) is not None:
            names = pa.array([each.run] * table.num_rows, pa.string()).dictionary_encode()
            parts.append(table.replace_schema_metadata(None).add_column(0, "run", names))
    whole = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries() if parts else pa.table({})
    out = BytesIO()
    write_table(whole, out, compression="zstd", compression_level=19, use_dictionary=["run"])
    return out.getvalue()
