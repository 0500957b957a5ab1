"""The ranges that `suite tune` searches: those of algorithms, and those that a benchmark says instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from algorithms import ENTRANTS, Between, Range
from suite.errors import UsageError, unknown
from suite.plan.settings import used_settings
from suite.schema import Strict

FIRST_SEED = 100
"""Seeds from here on are for searches alone."""


class Ends(Strict):
    """A range of numbers as a benchmark file has it: `{low: 0.001, high: 0.01, log: true}`."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _upwards(self) -> Ends:
        if not self.low < self.high:
            raise ValueError(f"high: {self.high} must be above low, {self.low}")
        if self.log and self.low <= 0:
            raise ValueError(f"low: {self.low} must be above 0 where log is true")
        return self

    @property
    def between(self) -> Between:
        """The same as algorithms declare it."""
        return Between(self.low, self.high, self.log)


Written = Ends | Annotated[list[Any], Field(min_length=1)]
"""A range in a benchmark file: numbers between two, or a list of values."""


class Tuning(Strict):
    """The ways in which a search of a group departs from what its algorithms declare."""

    environment: str | None = None
    """The environment whose trials stand for all of the group; by default each is searched by itself."""
    ranges: dict[str, Annotated[dict[str, Written], Field(min_length=1)]] = Field(default_factory=dict)
    """Settings that are searched, and their values, by label; by default all that the algorithm declares."""

    def check(self, algorithms: Mapping[str, str], environments: list[str]) -> None:
        """Make sure that it fits a group.

        Parameters
        ----------
        algorithms : of each entry, by label.

        Raises
        ------
        UsageError
            If it names an entry or an environment that the group has not.
        """
        if self.environment is not None and self.environment not in environments:
            raise UsageError(unknown("tune: environment:", self.environment, environments))
        for label in self.ranges:
            if label not in algorithms:
                raise UsageError(unknown("tune: ranges: entry", label, algorithms))


def ranges_of(tuning: Tuning | None, label: str, algorithm: str) -> Mapping[str, Range]:
    """Return what is searched of an entry: what its group says, or else what its algorithm declares; maybe nothing."""
    if tuning is None or label not in tuning.ranges:
        return ENTRANTS[algorithm].ranges
    return {
        name: written.between if isinstance(written, Ends) else tuple(written)
        for name, written in tuning.ranges[label].items()
    }


def check_ranges(algorithm: str, environment: str, given: Mapping[str, Any], ranges: Mapping[str, Range]) -> None:
    """Make sure that an algorithm takes the values of its ranges.

    Parameters
    ----------
    given : the settings that the entry has in its benchmark.

    Raises
    ------
    UsageError
        If there is nothing to search, a setting is unknown, or a value is not allowed.
    """
    if not ranges:
        raise UsageError(f"{algorithm} declares no ranges; say under tune: ranges: what is to be searched")
    for name, values in ranges.items():
        for value in (values.low, values.high) if isinstance(values, Between) else values:
            used_settings(algorithm, environment, {**given, name: value})
