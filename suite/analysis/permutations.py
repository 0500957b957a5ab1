"""Permutation tests: the seeds of two entries exchanged within each environment.

Where two entries have one distribution, every way to deal an environment's runs out to them is equally likely,
whatever that distribution. A statistic's p-value is its rank among the values that it has under those rearrangements
(Fisher 1935), so the test holds its level for any statistic, any noise, and any number of seeds and environments.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np

from environments import FloatArray
from suite.analysis.samples import ROUNDING, Samples, difference

ENUMERATED = 10_000
"""Up to so many rearrangements are all visited; of more, `DRAWN` are drawn."""
DRAWN = 1_000


@dataclass(frozen=True)
class Permuted:
    """The place of a statistic among its rearrangements."""

    above: float
    """p-value of a value this high or higher."""
    below: float
    """p-value of a value this low or lower."""
    distance: float
    """Standard deviations of the rearrangements between the value and their mean; NaN if they are all the same."""


def smallest(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Return the smallest p-value that numbers of seeds in each environment allow: one over the rearrangements."""
    return 1 / math.prod(math.comb(x + y, x) for x, y in zip(ours, theirs, strict=True))


def permute_chances(ours: Samples, theirs: Samples, *, drawn: int = DRAWN) -> Permuted:
    """Test whether a run of ours beats one of theirs more often than not, in the mean over environments.

    The statistic is Mann and Whitney's.

    Parameters
    ----------
    drawn : rearrangements where they are not all visited.
    """
    dealt = _dealt(ours, theirs)
    members, observed = _rearranged(ours, theirs, dealt, drawn)
    pooled = _laid_out(ours, theirs, members[:, :, observed], np.nan)
    lead = np.sign(difference(pooled[:, :, None], pooled[:, None, :]))
    # Two runs of one entry cancel, so that a run's lead may be summed over all runs and is dealt with the run.
    weights = 1 / np.prod(np.array(dealt, float), axis=-1)
    leads = weights[:, None] * np.nansum(lead, axis=-1)
    return _ranked(leads.ravel() @ members.reshape(-1, members.shape[-1]), observed)


def _dealt(ours: Samples, theirs: Samples) -> tuple[tuple[int, int], ...]:
    return tuple((len(x), len(y)) for x, y in zip(ours, theirs, strict=True))


def _ranked(values: FloatArray, observed: int) -> Permuted:
    """Rank the observed value among all (rearrangements,)."""
    tie = ROUNDING * np.abs(values).max()
    value = values[observed]
    spread = values.std()
    distance = (value - values.mean()) / spread if spread > tie else math.nan
    return Permuted(float((values >= value - tie).mean()), float((values <= value + tie).mean()), float(distance))


def _laid_out(ours: Samples, theirs: Samples, members: FloatArray, empty: float) -> FloatArray:
    """Lay the runs out so that `members` (environments, places) are ours; places beyond the runs are empty."""
    pooled = np.full(members.shape, empty)
    mine = members.astype(bool)
    for place, here, x, y in zip(pooled, mine, ours, theirs, strict=True):
        place[here] = x
        place[np.flatnonzero(~here)[: len(y)]] = y
    return pooled


def _rearranged(
    ours: Samples, theirs: Samples, dealt: tuple[tuple[int, int], ...], drawn: int = DRAWN
) -> tuple[FloatArray, int]:
    """Return the rearrangements, and which of them stands for the runs as they are.

    Drawn rearrangements are the same for all data of a shape. A test holds its level exactly if the data take the place
    of one of them at random (Hemerik and Goeman 2018); of which, is drawn from the pooled data themselves.
    """
    members, complete = _members(dealt, drawn)
    if complete:
        return members, 0
    pooled = np.sort(np.concatenate([*ours, *theirs]))
    return members, zlib.crc32(pooled.tobytes()) % members.shape[-1]


@lru_cache(maxsize=8)
def _members(dealt: tuple[tuple[int, int], ...], drawn: int) -> tuple[FloatArray, bool]:
    """Return who is ours in each rearrangement, (environments, places, rearrangements), and whether these are all."""
    places = max(x + y for x, y in dealt)
    complete = math.prod(math.comb(x + y, x) for x, y in dealt) <= ENUMERATED
    if complete:
        choices = [list(combinations(range(x + y), x)) for x, y in dealt]
        chosen = [np.array(each, int) for each in zip(*product(*choices), strict=True)]
    else:
        chosen = [
            np.argsort(np.random.default_rng([environment, x, y]).random((drawn, x + y)), axis=-1)[:, :x]
            for environment, (x, y) in enumerate(dealt)
        ]
    members = np.zeros((len(dealt), places, len(chosen[0])))
    for place, ones in zip(members, chosen, strict=True):
        np.put_along_axis(place, ones.T, 1.0, axis=0)
    members.flags.writeable = False
    return members, complete
