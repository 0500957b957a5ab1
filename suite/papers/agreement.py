"""The agreement of a paper's folder with itself: a number that stands there twice can be copied wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np

from suite.analysis import comparisons
from suite.errors import UsageError, unknown
from suite.papers.audit import FILE as AUDIT
from suite.papers.checks.check import Check, Cited
from suite.papers.checks.rows import GROUP_CODES, Groups
from suite.papers.claims import Claim
from suite.papers.eligibility import PaperSettings
from suite.papers.folder import (
    ABOUT,
    CLAIMS,
    SETTINGS,
    Folder,
    PrintedTable,
    agrees,
    exact,
    read_folder,
    shipped_folders,
)
from suite.papers.sources import Sourced
from suite.papers.statements import PRINTED_RANGE, ShareNotWorse, label
from suite.plan.environment_sets import kind_of

Triples = Sequence[str] | Sequence[Sequence[str]]
"""Three names, or several such."""

NUMBERED = re.compile(r"\bTables? ([A-Z]?\d+(?:(?:, | and |, and )[A-Z]?\d+)*)")
"""One table, or several: their numbers after the word."""
FACTORS = {"thousands": 1000.0, "percent": 0.01}
"""Units of scores, and what returns are divided by to be in them."""


@runtime_checkable
class OfMeans(Protocol):
    """A statement whose value follows from mean scores, as a table prints them."""

    def of_means(self, means: comparisons.Means) -> float:
        """Return the statistic of the entries' means."""


def check_agreement(
    paper: Folder, checks: Mapping[str, Check], claims: Sequence[Claim], settings: PaperSettings
) -> None:
    """Refuse what a folder says in two places and not alike; one line names both.

    Raises
    ------
    UsageError
        If a number differs from the cell, setting, table or check that is said to have it too, or there is none.
    """
    titles: dict[tuple[str, str | None], str] = {}
    for key, table in paper.tables.items():
        with _place(paper, ABOUT, f"tables.{key}"):
            if (other := titles.setdefault((table.about.title, table.about.measure), key)) != key:
                raise UsageError(f"title: {table.about.title!r}: is that of {other} too")
            _check_groups(table)
            _check_headings(table)
            _check_copy(table)
            _check_unit(paper, table)
    for key, check in checks.items():
        with _place(paper, AUDIT, key):
            _check_title(paper, check.where, getattr(check, "table", None), [])
            _compare_check(paper, check, settings)
    for claim in claims:
        with _place(paper, CLAIMS, claim.key):
            _check_title(paper, claim.about.where, claim.about.table, paper.tables)
            _check_side(claim)
            claim.about.check_words()
            _compare_claim(paper, claim, checks)
    with _place(paper, SETTINGS):
        _compare_settings(paper, claims, settings)


@contextmanager
def _place(paper: Folder, file: str, key: str = "") -> Iterator[None]:
    """Name the place of whatever is refused."""
    try:
        yield
    except UsageError as error:
        raise UsageError(": ".join(filter(None, (f"paper file {paper.folder / file}", key, str(error))))) from error


def _compare_check(paper: Folder, check: Check, settings: PaperSettings) -> None:
    """Compare published and cited numbers with the cells and the settings that have them too."""
    cited = check.cited if isinstance(check, Cited) else {}
    places = check.cited_settings if isinstance(check, Cited) else {}
    for key, kind, named, numbers in (
        ("cells", "published number", check.cells, check.published),
        ("settings", "published number", check.settings, check.published),
        ("cited_settings", "cited number", places, cited),
    ):
        for name in named:
            if name not in numbers:
                raise UsageError(f"{key}: {unknown(kind, name, numbers)}")
    if isinstance(check, Groups) and (groups := paper.table(check.table).about.groups) is not None:
        for key, own, other in (
            ("ours", check.ours, groups.ours),
            ("baseline", check.baseline, groups.baseline),
            ("group", check.group, groups.column),
        ):
            if own != other:
                raise UsageError(f"{key}: {own}, but {ABOUT} has {other} for {check.table}")
    for name, cells in check.cells.items():
        _compare_cells(paper, f"cells: {name}", check.published[name], cells)
    for name, triples in check.settings.items():
        _compare_numbers(settings, f"settings: {name}: published", check.published[name], triples)
    for name, triples in places.items():
        _compare_numbers(settings, f"cited_settings: {name}: cited", cited[name], triples)


