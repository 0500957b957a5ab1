"""A statement of a paper: a statistic of some entries that lies on one side of a boundary, and what runs say of it."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from environments import BoolArray
from suite.analysis import comparisons, hypotheses
from suite.analysis.hypotheses import LEVEL, Finding, Sides
from suite.analysis.moments import Moments, moments, spreads_differ
from suite.analysis.samples import Samples
from suite.analysis.strata import strata
from suite.errors import UsageError
from suite.papers.folder import AFTER
from suite.papers.sentences import numbers_before
from suite.schema import Strict, Text
from suite.table import number

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal[
    "reproduced",
    "not reproduced",
    "compatible",
    "not compatible",
    "equivalent",
    "not equivalent",
    "cannot tell",
    "not enough runs",
    "not at the paper's settings",
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def label(entry: str) -> str:
    """Return the label of the runs of an entry, which may name a number of adaptations."""
    return entry.partition(AFTER)[0]


class Statement(Strict, ABC):
    """A directed statement of a paper: a statistic of some entries lies on one side of a boundary."""

    statement: Text
    where: Text
    published: Text
    entries: list[Text]
    environments: Text | Annotated[list[Text], Field(min_length=1)]
    """A set by its name, or a list."""
    side: Literal["above", "below"]
    table: Text | None = None
    """The table that the published value follows from, if one is printed."""
    cell: Annotated[list[Text], Field(min_length=3, max_length=3)] | None = None
    """Table, row and column of the cell that prints the published value too."""
    audited: Annotated[list[Text], Field(min_length=2, max_length=2)] | None = None
    """Check of `audit.yaml`, and its published number, that say the same; it may be the count that is a share here."""

    takes: ClassVar[tuple[int, int]] = (2, 2)
    """The number of entries, at least and at most."""
    default_boundary: ClassVar[float | None] = None
    """The boundary where no parameter sets it; None if the published value is said to fit something else."""
    measure: ClassVar[Literal["score", "seconds", "steps"]] = "score"
    verdicts: ClassVar[Mapping[int, Verdict]] = {1: "reproduced", 0: "not enough runs", -1: "not reproduced"}
    """The verdicts if it is decided for the statement, not at all, or against it."""

    @model_validator(mode="after")
    def _entries(self) -> Statement:
        low, high = self.takes
        for entry in self.entries:
            label, mark, step = entry.partition(AFTER)
            if mark and not (label and step.isascii() and step.isdigit()):
                raise ValueError(f"entries: {entry}: a number of adaptations is written {label}{AFTER}1")
        if not low <= len(self.entries) <= high or len(set(self.entries)) < len(self.entries):
            many = f"{low}" if low == high else f"{low} or more"
            raise ValueError(f"entries: takes {many} different entries, not {self.entries}")
        return self

    @property
    @abstractmethod
    def rule(self) -> str:
        """The statistic and its boundary in words."""

    @property
    def boundary(self) -> float | None:
        """The boundary that the published value is said to lie beside; None if it is said to fit something else."""
        return self.default_boundary

    @property
    def tested(self) -> set[float]:
        """The numbers that its words may name as tested: those of its parameters, as they are and in percent."""
        numbers = [value for value in self.model_dump().values() if type(value) in (int, float)]
        return {float(value) for number in numbers for value in (number, 100 * number)}

    def check_words(self) -> None:
        """Refuse words that name another number than the one that is tested.

        Raises
        ------
        UsageError
            If they do; by default no number of a statement is tested.
        """

    @abstractmethod
    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute the statistic as papers do, and say what it leaves out."""

    @abstractmethod
    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Return p-values of the statistic lying above its boundary, and below."""

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Say in which trials nothing may be decided, and why."""
        return {}

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the 95 % interval of the value; NaN where none covers."""
        return math.nan, math.nan

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return for each entry its first runs on each environment, as many of every entry as the one with fewest has.

        Where one has more runs that vary more, the test of their means errs.
        """
        return alike([strata(runs, entry, environments, self.measure) for entry in self.entries])

    def moments(self, samples: Sequence[Samples]) -> list[Moments]:
        """Return what the tests read of samples."""
        return [moments(entry) for entry in samples]

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Test the side that is stated.

        Parameters
        ----------
        samples : for each entry its runs on each environment.
        """
        entries = self.moments(samples)
        sides = self.sides(entries)
        claimed, other = (float(side) for side in (sides if self.side == "above" else sides[::-1]))
        withheld = "; ".join(why for why, doubtful in self.doubts(entries, sides).items() if doubtful)
        return Finding(self.quantity, self.value(samples)[0], *self.limits(samples), claimed, other, withheld)

    @property
    def quantity(self) -> str:
        """The statement that is tested, in words."""
        return self.statistic  # type: ignore[attr-defined, no-any-return]

    def directions(self, entries: Sequence[Moments]) -> NDArray[np.int64]:
        """Return what each trial decides: 1 for the statement, -1 against it, 0 nothing."""
        sides = self.sides(entries)
        claimed, other = sides if self.side == "above" else sides[::-1]
        found = np.where(claimed <= LEVEL, 1, np.where(other <= LEVEL, -1, 0))
        return self._unless_doubtful(found, entries, sides)

    def _unless_doubtful(self, found: NDArray[np.int64], entries: Sequence[Moments], sides: Sides) -> NDArray[np.int64]:
        for doubtful in self.doubts(entries, sides).values():
            found = np.where(doubtful, 0, found)
        return found

    def trial(self, truth: Sequence[Moments]) -> hypotheses.Trial:
        """Return a simulation of runs about true means (environments,), with these variances, normal."""

        def directions(generator: np.random.Generator, seeds: int, trials: int) -> NDArray[np.int64]:
            return self.directions([drawn(generator, entry, seeds, trials) for entry in truth])

        return directions


def alike(samples: Sequence[Samples]) -> list[Samples]:
    """Return the first runs of every entry in each environment, as many as the one with the fewest has there."""
    fewest = [min(map(len, entries)) for entries in zip(*samples, strict=True)]
    return [[runs[:count] for runs, count in zip(entry, fewest, strict=True)] for entry in samples]


def drawn(generator: np.random.Generator, truth: Moments, seeds: int, trials: int) -> Moments:
    """Draw moments of so many normal runs about true means."""
    shape = (trials, len(truth.means))
    means = truth.means + np.sqrt(truth.variances / seeds) * generator.normal(size=shape)
    variances = truth.variances * generator.chisquare(seeds - 1, shape) / (seeds - 1)
    return Moments(means, variances, np.full(shape, float(seeds)), np.zeros(shape, bool))


def lost(entries: Sequence[Moments]) -> BoolArray:
    """Tell whether any run diverged."""
    return np.asarray(np.any([entry.lost.any(axis=-1) for entry in entries], axis=0), bool)


PRINTED_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)(?: to (-?\d+(?:\.\d+)?))?")
"""A number, or `20 to 100`."""


def check_said(words: str, unit: str, tested: Collection[float], told: str) -> None:
    """Refuse words with a number before a unit, or a range, if none of those that are tested is it or begins it.

    Parameters
    ----------
    unit : a regular expression.
    told : what is tested, as the folder has it.
    """
    found = numbers_before(words, unit)
    if found and not any(math.isclose(float(number), other) for number in found for other in tested):
        raise UsageError(f"{told}, but the statement is {words!r}")


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:g} %"


def sign(side: Literal["above", "below"]) -> str:
    """Write a side."""
    return ">" if side == "above" else "<"


LAST = 1e300
"""Minus this is below all scores."""
UNEQUAL = "the entries vary too differently over seeds for a test of their means"
LOST = "a mean of finished runs alone would favour whoever fails"


class OfMeans(Statement):
    """A statistic of mean scores."""

    @abstractmethod
    def of_means(self, means: comparisons.Means) -> float:
        """Return the statistic of the entries' means (environments,)."""

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Say what papers count or average of the entries' means (environments,): its words -> what it is."""
        return {self.quantity: number(self.of_means(means))}

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute it of the means; one of runs that diverged is below all others."""
        means = [np.array([runs.mean() for runs in entry]) for entry in samples]
        return self.of_means([np.nan_to_num(each, neginf=-LAST) for each in means]), ""

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where the first entry and another vary too differently."""
        return {UNEQUAL: np.any([spreads_differ(entries[0], other) for other in entries[1:]], axis=0)}
