"""Statistics that claims can name: one class each, with its parameters, its value as papers compute it, and its test.

A claim is data (`claims.yaml`): which statistic, of which entries, on which environments, on which side of a boundary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from suite.analysis import comparisons, efficiency, hypotheses
from suite.analysis.hypotheses import LEVEL, Finding, Sides
from suite.analysis.intervals import chance_interval, difference_interval, mean_interval, ratio_interval
from suite.analysis.moments import (
    BoolArray,
    FloatArray,
    Moments,
    Samples,
    above,
    below,
    higher,
    in_most,
    moments,
    spreads_differ,
    total_higher,
)
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
        """What is tested, in words."""
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


LAST = 1e300
"""Minus this is below all scores."""
UNEQUAL = "the entries vary too differently over seeds for a test of their means"
LOST = "a mean of finished runs alone would favour whoever fails"


class _OfMeans(Statement):
    """A statistic of mean scores."""

    @abstractmethod
    def of_means(self, means: comparisons.Means) -> float:
        """Return the statistic of the entries' means (environments,)."""

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute it of the means; one of runs that diverged is below all others."""
        means = [np.array([runs.mean() for runs in entry]) for entry in samples]
        return self.of_means([np.nan_to_num(each, neginf=-LAST) for each in means]), ""

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where the first entry and another vary too differently."""
        return {UNEQUAL: np.any([spreads_differ(entries[0], other) for other in entries[1:]], axis=0)}


class _Share(_OfMeans):
    """Something is true of more than half of the environments."""

    @abstractmethod
    def events(self, entries: Sequence[Moments]) -> Sides:
        """Return, in each environment, p-values of it being true, and false."""

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Put the environments together (partial conjunction)."""
        yes, no = self.events(entries)
        return in_most(yes), in_most(no)

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return how many of the environments are shown to be so, and not to be so."""
        return hypotheses.share_limits(*self.events(self.moments(samples)))

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where entries vary too differently in those environments on which the verdict depends."""
        leaning = (sides[0] <= sides[1])[..., None]
        speaking = np.where(leaning, *self.events(entries))
        pairs = self.pairs(entries)
        return {UNEQUAL: np.any([spreads_differ(*pair, speaking) for pair in pairs], axis=0)}

    def pairs(self, entries: Sequence[Moments]) -> list[tuple[Moments, Moments]]:
        """Return which entries are compared."""
        return [(entries[0], entries[1])]

    @property
    def quantity(self) -> str:
        """A share."""
        return "share of environments"


class ShareBetter(_Share):
    """In most environments the first entry is better than the second."""

    statistic: Literal["share better"]
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """By more than this share of the second's mean."""

    @property
    def rule(self) -> str:
        """The rule."""
        more = f" by more than {percent(self.margin)}" if self.margin else ""
        return f"share of environments with a higher mean score{more} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_better([means[0], means[1] + self.margin * np.abs(means[1])]))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean is higher."""
        return hypotheses.better(entries[0], entries[1], 1 + self.margin)


class ShareReaching(_Share):
    """In most environments the first entry reaches a share of the second."""

    statistic: Literal["share reaching"]
    share: Positive
    """1.5: half as much again. Of a negative score, as far above it."""

    @property
    def rule(self) -> str:
        """The rule."""
        return f"share of environments at or above {percent(self.share)} of {self.entries[1]} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_reaching(means, self.share))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean reaches the share."""
        return hypotheses.better(entries[0], entries[1], self.share)


class ShareNotWorse(_Share):
    """In most environments the first entry is better than the second or comparable to it."""

    statistic: Literal["share not worse"]
    failure: Number | None = None
    """The score, in the paper's unit, at or below which both have failed and neither is worse."""

    @property
    def rule(self) -> str:
        """The rule."""
        if self.failure is None:
            share = percent(comparisons.COMPARABLE_SHARE)
            return f"share of environments at or above {share} of {self.entries[1]} {sign(self.side)} 0.5"
        return (
            f"share of environments that are better or comparable (failure threshold {self.failure:g}) "
            f"{sign(self.side)} 0.5"
        )

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_not_worse(means, self._failure))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean reaches the margin, or both failed."""
        return hypotheses.comparable(entries[0], entries[1], comparisons.COMPARABLE_SHARE, self._failure)

    @property
    def _failure(self) -> float:
        return -math.inf if self.failure is None else self.failure


class ShareMatching(_Share):
    """In most environments the first two entries are both comparable to the third."""

    statistic: Literal["share matching"]
    takes: ClassVar[tuple[int, int]] = (3, 3)

    @property
    def rule(self) -> str:
        """The rule."""
        share = percent(comparisons.COMPARABLE_SHARE)
        return f"share of environments in which both are at or above {share} of {self.entries[2]} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_matching(means))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether both means reach the margin."""
        return hypotheses.both_comparable(entries[0], entries[1], entries[2], comparisons.COMPARABLE_SHARE)

    def pairs(self, entries: Sequence[Moments]) -> list[tuple[Moments, Moments]]:
        """Return both against the third."""
        return [(entries[0], entries[2]), (entries[1], entries[2])]