def _compare_numbers(settings: PaperSettings, where: str, number: str, triples: Triples) -> None:
    """Compare a number with a setting, or with several."""
    for entry, environment, setting in _several(triples):
        found = settings.of(entry, environment) | settings.protocol_of(entry, environment)
        if setting not in found:
            raise UsageError(f"{where}: {entry} on {environment}: {unknown('setting', setting, found)}")
        if not _prints(number, found[setting].value):
            raise UsageError(f"{where} {number}, but {setting} of {entry} on {environment} is {found[setting].value}")


def _several(triples: Triples) -> list[Sequence[str]]:
    """Return one triple, or several, as a list."""
    one = [part for part in triples if isinstance(part, str)]
    return [one] if one else [part for part in triples if not isinstance(part, str)]


def _compare_cells(paper: Folder, where: str, published: str, cells: Triples) -> None:
    """Compare a published number with a cell, or `x / y` with several."""
    several = _several(cells)
    printed = " / ".join(paper.table(table).cell(row, column) for table, row, column in several)
    if published != printed:
        places = " and ".join(f"{paper.table(table).about.title} ({row}, {column})" for table, row, column in several)
        raise UsageError(f"{where}: published {published}, but {places} has {printed}")


def _compare_claim(paper: Folder, claim: Claim, checks: Mapping[str, Check]) -> None:
    """Compare a claim's published value with its table, its cell, and the check of the same statement."""
    about = claim.about
    if about.table is not None:
        if not isinstance(about, OfMeans):
            raise UsageError(f"table: {about.table}: tables print means, which this statistic is not made of")
        table = paper.table(about.table)
        value = float(about.of_means([table.scores(entry, claim.environments) for entry in claim.entries]))
        if _number(about.published) is None or not agrees(about.published, round(value, 9)):
            raise UsageError(
                f"published: {about.published}, but {table.about.title} gives {value:.6g}; a claim that does not "
                "follow from a table names none"
            )
        groups = table.about.groups
        if isinstance(about, ShareNotWorse) and groups and about.failure not in (None, groups.failure):
            raise UsageError(f"failure: {about.failure}, but {ABOUT} has {groups.failure} for {table.about.title}")
    if about.cell is not None:
        _compare_cells(paper, "cell", about.published, about.cell)
    if about.audited is not None:
        key, name = about.audited
        if key not in checks:
            raise UsageError(f"audited: {unknown('check', key, checks)}")
        if name not in checks[key].published:
            raise UsageError(f"audited: {unknown('published number', name, checks[key].published)}")
        stated = checks[key].published[name]
        if about.published != stated and not _share_of(about.published, stated, len(claim.environments)):
            raise UsageError(f"audited: published {about.published}, but {AUDIT} has {stated} in {key}, {name}")


def _share_of(published: str, count: str, environments: int) -> bool:
    """Tell whether a share is that of a count of environments."""
    number = _number(count)
    return number is not None and _number(published) is not None and agrees(published, number / environments)


def _check_side(claim: Claim) -> None:
    """Refuse a published number, or a range, on the other side of the claim's own boundary."""
    about, boundary = claim.about, claim.about.boundary
    printed = PRINTED_RANGE.fullmatch(about.published)
    if boundary is None or printed is None:
        return
    for number in map(_number, filter(None, printed.groups())):
        if number is not None and (number < boundary if about.side == "above" else number > boundary):
            raise UsageError(f"side: {about.side} {boundary:g}, but {about.published} is published")


def _check_title(paper: Folder, where: str, key: str | None, others: Iterable[str]) -> None:
    """Refuse a place that names other tables than the one which is read, or one of the others that it may name."""
    if key is None or paper.table(key).about.source is not None:
        return
    title = paper.table(key).about.title
    named = _numbers_of_tables(where)
    allowed = [title, *(paper.table(other).about.title for other in others)]
    if named and _numbers_of_tables(title) and not named & set().union(*map(_numbers_of_tables, allowed)):
        raise UsageError(f"where: {where}, but {ABOUT} has {key} as {title}")


def _numbers_of_tables(text: str) -> set[str]:
    """Return the numbers of the tables that a text names."""
    return {number for listed in NUMBERED.findall(text) for number in re.findall(r"[A-Z]?\d+", listed)}


