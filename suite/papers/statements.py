"""Statistics that claims can name: one class each, with its parameters, its value as papers compute it, and its test.

A claim is data (`claims.yaml`): which statistic, of which entries, on which environments, on which side of a boundary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from suite.analysis import comparisons, efficiency, hypotheses
from suite.analysis.hypotheses import NOTHING, Finding
from suite.analysis.intervals import clearly_not_zero
from suite.analysis.permutations import Samples
from suite.analysis.ranking import strata
from suite.errors import unknown
from suite.papers.folder import Printed, exact
from suite.papers.schema import Strict, Text

Verdict = Literal[
    "reproduced",
    "not reproduced",
    "compatible",
    "not compatible",
    "cannot tell",
    "not enough runs",
    "not at the paper's settings",
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


AFTER = "@"
"""maml@2: the entry maml after its second adaptation, of runs that were tested step by step."""


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
    measure: ClassVar[Literal["score", "seconds_total", "steps"]] = "score"
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

    @abstractmethod
    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute the statistic as papers do, and say what it leaves out."""

    @abstractmethod
    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test whether the statistic lies above its boundary."""

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Test the side that is stated.

        Parameters
        ----------
        samples : for each entry its runs on each environment.
        """
        found = self.test(samples)
        if self.side == "above" or found is NOTHING:
            return found
        return replace(found, above=found.below, below=found.above, distance=-found.distance)

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return for each entry its runs on each environment; every entry has a run on each."""
        return [strata(runs, entry, environments, self.measure) for entry in self.entries]


class _OfMeans(Statement):
    """A statistic of mean scores."""

    divides: ClassVar[bool] = False
    """The value divides by the second entry's means."""

    @abstractmethod
    def of_means(self, means: comparisons.Means) -> float:
        """Return the statistic of the entries' means (environments,)."""

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Leave out environments that it cannot divide in."""
        places = range(len(samples[0]))
        kept = [place for place in places if not self.divides or clearly_not_zero(samples[1][place])]
        out = len(places) - len(kept)
        note = (
            f"the value leaves out {out} of {len(places)} environments, in which {self.entries[1]}'s mean is not "
            "clearly away from zero"
        )
        if not kept:
            return math.nan, note
        return self.of_means([np.array([entry[place].mean() for place in kept]) for entry in samples]), note * bool(out)


class ShareBetter(_OfMeans):
    """In most environments the first entry is better than the second."""

    statistic: Literal["share better"]

    @property
    def rule(self) -> str:
        """The rule."""
        return f"share of environments with a higher mean score {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_better(means))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test that a run is better."""
        return hypotheses.better(samples)


class ShareReaching(_OfMeans):
    """In most environments the first entry reaches a share of the second."""

    statistic: Literal["share reaching"]
    share: Positive
    """1.5: half as much again. Of a negative score, as far above it."""

    @property
    def rule(self) -> str:
        """The rule."""
        return f"share of environments at or above {self.share:.0%} of {self.entries[1]} {sign(self.side)} 0.5".replace(
            "%", " %"
        )

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_reaching(means, self.share))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test that a run reaches the share of a run."""
        return hypotheses.not_worse(samples, self.share)


class ShareNotWorse(_OfMeans):
    """In most environments the first entry is better than the second or comparable to it."""

    statistic: Literal["share not worse"]
    failure: Number | None = None
    """The score, in the paper's unit, at or below which both have failed and neither is worse."""

    @property
    def rule(self) -> str:
        """The rule."""
        if self.failure is None:
            share = f"{comparisons.COMPARABLE_SHARE:.0%}".replace("%", " %")
            return f"share of environments at or above {share} of {self.entries[1]} {sign(self.side)} 0.5"
        return (
            f"share of environments that are better or comparable (failure threshold {self.failure:g}) "
            f"{sign(self.side)} 0.5"
        )

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_not_worse(means, self._failure))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test that a run reaches the margin."""
        return hypotheses.not_worse(samples, failure=self._failure)

    @property
    def _failure(self) -> float:
        return -math.inf if self.failure is None else self.failure


class ShareMatching(_OfMeans):
    """In most environments the first two entries are both comparable to the third."""

    statistic: Literal["share matching"]
    takes: ClassVar[tuple[int, int]] = (3, 3)

    @property
    def rule(self) -> str:
        """The rule."""
        share = f"{comparisons.COMPARABLE_SHARE:.0%}".replace("%", " %")
        return f"share of environments in which both are at or above {share} of {self.entries[2]} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_matching(means))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test that the weaker of both reaches the margin."""
        return hypotheses.both_not_worse(samples)


class Gain(_OfMeans):
    """The first entry's returns are higher than the second's by a ratio above one."""

    statistic: Literal["gain"]
    average: comparisons.Average
    definition: Text
    """One of `comparisons.GAIN_RULES`."""
    divides: ClassVar[bool] = True

    @model_validator(mode="after")
    def _known(self) -> Gain:
        if self.definition not in comparisons.GAIN_RULES:
            raise ValueError(unknown("definition", self.definition, comparisons.GAIN_RULES))
        return self

    @property
    def rule(self) -> str:
        """The rule."""
        return f"{self.average} ratio ({self.definition}) {sign(self.side)} 1"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the gain."""
        return float(comparisons.gain(means, self.average, self.definition))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test relative differences, which have no bias for equal entries."""
        return hypotheses.gains(samples, self.average)


class _OnOneEnvironment(Statement):
    """A statement about means over seeds on one environment."""

    environments: Annotated[list[Text], Field(min_length=1, max_length=1)]


