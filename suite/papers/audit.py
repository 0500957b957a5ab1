"""The audit: what a paper prints of its own numbers, recomputed from its own tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypedDict

from pydantic import Field, RootModel

from suite.errors import UsageError, unknown
from suite.papers.checks import check, expectations, logs, numbers, rows, tables
from suite.papers.checks.check import Check, Value, Verdict
from suite.papers.folder import Folder
from suite.papers.measurements import Measurement
from suite.schema import Text

FILE = "audit.yaml"

AnyCheck = Annotated[
    numbers.Aggregate
    | tables.Bounds
    | check.Cited
    | rows.Count
    | logs.Difference
    | logs.Distinct
    | expectations.Divisor
    | tables.Duplicates
    | expectations.Expected
    | numbers.Gain
    | rows.Groups
    | expectations.Lead
    | tables.Marks
    | Measurement
    | check.NotDerivable
    | logs.Order
    | tables.Ranks
    | numbers.Ratio
    | tables.Same
    | numbers.Schedule
    | rows.Wins,
    Field(discriminator="check"),
]


class Audit(RootModel[dict[Text, AnyCheck]]):
    """`audit.yaml`: every check by its key, in the order in which it is shown."""


class AuditRow(TypedDict):
    """One statement of a paper and what its own tables say of it."""

    claim: str
    where: str
    published: str
    recomputed: str
    rule: str
    verdict: Verdict
    explanation: str


def read_checks(paper: Folder) -> dict[str, Check]:
    """Read a paper's checks by key.

    Raises
    ------
    UsageError
        If `audit.yaml` is missing or not valid.
    """
    return dict(paper.read(FILE, Audit).root)


def audit(paper: Folder, checks: Mapping[str, Check]) -> list[AuditRow]:
    """Recompute everything that a paper states of its own numbers.

    Raises
    ------
    UsageError
        If a check speaks of a table, row or column that the paper has not.
    """
    return [audit_row(paper, key, check) for key, check in checks.items()]


def audit_row(paper: Folder, key: str, check: Check) -> AuditRow:
    """Make one check; its words are the folder's where it has its own."""
    try:
        found = check.find(paper)
        values = {**found.values, "recomputed": found.recomputed}
        own = check.explanation
        explanation = own.get(found.verdict) if isinstance(own, dict) else own
        entries = {column for table in paper.tables.values() for column in table.number_columns}
        return {
            "claim": check.claim,
            "where": check.where,
            "published": ", ".join(
                f"{name if name in entries else name.replace('-', ' ')} {value}"
                for name, value in check.published.items()
            )
            or "–",
            "recomputed": said(check.recomputed, values) if check.recomputed else found.recomputed,
            "rule": said(check.rule, values) if check.rule else found.rule,
            "verdict": found.verdict,
            "explanation": said(explanation, values) if explanation else found.explanation,
        }
    except UsageError as error:
        raise UsageError(f"paper file {paper.folder / FILE}: {key}: {error}") from error


PLACE = re.compile(r"\{([^{}:]+)(?::(,?(?:\.\d)?[dfg]?))?\}")
"""A value by name, and how a number is written: `{ratio:.3f}`, `{total:,}`."""


def said(words: str, values: Mapping[str, Value]) -> str:
    """Put values into words; nothing in a folder can do more than name one.

    Raises
    ------
    UsageError
        If a name is unknown, or a text is to be written as a number.
    """

    def value(place: re.Match[str]) -> str:
        name, form = place.groups(default="")
        if name not in values:
            raise UsageError(unknown("value in words", name, values))
        try:
            return format(values[name], form)
        except ValueError as error:
            raise UsageError(f"value in words {name!r}: {values[name]!r}: cannot be written as {form!r}") from error

    return PLACE.sub(value, words)
