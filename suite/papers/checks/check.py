"""The checks of a paper's numbers against its own tables: one class a kind of check.

A check is data (`audit.yaml`): which printed numbers, which table, under which rule. It finds what the tables say,
tells its rule, and whether the print holds. The words may be the folder's own; numbers come in by name.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from suite.papers.folder import Folder, Printed, PrintedTable, agrees, exact
from suite.schema import Strict, Text

Verdict = Literal["holds", "contradicted", "not derivable"]
Value = int | float | str


@dataclass(frozen=True)
class Found:
    """The finding of a check, with its own words for it."""

    holds: bool | None
    """None: nothing printed decides."""
    recomputed: str
    rule: str
    explanation: str
    values: Mapping[str, Value] = field(default_factory=dict)
    """The names that the folder's own words may use."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the print."""
        return "not derivable" if self.holds is None else "holds" if self.holds else "contradicted"


Triple = Annotated[list[Text], Field(min_length=3, max_length=3)]


class Check(Strict, ABC):
    """One printed statement, or one thing that its tables have to be, and how it is checked."""

    claim: Text
    where: Text
    published: dict[Text, Printed] = Field(default_factory=dict)
    cells: dict[Text, Triple | list[Triple]] = Field(default_factory=dict)
    """Published number -> table, row and column of the cell that prints it too; several as `x / y`."""
    settings: dict[Text, Triple | list[Triple]] = Field(default_factory=dict)
    """Published number -> entry, environment and setting, or part of the protocol, that has it too; or several."""
    recomputed: Text | None = None
    rule: Text | None = None
    explanation: Text | dict[Verdict, Text] | None = None

    @abstractmethod
    def find(self, paper: Folder) -> Found:
        """Recompute what is printed.

        Raises
        ------
        UsageError
            If the paper has no such table, column or row.
        """

    def _columns(self, table: PrintedTable) -> list[str]:
        """Return the columns that the printed numbers speak of."""
        return [name for name in self.published if table.column(name)]


RELATIONS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "above": operator.gt,
    "below": operator.lt,
    "at least": operator.ge,
    "at most": operator.le,
    "equal to": operator.eq,
}
"""The relation of one number to another."""


class Cited(Check):
    """Compare what the paper says of something, such as its authors' code, with what can be read there."""

    check: Literal["cited"]
    published: dict[Text, Text]
    cited: dict[Text, Text]
    """Numbers, or words that have to be the same."""
    relation: Literal["equal to", "at least", "at most"] = "equal to"
    """The relation that the source's number has to have to the printed one."""
    source: Text
    """The source that it is taken from."""
    cited_settings: dict[Text, Triple | list[Triple]] = Field(default_factory=dict)
    """Cited number -> as `settings`."""

    @model_validator(mode="after")
    def _both(self) -> Cited:
        for name in self.published.keys() ^ self.cited.keys():
            raise ValueError(f"cited: {name!r} must be both in published and in cited")
        return self

    def find(self, paper: Folder) -> Found:
        """Compare numbers at the printed precision, words as they stand."""
        wrong = [name for name, printed in self.published.items() if not self._holds(printed, self.cited[name])]
        times = {
            f"{name} times": float(number / other)
            for name, printed in self.published.items()
            if (number := _exact(printed)) is not None and (other := _exact(self.cited[name]))
        }
        equal = self.relation == "equal to"
        relation = "equal in the source" if equal else f"in the source, {self.relation} the printed value"
        return Found(
            not wrong,
            ", ".join(f"{name} {value}" for name, value in self.cited.items()) + f" in {self.source}",
            relation,
            f"The source differs for {', '.join(wrong)}." if wrong else "Agrees with the source.",
            {**self.cited, **times},
        )

    def _holds(self, printed: str, cited: str) -> bool:
        number, other = _exact(printed), _exact(cited)
        if number is None or other is None:
            return printed == cited
        return agrees(printed, other) if self.relation == "equal to" else RELATIONS[self.relation](other, number)


def _exact(text: str) -> Fraction | None:
    try:
        return exact(text)
    except ValueError:
        return None


class NotDerivable(Check):
    """A statement that nothing printed decides."""

    check: Literal["not derivable"]
    published: dict[Text, Text] = Field(default_factory=dict)
    needs: Text
    """The numbers that would have to be printed."""

    def find(self, paper: Folder) -> Found:
        """Say what is missing."""
        return Found(None, "–", f"needs {self.needs}", "No printed number decides it.")
