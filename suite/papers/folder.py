"""A paper as a folder of data: what it is, and the tables that it prints. Nothing in a folder is executed."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, model_validator

from environments import FloatArray, family_names, family_spec
from suite.errors import UsageError, unknown
from suite.papers.sentences import numbers_before
from suite.papers.sources import Block
from suite.plain_yaml import read_yaml
from suite.schema import Strict, Text

SHIPPED = Path(__file__).parent
ABOUT, CLAIMS, SETTINGS = "paper.yaml", "claims.yaml", "settings.yaml"

AFTER = "@"
"""maml@2: the entry maml after its second adaptation, of runs that were tested step by step."""

Read = TypeVar("Read", bound=BaseModel)

Unit = Literal["seconds", "minutes", "hours", "days", "thousands", "percent"]
SECONDS: dict[str, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


def _number(text: str) -> str:
    try:
        exact(text)
    except ValueError:
        raise ValueError("must be a number as it is printed, in quotes") from None
    return text


Printed = Annotated[str, AfterValidator(_number)]
"""A number as it is printed: a text, so that its precision is kept."""


class UnitAbout(Strict):
    """The unit of a task family's returns."""

    divide: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    name: Text


class GroupsAbout(Strict):
    """Groups of environments that a table prints: better, comparable, worse."""

    column: Text
    ours: Text
    baseline: Text
    failure: Annotated[float, Field(allow_inf_nan=False)]
    """The score, in the table's unit, at or below which both have failed and neither is worse."""


class ClustersAbout(Strict):
    """A table of distances between context embeddings."""

    table: Text
    environment: Text
    within: Text
    """Row: mean distance to the own centroid."""
    between: Text
    """Row: mean distance between centroids."""


class TableAbout(Strict):
    """The description of one of the paper's tables."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*\.csv$")]
    """In `tables/`; in `logs/` if it has a source."""
    title: Text
    """Number that the paper gives it."""
    source: Text | None = None
    """The publication of the numbers if the paper does not print them, such as its authors' logs."""
    copy_of: Annotated[list[Text], Field(min_length=2, max_length=2)] | None = None
    """A paper that comes with the suite, and the key of its table that has these numbers too."""
    rows: Text
    """Heading of the first column, which names the rows."""
    unit: Unit | None = None
    columns: dict[Text, Text] = Field(default_factory=dict)
    """Heading of a column -> the entry that it means; others keep their headings."""
    texts: list[Text] = Field(default_factory=list)
    """Headings of columns that hold no numbers."""
    settings: dict[Text, Text] = Field(default_factory=dict)
    """Row, or column where rows are environments -> the setting that it prints."""
    measure: Literal["score", "seconds_total"] | None = None
    """The measure in the entries' columns, if rows are environments: such a table is shown beside our runs."""
    about: str = ""
    """The page's note on it."""
    groups: GroupsAbout | None = None
    """The grouping of its environments, if there is one."""
    adaptations: Text | None = None
    """The environment whose test tasks are its rows; a column "maml 1" holds returns of maml after one adaptation."""

    @model_validator(mode="after")
    def _printed(self) -> TableAbout:
        if self.source is not None and (self.measure is not None or self.groups is not None):
            raise ValueError("source: only what the paper prints has a measure or groups")
        return self