TESTED_GAINS = ("either above zero, negative ratios as 0", "both above zero")
"""Of `comparisons.GAIN_RULES`, those whose ratios are never negative: a test may leave one out on the safe side."""


class Gain(_OfMeans):
    """The first entry's returns are higher than the second's by a ratio above one."""

    statistic: Literal["gain"]
    average: comparisons.Average
    definition: Text
    """One of `TESTED_GAINS`."""

    @model_validator(mode="after")
    def _known(self) -> Gain:
        if self.definition not in TESTED_GAINS:
            raise ValueError(unknown("definition", self.definition, TESTED_GAINS))
        return self

    @property
    def rule(self) -> str:
        """The rule."""
        return f"{self.average} ratio ({self.definition}) {sign(self.side)} 1"

    @property
    def quantity(self) -> str:
        """An average."""
        return f"{self.average} ratio"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the gain."""
        return float(comparisons.gain(means, self.average, self.definition))

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Leave out of a mean what is a ratio of noise; a median bears it."""
        if self.average == "median":
            return super().value(samples)
        ours, theirs = self.moments(samples)
        clear = hypotheses.has_ratio(theirs)
        out = int((~clear).sum())
        note = (
            f"the value leaves out {out} of {len(clear)} environments, in which {self.entries[1]}'s mean is not "
            "clearly away from zero"
        )
        return (self.of_means([ours.means[clear], theirs.means[clear]]) if clear.any() else math.nan), note * bool(out)

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test the average that is claimed."""
        if self.average == "mean":
            return hypotheses.mean_ratio(*entries)
        return hypotheses.median_ratio(*entries, either=self.definition == TESTED_GAINS[0])

    def directions(self, entries: Sequence[Moments]) -> NDArray[np.int64]:
        """Decide a mean by its limits at the level, which its p-values are found from."""
        if self.average == "median":
            return super().directions(entries)
        low, high = hypotheses.ratio_limits(entries[0], entries[1], LEVEL)
        return self._unless_doubtful(
            (1 if self.side == "above" else -1) * np.where(low > 1, 1, np.where(high < 1, -1, 0)), entries, (low, high)
        )

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the limits of a mean; of a median none covers."""
        if self.average == "median":
            return math.nan, math.nan
        ours, theirs = self.moments(samples)
        low, high = hypotheses.ratio_limits(ours, theirs, 0.025)
        return max(0.0, float(low)), float(high)

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold a mean of noisy ratios too, and of finished runs alone."""
        found = super().doubts(entries, sides)
        if self.average == "mean":
            share = percent(hypotheses.NOISIEST)
            found[f"runs vary by more than {share} over seeds: limits of a mean ratio err"] = hypotheses.noisy_ratios(
                *entries
            )
            found[LOST] = lost(entries)
        return found


class MostWins(_OfMeans):
    """The first entry has the highest score more often than any other."""

    statistic: Literal["most wins"]
    takes: ClassVar[tuple[int, int]] = (2, 100)

    @property
    def rule(self) -> str:
        """The rule."""
        return f"wins ahead of the next (a tie is nobody's) {sign(self.side)} 0"

    @property
    def quantity(self) -> str:
        """A lead."""
        return "wins ahead of the next"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the lead."""
        return float(comparisons.wins_ahead(means))

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test its wins at their fewest against each rival's at their most."""
        return hypotheses.most_wins(entries)