class Difference(_OnOneEnvironment):
    """On one environment the first entry's mean over seeds is higher than the second's."""

    statistic: Literal["difference"]
    margin: Number = 0.0
    """By more than so much, in the paper's unit."""

    @property
    def paired(self) -> bool:
        """True if the same runs give both."""
        return len({label(entry) for entry in self.entries}) == 1

    @property
    def rule(self) -> str:
        """The rule."""
        how = ", of the same runs" if self.paired else ""
        return f"mean of {self.entries[0]} less that of {self.entries[1]}{how} {sign(self.side)} {self.margin:g}"

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return both entries' runs; where the same runs give both, in one order."""
        if not self.paired:
            return super().samples(runs, curves, environments)
        scores = [runs[runs["entry"] == entry].set_index("run")["score"] for entry in self.entries]
        both = pd.concat(scores, axis=1, join="inner").sort_index().to_numpy(float)
        return [[both[:, 0]], [both[:, 1]]]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the difference."""
        return float(samples[0][0].mean() - samples[1][0].mean()), ""

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test it: Welch, or paired where the same runs give both."""
        return hypotheses.difference(samples[0][0], samples[1][0], self.margin, paired=self.paired)


class PrintedValue(_OnOneEnvironment):
    """The number that a paper prints for an entry fits what our runs say."""

    statistic: Literal["printed value"]
    published: Printed
    """The number, in the paper's unit."""
    runs: Annotated[int, Field(ge=1)] = 1
    """Over how many runs the paper averages."""
    side: Literal["above"] = "above"
    """It has none."""
    takes: ClassVar[tuple[int, int]] = (1, 1)
    verdicts: ClassVar[Mapping[int, Verdict]] = {1: "compatible", 0: "cannot tell", -1: "not compatible"}

    @property
    def rule(self) -> str:
        """The rule."""
        return (
            f"{self.published} lies in the 95 % interval of a mean of {self.runs} of {self.entries[0]}'s runs, and "
            "that is narrower than half of the gain over untrained"
        )

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return the scores and the untrained values."""
        return [strata(runs, self.entries[0], environments, column) for column in ("score", "untrained")]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return our mean."""
        return float(samples[0][0].mean()), ""

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test whether it fits."""
        return hypotheses.printed_value(samples[0][0], samples[1][0], float(exact(self.published)), self.runs)


class MostWins(_OfMeans):
    """The first entry has the highest score more often than any other."""

    statistic: Literal["most wins"]
    takes: ClassVar[tuple[int, int]] = (2, 100)

    @property
    def rule(self) -> str:
        """The rule."""
        return f"wins ahead of the next (a tie is nobody's) {sign(self.side)} 0"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the lead."""
        return float(comparisons.wins_ahead(means))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test that it is ahead of every rival."""
        return hypotheses.most_wins(samples)


class RatioOfSeconds(_OfMeans):
    """Runs of the first entry take longer than those of the second, on one machine type."""

    statistic: Literal["ratio of seconds"]
    measure: ClassVar[Literal["score", "seconds_total", "steps"]] = "seconds_total"

    @property
    def rule(self) -> str:
        """The rule."""
        return f"ratio of mean seconds a run {sign(self.side)} 1, over runs of one machine type (processor and device)"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the ratio."""
        return float(comparisons.ratio_of_means(means))

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test the ratio of the means."""
        return hypotheses.total_ratio(samples)


class RatioOfSteps(Statement):
    """The second entry takes more environment steps to its own level than the first entry takes to the same."""

    statistic: Literal["ratio of steps"]
    times: Positive
    """The boundary: so many times more."""
    level: Annotated[float, Field(gt=0, le=1)]
    """Share of the second entry's way from untrained to its final score."""
    measure: ClassVar[Literal["score", "seconds_total", "steps"]] = "steps"

    @property
    def rule(self) -> str:
        """The rule."""
        share = f"{self.level:.0%}".replace("%", " %")
        return (
            f"ratio of steps to {share} of {self.entries[1]}'s way from untrained to its final score "
            f"{sign(self.side)} {self.times:g}; steps of a run that never gets there, or of {self.entries[1]} still "
            "rising, are known only to be more than it spent"
        )

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return what is known of each run's steps, (runs, 2): at least, at most."""
        ran, drawn = (dict(iter(table.groupby("environment"))) for table in (runs, curves))
        bounds = [efficiency.steps_bounds(ran[place], drawn[place], self.entries, self.level) for place in environments]
        return [list(column) for column in zip(*bounds, strict=True)]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the typical ratio of the least steps; bounds where runs are censored."""
        found = hypotheses.fewer_steps(samples, self.times)
        censored = [sum(int(np.isinf(runs[:, 1]).sum()) for runs in entry) for entry in samples]
        notes = [f"{count} runs of {entry}" for count, entry in zip(censored, self.entries, strict=True) if count]
        absent = sum(len(runs) == 0 for runs in samples[1])
        note = [f"{' and '.join(notes)} never stand at the level or still rise: their steps are bounds"] * bool(notes)
        note += [f"{absent} environments have no level: {self.entries[1]} learnt nothing there"] * bool(absent)
        return found.estimate, "; ".join(note)

    def test(self, samples: Sequence[Samples]) -> Finding:
        """Test each side on the bounds that speak against it."""
        return hypotheses.fewer_steps(samples, self.times)


def sign(side: Literal["above", "below"]) -> str:
    """Write a side."""
    return ">" if side == "above" else "<"