class About(Strict):
    """The description of a paper: `paper.yaml`."""

    short: Text
    """Name that the page gives it."""
    title: Text
    authors: Annotated[list[Text], Field(min_length=1)]
    year: Annotated[int, Field(ge=1950, le=2100)]
    identifier: Text
    """The identifier by which it can be found, such as an arXiv number."""
    environments: dict[Text, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)
    """Sets of environments beside those that come with the suite."""
    units: dict[Text, UnitAbout] = Field(default_factory=dict)
    """Kind of task family -> the unit that the paper prints its returns in."""
    seeds: Annotated[int, Field(ge=1)] = 3
    """Seeds of the paper; fewer decide nothing."""
    seeds_source: Text = "ours: as for the other papers"
    window: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the environment steps, at the end of training, over which a run is scored."""
    window_source: Text = "ours: as for the other papers"
    protocol: list[Block] = Field(default_factory=list)
    """Budget, exploration episodes and environment options, with their sources; later blocks override earlier ones."""
    tables: dict[Text, TableAbout] = Field(default_factory=dict)
    clusters: ClustersAbout | None = None
    """The table in which statistics of context embeddings are printed."""
    notes: list[Text] = Field(default_factory=list)
    """Notes for a reader of the verdicts."""


@dataclass(frozen=True)
class PrintedTable:
    """One of the paper's tables, as it is printed."""

    file: str
    about: TableAbout
    rows: Sequence[str]
    """Names of the rows."""
    cells: Mapping[str, Sequence[str]]
    """Column -> its texts; a column is named as the entry it belongs to."""

    @property
    def number_columns(self) -> list[str]:
        """Names of the columns that hold numbers."""
        return [column for column in self.cells if column not in self.about.texts]

    def column(self, name: str, numbers: bool = True) -> list[str]:
        """Return the texts of a column, in the order of the rows.

        Raises
        ------
        UsageError
            If there is no such column, or it holds texts where numbers are meant.
        """
        allowed = self.number_columns if numbers else list(self.cells)
        if name not in allowed:
            raise UsageError(f"{self.file}: {unknown('column', name, allowed)}")
        return list(self.cells[name])

    def exact(self, name: str) -> list[Fraction]:
        """Return a column of numbers as they are printed, without rounding."""
        return [exact(cell) for cell in self.column(name)]

    def numbers(self, name: str) -> FloatArray:
        """Return a column of numbers (rows,)."""
        return np.array([float(cell) for cell in self.column(name)])

    @property
    def environments(self) -> list[str]:
        """Return its rows, or the one environment whose test tasks they are."""
        return [self.about.adaptations] if self.about.adaptations else list(self.rows)

    def heading(self, entry: str) -> str:
        """Return the column of an entry: that of maml@1 is "maml 1" where rows are an environment's test tasks."""
        return entry.replace(AFTER, " ") if self.about.adaptations else entry

    def scores(self, entry: str, environments: Sequence[str]) -> FloatArray:
        """Return an entry's mean scores (environments,)."""
        numbers = self.numbers(self.heading(entry))
        if self.about.adaptations:
            return np.array([numbers.mean()])
        return numbers[[self.rows.index(environment) for environment in environments]]

    def cell(self, row: str, column: str) -> str:
        """Return a printed number."""
        if row not in self.rows:
            raise UsageError(f"{self.file}: {unknown('row', row, self.rows)}")
        return self.column(column)[self.rows.index(row)]

    def counted(self, row: str, what: str) -> int:
        """Return the whole number before a word in the name of a row."""
        found = numbers_before(row, rf"{re.escape(what)}\b")
        if not found:
            raise UsageError(f"{self.file}: row {row!r}: has no number of {what}")
        if not found[0].isdigit():
            raise UsageError(f"{self.file}: row {row!r}: {found[0]} {what}: must be a whole number")
        return int(found[0])


@dataclass(frozen=True)
class Folder:
    """A paper's folder: what the paper is, and what it prints."""

    name: str
    folder: Path
    about: About
    tables: Mapping[str, PrintedTable]

    def table(self, name: str) -> PrintedTable:
        """Return a table by its key in `paper.yaml`."""
        if name not in self.tables:
            raise UsageError(unknown("table", name, self.tables))
        return self.tables[name]

    def read(self, file: str, model: type[Read]) -> Read:
        """Read one of the folder's YAML files."""
        return read_yaml(inside(self.folder, file), model, "paper file")

    def has(self, file: str) -> bool:
        """Tell whether there is such a file."""
        return (self.folder / file).exists()


def shipped_papers() -> list[str]:
    """Return the names of the papers that come with the suite, in the order of their years."""
    return sorted(shipped_folders(), key=lambda name: (read_folder(name).about.year, name))


def shipped_folders() -> dict[str, Path]:
    """Return the folders of the papers that come with the suite, by their names."""
    return {path.parent.name.replace("_", "-"): path.parent for path in sorted(SHIPPED.glob(f"*/{ABOUT}"))}


def read_folder(name: str) -> Folder:
    """Read what a paper prints: one that comes with the suite by its name, or any folder by its path.

    Raises
    ------
    UsageError
        If there is no such paper, or something in its folder is not valid: one line says which file, key and value.
    """
    names = shipped_folders()
    if name in names:
        return _read_once(names[name])
    if not Path(name).is_dir():
        raise UsageError(unknown("paper", name, names) + " or the path of a paper's folder")
    return _read(Path(name))


def _read(folder: Path) -> Folder:
    about = read_yaml(inside(folder, ABOUT), About, "paper file")
    tables = {key: _read_table(folder, table) for key, table in about.tables.items()}
    _check_about(folder / ABOUT, about, tables)
    return Folder(folder.resolve().name.replace("_", "-"), folder, about, tables)