def _check_unit(paper: Folder, table: PrintedTable) -> None:
    """Refuse scores whose unit is not the one that the paper's returns are divided by."""
    factor = FACTORS.get(table.about.unit or "")
    if table.about.measure != "score" or factor is None:
        return
    for kind in sorted({kind_of(row) or "" for row in table.rows}):
        divide = paper.about.units[kind].divide if kind in paper.about.units else 1.0
        if divide != factor:
            raise UsageError(f"unit: {table.about.unit}, but units divides returns of {kind} by {divide:g}")


def _check_groups(table: PrintedTable) -> None:
    """Refuse a failure threshold that does not put every row in its printed group, where another does."""
    about = table.about.groups
    if about is None:
        return
    ours, baseline = table.numbers(about.ours), table.numbers(about.baseline)
    printed = [GROUP_CODES.get(text, 9) for text in table.column(about.column, numbers=False)]
    possible = comparisons.failure_range(ours, baseline, np.array(printed))
    if possible is not None and list(comparisons.groups(ours, baseline, about.failure)) != printed:
        raise UsageError(
            f"groups.failure: {about.failure}: does not give the printed groups; anything from {possible[0]:g} to "
            f"below {possible[1]:g} does"
        )


def _check_copy(table: PrintedTable) -> None:
    """Refuse a number that differs from that of the paper whose table this is a copy of."""
    if table.about.copy_of is None:
        return
    paper, key = table.about.copy_of
    if paper not in (papers := shipped_folders()):
        raise UsageError(f"copy_of: {unknown('paper', paper, papers)}")
    original = read_folder(paper).table(key)
    for column in table.number_columns:
        for row, cell in zip(table.rows, table.column(column), strict=True):
            if cell != (printed := original.cell(row, column)):
                raise UsageError(f"{row}, {column}: {cell}, but {key} of {paper} has {printed}")


def _check_headings(table: PrintedTable) -> None:
    """Refuse settings of what is neither a row nor a column."""
    named, columns = list(table.about.settings), table.number_columns
    if not set(named) <= set(columns):
        for name in named:
            if name not in table.rows:
                raise UsageError(f"settings: {unknown('row or column', name, [*table.rows, *columns])}")
        if len(columns) != 1:
            raise UsageError(f"settings: {table.about.title} has {len(columns)} columns of numbers, must have 1")


def _compare_settings(paper: Folder, claims: Sequence[Claim], settings: PaperSettings) -> None:
    """Compare every setting of a judged entry whose source is a table with what that table prints."""
    tables = [table for table in paper.tables.values() if table.about.source is None]
    judged = {(label(entry), place) for claim in claims for entry in claim.entries for place in claim.environments}
    compared: set[tuple[str, str]] = set()
    for entry, environment in sorted(judged):
        found = settings.of(entry, environment) | settings.protocol_of(entry, environment)
        for name, sourced in found.items():
            for table in tables:
                if _names(table.about.title, sourced.source):
                    _compare_setting(table, f"{entry} on {environment}: {name}", environment, name, sourced)
                    compared.add((table.file, name))
    for table in tables:
        for heading, name in table.about.settings.items():
            if judged and (table.file, name) not in compared:
                raise UsageError(f"{name}: has no value from {table.about.title}, which prints it as {heading}")


@cache
def _names(title: str, source: str) -> bool:
    """Tell whether a source names a table."""
    return re.search(rf"\b{re.escape(title)}(?!\d)", source) is not None


def _compare_setting(table: PrintedTable, where: str, environment: str, name: str, sourced: Sourced) -> None:
    headings = [heading for heading, setting in table.about.settings.items() if setting == name]
    if not headings:
        if sourced.kind == "printed":
            raise UsageError(f"{where}: {ABOUT} does not say where {table.about.title} prints it, under settings")
        return
    row, column = (headings[0], table.number_columns[0]) if headings[0] in table.rows else (environment, headings[0])
    printed = table.cell(row, column)
    if not _prints(printed, sourced.value):
        raise UsageError(f"{where}: {sourced.value}, but {table.about.title} prints {printed} ({row}, {column})")


def _prints(printed: str, value: Any) -> bool:
    """Tell whether a print gives a setting; a list of equal numbers has the print of one of them."""
    if isinstance(value, list):
        return bool(value) and all(_prints(printed, each) for each in value)
    number = _number(printed)
    return number is not None and type(value) in (int, float) and number == Fraction(repr(value))


def _number(text: str) -> Fraction | None:
    try:
        return exact(text)
    except ValueError:
        return None
