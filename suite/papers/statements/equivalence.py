"""Equivalence: an entry's gain over untrained is another's, give or take a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from environments import BoolArray
from suite.analysis.equivalence import MARGIN, Gains, equivalence, gains_of
from suite.analysis.hypotheses import NOISIEST, Sides
from suite.analysis.moments import Moments, spreads_differ
from suite.analysis.samples import Samples
from suite.analysis.strata import strata
from suite.papers.statements.statement import LOST, UNEQUAL, Statement, Verdict, alike, lost, percent

if TYPE_CHECKING:
    import pandas as pd


class EquivalentWithin(Statement):
    """The first entry gains over untrained what the second does, give or take a margin, over all environments."""

    statistic: Literal["equivalent within"]
    margin: Annotated[float, Field(gt=0, lt=1)] = MARGIN
    """A share of the second entry's gain."""
    side: Literal["above"] = "above"
    """It has none."""
    verdicts: ClassVar[Mapping[int, Verdict]] = {1: "equivalent", 0: "not enough runs", -1: "not equivalent"}

    @property
    def rule(self) -> str:
        """The rule."""
        ours, theirs = self.entries
        return f"gain over untrained of {ours} differs from that of {theirs} by less than {percent(self.margin)} of it"

    @property
    def quantity(self) -> str:
        """A ratio."""
        return "ratio of gains over untrained"

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return the scores of both entries, and what their runs scored before training."""
        scores = alike([strata(runs, entry, environments) for entry in self.entries])
        before = [strata(runs, entry, environments, "untrained") for entry in self.entries]
        return [*scores, [np.concatenate(each) for each in zip(*before, strict=True)]]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the ratio of gains, how many environments it leaves out, and the smallest margin that would hold."""
        ours, theirs, before = _finished(samples)
        found = equivalence(ours, theirs, before, self.margin)
        notes = []
        if out := len(samples[0]) - found.environments:
            notes.append(f"{out} of {len(samples[0])} environments are left out: the gain of both does not show there")
        if found.smallest > self.margin:
            notes.append(f"equivalent within {100 * found.smallest:.0f} %, which is the smallest margin")
        elif found.environments and np.isnan(found.smallest):
            notes.append("equivalent within no margin")
        return found.ratio, "; ".join(notes)

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the ratios that are neither too high nor too low, each by a one-sided test at 2.5 %."""
        return self._gains(self.moments(samples)).limits()

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the gains differ by less than the margin, and by more."""
        gains = self._gains(entries)
        within, outside = (
            np.nan_to_num(each, nan=1.0) for each in (gains.within(self.margin), gains.outside(self.margin))
        )
        return within, outside

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where the entries vary too differently or too much, and what finished runs alone would say."""
        noisy = f"runs vary by more than {percent(NOISIEST)} of the gain over seeds: the test errs"
        return {
            UNEQUAL: spreads_differ(entries[0], entries[1]),
            noisy: self._gains(entries).noisy,
            LOST: lost(entries[:2]),
        }

    @staticmethod
    def _gains(entries: Sequence[Moments]) -> Gains:
        columns = zip(*[(entry.means, entry.errors, entry.seeds) for entry in entries], strict=True)
        return gains_of(*(np.stack(np.broadcast_arrays(*column)) for column in columns))


def _finished(samples: Sequence[Samples]) -> list[Samples]:
    """Return samples without the runs that diverged."""
    return [[runs[np.isfinite(runs)] for runs in entry] for entry in samples]