_read_once = cache(_read)


def _check_about(path: Path, about: About, tables: Mapping[str, PrintedTable]) -> None:
    """Refuse what speaks of something that is not there."""
    try:
        for set_name, names in about.environments.items():
            for name in names:
                if name not in family_names():
                    raise UsageError(f"environments.{set_name}: {unknown('environment', name, family_names())}")
        for kind in about.units:
            if kind not in (kinds := {family_spec(name).kind for name in family_names()}):
                raise UsageError(f"units: {unknown('kind of task family', kind, kinds)}")
        for key, table in tables.items():
            if (place := table.about.adaptations) is not None and place not in family_names():
                raise UsageError(f"tables.{key}.adaptations: {unknown('environment', place, family_names())}")
            if table.about.measure:
                for row in table.rows:
                    if row not in family_names():
                        raise UsageError(f"{table.file}: {unknown('environment', row, family_names())}")
            if table.about.groups:
                table.column(table.about.groups.column, numbers=False)
                for name in (table.about.groups.ours, table.about.groups.baseline):
                    table.column(name)
        if about.clusters:
            if about.clusters.table not in tables:
                raise UsageError(f"clusters: {unknown('table', about.clusters.table, tables)}")
            for row in (about.clusters.within, about.clusters.between):
                for column in (table := tables[about.clusters.table]).number_columns:
                    table.cell(row, column)
    except UsageError as error:
        raise UsageError(f"paper file {path}: {error}") from error


def inside(folder: Path, file: str) -> Path:
    """Return the path of a folder's file, which must not lead out of it."""
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"paper file {path}: leads out of the paper's folder")
    if not path.is_file():
        raise UsageError(f"paper file {path}: there is no such file")
    return path


def _read_table(folder: Path, about: TableAbout) -> PrintedTable:
    """Read one table; every cell is there, and a number unless its column holds texts."""
    path = inside(folder, f"{'logs' if about.source else 'tables'}/{about.file}")
    what = f"paper file {path}"
    heading, *body = read_csv(path)
    if heading[0] != about.rows:
        raise UsageError(f"{what}: first column: {heading[0]!r}: must be {about.rows!r}, as {ABOUT} has it")
    for name in [*about.columns, *about.texts]:
        if name not in heading[1:]:
            raise UsageError(f"{what}: {unknown('column', name, heading[1:])}")
    for row in body:
        for column, cell in zip(heading[1:], row[1:], strict=True):
            if column not in about.texts:
                try:
                    exact(cell)
                except ValueError:
                    raise UsageError(f"{what}: {row[0]}.{column}: {cell!r}: must be a number") from None
    names = [about.columns.get(column, column) for column in heading[1:]]
    _unique(what, "column", names)
    rows = [row[0] for row in body]
    _unique(what, "row", rows)
    cells = {name: [row[at] for row in body] for at, name in enumerate(names, start=1)}
    return PrintedTable(what, about, rows, cells)


def read_csv(path: Path) -> list[list[str]]:
    """Read a table of texts, its heading first; every row as long as the heading.

    Raises
    ------
    UsageError
        If it cannot be read, holds no row, or a row is longer or shorter.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"paper file {path}: {error}") from error
    if len(rows) < 2:
        raise UsageError(f"paper file {path}: holds no row under its heading")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UsageError(f"paper file {path}: line {number}: {len(row)} cells, the heading has {len(rows[0])}")
    _unique(f"paper file {path}", "column", rows[0])
    return rows


def _unique(what: str, kind: str, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UsageError(f"{what}: {kind} {repeated[0]!r} is there twice; each is allowed once")


@cache
def exact(printed: str) -> Fraction:
    """Return a printed number without rounding.

    Raises
    ------
    ValueError
        If it is no finite number in plain decimals.
    """
    if not printed.isascii() or not set(printed) <= set("+-.0123456789"):
        raise ValueError(printed)
    return Fraction(printed)


def decimals(printed: Iterable[str]) -> int:
    """Return the most decimals that any of some printed numbers has."""
    return max((len(text.partition(".")[2]) for text in printed), default=0)


def agrees(printed: str, value: float | Fraction) -> bool:
    """Tell whether a value rounds to what is printed, at the printed precision."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    found = value if isinstance(value, Fraction) else Fraction(repr(float(value)))
    return 2 * abs(exact(printed) - found) <= Fraction(1, 10 ** decimals([printed]))
