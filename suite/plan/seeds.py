"""Seeds where they decide: how a benchmark asks for them, and the comparisons that decide.

What has been decided is for `suite.analysis.sequential` to say, from finished runs.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from suite.errors import first_error
from suite.schema import Strict
from suite.store.published import BENCHMARK, CorruptSnapshotError, Snapshot

Listed = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
MOST_SEEDS = 10_000
"""Seeds that a comparison may come to."""
_LISTED: TypeAdapter[list[int]] = TypeAdapter(Listed)


class AdaptiveSeeds(Strict):
    """Seeds from 0 on, in batches: two entries get further ones until it is decided which of them is better.

    The other entries of the group get the first batch.
    """

    batch: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    """Seeds of each entry between two interim analyses."""
    most: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    """Seeds of each entry at the last interim analysis."""
    decide: Annotated[list[str], Field(min_length=2, max_length=2)]
    """Labels of the two entries."""

    @model_validator(mode="after")
    def _whole_batches(self) -> AdaptiveSeeds:
        if self.most % self.batch:
            raise ValueError(f"most: {self.most} is no multiple of batch, {self.batch}")
        if self.decide[0] == self.decide[1]:
            raise ValueError(f"decide: {self.decide[0]!r} is repeated; two entries are compared")
        return self


class Comparison(BaseModel):
    """Two entries on one environment, whose seeds are added until it is decided which is better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    entries: tuple[str, str]
    """Labels."""
    batch: Annotated[int, Field(ge=1)]
    runs: tuple[tuple[str, ...], tuple[str, ...]]
    """For each entry its runs, by seed, up to the last interim analysis."""

    @model_validator(mode="after")
    def _whole_batches(self) -> Comparison:
        ours, theirs = map(len, self.runs)
        if not ours or ours != theirs or ours % self.batch:
            raise ValueError(f"runs: {ours} and {theirs}: must be equally many, in batches of {self.batch}")
        return self

    @property
    def most(self) -> int:
        """Seeds at the last interim analysis."""
        return len(self.runs[0])

    @property
    def stages(self) -> range:
        """Seeds at each interim analysis."""
        return range(self.batch, self.most + 1, self.batch)


def seeds(value: Any) -> list[int] | AdaptiveSeeds:
    """Read `seeds:` of a group: a list, or a mapping for `AdaptiveSeeds`."""
    if isinstance(value, dict | AdaptiveSeeds):
        return AdaptiveSeeds.model_validate(value)
    return _LISTED.validate_python(value, strict=True)


def published_comparisons(snapshot: Snapshot) -> list[Comparison]:
    """Return the comparisons that decided how many seeds a snapshot holds.

    Raises
    ------
    CorruptSnapshotError
        If one of them cannot be.
    """
    try:
        return [Comparison.model_validate(each) for each in snapshot.background.comparisons]
    except ValidationError as error:
        raise CorruptSnapshotError(f"{snapshot.path / BENCHMARK}: comparisons: {first_error(error)}") from error
