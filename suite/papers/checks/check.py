"""What can be checked of a paper's numbers against its own tables: one class a kind of check.

A check is data (`audit.yaml`): which printed numbers, which table, under which rule. It finds what the tables say,
tells its rule, and whether the print holds. The words may be the folder's own; numbers come in by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from suite.papers.folder import Folder, Printed, PrintedTable, agrees, exact
from suite.papers.schema import Strict, Text

Verdict = Literal["holds", "contradicted", "not derivable"]
Value = int | float | str


@dataclass(frozen=True)
class Found:
    """What a check finds, with its own words for it."""

    holds: bool | None
    """None: nothing printed decides."""
    recomputed: str
    rule: str
    explanation: str
    values: Mapping[str, Value] = field(default_factory=dict)
    """What the folder's own words may name."""

    @property
    def verdict(self) -> Verdict:
        """What is said of the print."""
        return "not derivable" if self.holds is None else "holds" if self.holds else "contradicted"


class Check(Strict, ABC):
    """One printed statement, or one thing that its tables have to be, and how it is checked."""

    claim: Text
    where: Text
    published: dict[Text, Printed] = Field(default_factory=dict)
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


class Cited(Check):
    """A number that the paper takes from elsewhere, against what is there."""

    check: Literal["cited"]
    cited: dict[Text, Printed]
    source: Text
    """Where it is taken from."""

    @model_validator(mode="after")
    def _both(self) -> Cited:
        for name in self.published.keys() ^ self.cited.keys():
            raise ValueError(f"cited: {name!r} must be both in published and in cited")
        return self

    def find(self, paper: Folder) -> Found:
        """Compare at the printed precision."""
        wrong = [name for name, printed in self.published.items() if not agrees(printed, exact(self.cited[name]))]
        times = {
            f"{name} times": float(exact(printed) / exact(self.cited[name]))
            for name, printed in self.published.items()
            if exact(self.cited[name])
        }
        return Found(
            not wrong,
            ", ".join(f"{name} {value}" for name, value in self.cited.items()) + f" in {self.source}",
            "the same number in the source",
            f"The source has other numbers for {', '.join(wrong)}." if wrong else "Agrees with the source.",
            {**self.cited, **times},
        )


class NotDerivable(Check):
    """A statement that nothing printed decides."""

    check: Literal["not derivable"]
    published: dict[Text, Text] = Field(default_factory=dict)
    needs: Text
    """What would have to be printed."""

    def find(self, paper: Folder) -> Found:
        """Say what is missing."""
        return Found(None, "–", f"needs {self.needs}", "Nothing printed decides it.")