class SingleRuns(Statement):
    """A run of the first entry beats one of the second more often than not, environments weighed alike."""

    statistic: Literal["single runs"]

    @property
    def rule(self) -> str:
        """The rule."""
        return f"P(a run of {self.entries[0]} is above one of {self.entries[1]}), mean of environments {self._boundary}"

    @property
    def _boundary(self) -> str:
        return f"{sign(self.side)} 0.5"

    @property
    def quantity(self) -> str:
        """A probability."""
        return "probability that a run is better"

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return all runs: ranks bear unequal numbers. One that diverged is below all others."""
        found = [strata(runs, entry, environments, self.measure) for entry in self.entries]
        return [[np.nan_to_num(each, neginf=-LAST) for each in entry] for entry in found]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the probability."""
        return chance_interval(samples[0], samples[1])[0], ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return Clopper and Pearson's."""
        return chance_interval(samples[0], samples[1])[1:]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Is not made of means."""
        raise NotImplementedError

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Test the probability."""
        sides = hypotheses.chances(*(padded(entry) for entry in samples))
        claimed, other = (float(side) for side in (sides if self.side == "above" else sides[::-1]))
        return Finding(self.quantity, self.value(samples)[0], *self.limits(samples), claimed, other)

    def trial(self, truth: Sequence[Moments]) -> hypotheses.Trial:
        """Return a simulation with runs, not moments of them."""

        def directions(generator: np.random.Generator, seeds: int, trials: int) -> NDArray[np.int64]:
            runs = [
                entry.means[:, None]
                + np.sqrt(entry.variances)[:, None] * generator.normal(size=(trials, len(entry.means), seeds))
                for entry in truth
            ]
            claimed, other = hypotheses.chances(*runs)[:: 1 if self.side == "above" else -1]
            return np.where(claimed <= LEVEL, 1, np.where(other <= LEVEL, -1, 0))

        return directions


class _OnOneEnvironment(Statement):
    """A statement about means over seeds on one environment."""

    environments: Annotated[list[Text], Field(min_length=1, max_length=1)]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the mean over seeds; of a difference, the difference."""
        return float(samples[0][0].mean()), ""

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold what finished runs alone would say."""
        return {LOST: lost(entries)}


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

    @property
    def quantity(self) -> str:
        """A difference."""
        return "difference of means" + ", of the same runs" * self.paired

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return both entries' runs; where the same runs give both, their differences."""
        if not self.paired:
            return super().samples(runs, curves, environments)
        scores = [runs[runs["entry"] == entry].set_index("run")["score"] for entry in self.entries]
        both = pd.concat(scores, axis=1, join="inner").sort_index().to_numpy(float)
        lost_runs = ~np.isfinite(both).all(axis=1)
        return [[np.where(lost_runs, -np.inf, both[:, 0] - np.where(lost_runs, 0, both[:, 1]))]]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the difference."""
        means = [entry[0][np.isfinite(entry[0])].mean() for entry in samples]
        return float(means[0] - sum(means[1:])), ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return Welch's interval, or Student's of differences."""
        finished = [entry[0][np.isfinite(entry[0])] for entry in samples]
        return (mean_interval(finished[0]) if self.paired else difference_interval(finished[0], finished[1]))[1:]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test it: Welch's t, or Student's of the differences where the same runs give both."""
        if self.paired:
            up, down = above(entries[0], self.margin), below(entries[0], self.margin)
        else:
            moved = entries[1].plus(self.margin)
            up, down = higher(entries[0], moved), higher(moved, entries[0])
        return up[..., 0], down[..., 0]

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where the entries vary too differently."""
        found = super().doubts(entries, sides)
        return found if self.paired else {**found, UNEQUAL: spreads_differ(entries[0], entries[1])}


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

    @property
    def quantity(self) -> str:
        """A mean."""
        return f"mean; 95 % interval of a mean of {self.runs} further run" + "s" * (self.runs > 1)

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return the scores and the untrained values."""
        return [strata(runs, self.entries[0], environments, column) for column in ("score", "untrained")]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Return no p-value for fitting, and the one of not fitting."""
        p = self._fit(entries)[0]
        return np.full_like(p, np.nan), p

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Say whether it fits."""
        entries = self.moments(samples)
        p, half, narrow = (float(each) for each in self._fit(entries))
        value = float(entries[0].means[0])
        fits = None if p > LEVEL and not narrow else p > LEVEL
        withheld = LOST if lost(entries) else ""
        return Finding(self.quantity, value, value - half, value + half, math.nan, p, withheld, fits)

    def directions(self, entries: Sequence[Moments]) -> NDArray[np.int64]:
        """Return 1 where it fits, -1 where it does not."""
        p, _, narrow = self._fit(entries)
        return np.where(p <= LEVEL, -1, np.where(narrow > 0, 1, 0))

    def _fit(self, entries: Sequence[Moments]) -> tuple[FloatArray, ...]:
        return hypotheses.prediction(entries[0], entries[1].means, float(exact(self.published)), self.runs)


class RatioOfSeconds(_OfMeans):
    """Runs of the first entry take longer than those of the second, on one machine type."""

    statistic: Literal["ratio of seconds"]
    measure: ClassVar[Literal["score", "seconds_total", "steps"]] = "seconds_total"

    @property
    def rule(self) -> str:
        """The rule."""
        return f"ratio of mean seconds a run {sign(self.side)} 1, over runs of one machine type (processor and device)"

    @property
    def quantity(self) -> str:
        """A ratio."""
        return "ratio of means"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the ratio."""
        return float(comparisons.ratio_of_means(means))

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test the sum of differences."""
        return total_higher(entries[0], entries[1]), total_higher(entries[1], entries[0])

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute it of the finished runs."""
        return self.of_means([entry.means for entry in self.moments(samples)]), ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the limits of the ratio."""
        return ratio_interval(*([runs[np.isfinite(runs)] for runs in entry] for entry in samples))[1:]

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold what finished runs alone would say, too."""
        return {**super().doubts(entries, sides), LOST: lost(entries)}


