"""Settings and protocols with a source each: printed in the paper, in its authors' code, or ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from suite.schema import Strict, Text

Kind = Literal["printed", "authors' code", "ours"]


@dataclass(frozen=True)
class Sourced:
    """A value, and where it comes from."""

    value: Any
    kind: Kind
    source: str
    """Page or table; file; or why it is ours."""


class Block(Strict):
    """Values of some entries on some environments, by their sources."""

    entries: Annotated[list[Text], Field(min_length=1)] | None = None
    """The rows that count; by default all."""
    environments: Text | Annotated[list[Text], Field(min_length=1)] | None = None
    """A set by its name, or a list; by default all."""
    printed: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    """Page or table -> name -> value."""
    code: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    """File of the authors' code -> name -> value."""
    ours: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    """Reason -> name -> value."""

    def values(self) -> Iterator[tuple[str, Sourced]]:
        """Return every value by its name."""
        kinds: tuple[tuple[Kind, Mapping[str, Mapping[str, Any]]], ...] = (
            ("printed", self.printed),
            ("authors' code", self.code),
            ("ours", self.ours),
        )
        for kind, sources in kinds:
            for source, values in sources.items():
                for name, value in values.items():
                    yield name, Sourced(value, kind, source)


class Variant(Strict):
    """Entries that a benchmark also runs in another way, such as a published implementation's."""

    ending: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """Behind the entries' names, after a hyphen."""
    entries: Annotated[list[Text], Field(min_length=1)]
    environments: Text | Annotated[list[Text], Field(min_length=1)] | None = None
    """The environments that they run on; by default all."""
    printed: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    code: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    ours: dict[Text, dict[Text, Any]] = Field(default_factory=dict)

    @property
    def block(self) -> Block:
        """The differences, as a block."""
        return Block(printed=self.printed, code=self.code, ours=self.ours)


class SettingsFile(Strict):
    """`settings.yaml`: later blocks override earlier ones."""

    algorithms: dict[Text, Text] = Field(default_factory=dict)
    """Entry -> its algorithm, where that is not its name."""
    settings: list[Block]
    variants: list[Variant] = Field(default_factory=list)


def merged(blocks: Sequence[tuple[Block, Sequence[str] | None]], entry: str, environment: str) -> dict[str, Sourced]:
    """Return the values of an entry on an environment.

    Parameters
    ----------
    blocks : each with the environments that it speaks of, None for all.
    """
    found: dict[str, Sourced] = {}
    for block, environments in blocks:
        if (block.entries is None or entry in block.entries) and (environments is None or environment in environments):
            found |= dict(block.values())
    return found
