"""Environment steps to a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from environments import FloatArray
from suite.analysis import efficiency
from suite.analysis.hypotheses import Sides
from suite.analysis.moments import Moments, higher, in_most, moments
from suite.analysis.samples import Samples
from suite.errors import UsageError
from suite.papers.statements.statement import PRINTED_RANGE, Positive, Statement, alike, check_said, percent, sign

if TYPE_CHECKING:
    import pandas as pd


class RatioOfSteps(Statement):
    """In most environments the second entry takes so many times the environment steps of the first to its own level."""

    statistic: Literal["ratio of steps"]
    times: Positive
    """The boundary: so many times more."""
    level: Annotated[float, Field(gt=0, le=1)]
    """Share of the second entry's way from untrained to its final score."""
    measure: ClassVar[Literal["score", "seconds", "steps"]] = "steps"

    @property
    def boundary(self) -> float:
        """So many times more."""
        return self.times

    @property
    def tested(self) -> set[float]:
        """So many times fewer."""
        return {self.times}

    def check_words(self) -> None:
        """Refuse words with another multiple, and a printed range whose end that is claimed is not the boundary."""
        told = f"times: {self.times:g}"
        check_said(self.statement, r"times (?:fewer|less|more|as|the|its|faster|slower)\b", self.tested, told)
        printed = PRINTED_RANGE.fullmatch(self.published)
        if printed and printed[2] and float(printed[1 if self.side == "above" else 2]) != self.times:
            raise UsageError(f"{told}, but {self.published} is published")

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