class RatioOfSteps(Statement):
    """In most environments the second entry takes so many times the environment steps of the first to its own level."""

    statistic: Literal["ratio of steps"]
    times: Positive
    """The boundary: so many times more."""
    level: Annotated[float, Field(gt=0, le=1)]
    """Share of the second entry's way from untrained to its final score."""
    measure: ClassVar[Literal["score", "seconds_total", "steps"]] = "steps"

    @property
    def rule(self) -> str:
        """The rule."""
        return (
            f"median ratio of steps to {percent(self.level)} of {self.entries[1]}'s way from untrained to its final "
            f"score {sign(self.side)} {self.times:g}; where {self.entries[1]} still rises, nothing is decided"
        )

    @property
    def quantity(self) -> str:
        """A ratio."""
        return f"median ratio of steps, against {self.times:g}"

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return what is known of each run's steps, (runs, 2): at least, at most; none where nothing can be decided."""
        diverged = set(runs.loc[~np.isfinite(runs["score"]), "environment"])
        ran, drew = (dict(iter(table.groupby("environment"))) for table in (runs, curves))
        bounds = [
            [np.empty((0, 2))] * 2
            if place in diverged
            else efficiency.steps_bounds(ran[place], drew[place], self.entries, self.level)
            for place in environments
        ]
        return alike([list(column) for column in zip(*bounds, strict=True)])

    def moments(self, samples: Sequence[Samples]) -> list[Moments]:
        """Return the logarithms' moments: ours at most, theirs at least; ours at least, theirs at most."""
        bounds = [(0, 1), (1, 0), (0, 0), (1, 1)]
        with np.errstate(divide="ignore"):
            return [moments([_unless_open(np.log(runs[:, at])) for runs in samples[entry]]) for entry, at in bounds]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the median ratio of the bounds' middles; a bound where runs are censored."""
        ratios = [_steps(theirs) / _steps(ours) for ours, theirs in zip(*samples, strict=True) if len(ours)]
        silent = len(samples[0]) - len(ratios)
        note = f"{silent} of {len(samples[0])} environments decide nothing: {self.entries[1]} learnt nothing there, "
        note = (note + "still rises, or a run diverged") * bool(silent)
        return (float(np.median(ratios)) if ratios else math.nan), note

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test each side on the bounds that speak against it; most environments have to be on it."""
        boundary = math.log(self.times)
        more, less = higher(entries[1], entries[0].plus(boundary)), higher(entries[2].plus(boundary), entries[3])
        return in_most(more), in_most(less)


def _unless_open(values: FloatArray) -> FloatArray:
    """Return no values at all where one has no bound: then nothing is known of their mean."""
    return values if np.isfinite(values).all() else np.empty(0)


def _steps(bounds: FloatArray) -> float:
    """Return the typical steps of runs, (runs, 2)."""
    known = np.where(np.isfinite(bounds[:, 1]), bounds[:, 1], bounds[:, 0])
    return float(np.exp(np.log(known).mean()))


def lost(entries: Sequence[Moments]) -> BoolArray:
    """Tell whether any run diverged."""
    return np.asarray(np.any([entry.lost.any(axis=-1) for entry in entries], axis=0), bool)


def padded(samples: Samples) -> FloatArray:
    """Return samples as (environments, most seeds), NaN where an environment has fewer."""
    found = np.full((len(samples), max(map(len, samples))), np.nan)
    for row, sample in zip(found, samples, strict=True):
        row[: len(sample)] = sample
    return found


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:g} %"


def sign(side: Literal["above", "below"]) -> str:
    """Write a side."""
    return ">" if side == "above" else "<"
