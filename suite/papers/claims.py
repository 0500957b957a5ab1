"""A paper's claims as directed statements that runs can speak to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import RootModel

from suite.papers.sources import Variant
from suite.papers.statements import AnyStatement, Statement, label
from suite.schema import Text


class ClaimsFile(RootModel[dict[Text, AnyStatement]]):
    """`claims.yaml`: every claim by its key, in the order in which it is shown."""


@dataclass(frozen=True)
class Claim:
    """A statement about entries on environments."""

    key: str
    about: Statement
    """Its entries carry the variant's ending."""
    environments: tuple[str, ...]
    variant: str = ""

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries that it speaks of."""
        return tuple(self.about.entries)

    @property
    def name(self) -> str:
        """The statement, and of which variant if not the plain entries."""
        return f"{self.about.statement} ({self.variant})" if self.variant else self.about.statement


def in_variant(claim: Claim, variant: Variant, environments: Sequence[str] | None) -> Claim | None:
    """Return a claim about a variant's entries; None if it speaks of none of them, or of places where none runs."""
    if not {label(entry) for entry in claim.entries} & set(variant.entries):
        return None
    if environments is not None and not set(claim.environments) <= set(environments):
        return None
    entries = [
        entry.replace(label(entry), f"{label(entry)}-{variant.ending}", 1) if label(entry) in variant.entries else entry
        for entry in claim.entries
    ]
    about = claim.about.model_copy(update={"entries": entries})
    return Claim(claim.key, about, claim.environments, variant.ending)
