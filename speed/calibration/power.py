"""What three seeds can decide of the claims, if the paper's own tables were the truth."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speed.calibration.noise import draw
from suite.analysis.hypotheses import POWER
from suite.papers import paper
from suite.papers.claims import Claim, claims

FloatArray = NDArray[np.float64]

SEEDS = (3, 4, 5, 6, 8, 10, 15, 20, 30)
"""Numbers of seeds that are tried until one is enough."""


@dataclass(frozen=True)
class Power:
    """How often a claim is decided for its own side."""

    claim: str
    assumed: str
    """Where the true values come from."""
    deviation: float
    decided: float
    """Share of trials with three seeds."""
    seeds: int | None
    """The fewest tried that decide in 80 % of trials; None if none does."""


def truths(claim: Claim) -> tuple[list[FloatArray], str]:
    """Return the means that a claim's entries have in the paper, and where they stand.

    MuJoCo Controls are printed as a figure only: there, what is claimed of them is taken as true, and no more.
    """
    tables = {"table1_groups": "table1", "ml1_relative_gain": "table1", "figure5_pairwise": "table3"}
    tables |= {"table3_wins": "table3", "table9_average_seconds": "table9"}
    if claim.key in tables:
        table = paper.table(tables[claim.key])
        return [table[entry].to_numpy(float) for entry in claim.entries], f"Table {tables[claim.key][-1]}"
    count = len(claim.environments)
    printed = paper.document("printed_claims")[claim.key]["values"]
    if claim.key == "controls_relative_gain":
        gain = float(printed["median" if "median" in claim.statement else "mean"])
        return [np.full(count, gain), np.ones(count)], f"{gain:g} times PEARL on each"
    holds = np.arange(count) < int(printed["environments"])
    reached = np.where(holds, 1.0, 0.8)
    assumed = f"level on {holds.sum()} of {count}, 80 % on the others"
    return [reached] * (len(claim.entries) - 1) + [np.ones(count)], assumed


def power(statement: str, deviation: float, trials: int) -> Power:
    """Judge draws about the paper's values until some number of seeds decides in 80 % of them."""
    claim = next(each for each in claims() if each.statement == statement)
    means, assumed = truths(claim)
    shares = []
    for seeds in SEEDS:
        shares.append(_decided(claim, means, deviation, seeds, trials))
        if shares[-1] >= POWER:
            break
    enough = SEEDS[len(shares) - 1] if shares[-1] >= POWER else None
    return Power(statement, assumed, deviation, shares[0], enough)


def _decided(claim: Claim, means: list[FloatArray], deviation: float, seeds: int, trials: int) -> float:
    generator = np.random.default_rng(zlib.crc32(f"{claim.statement} {deviation} {seeds}".encode()))
    directions = [
        claim.hypothesis([list(draw(generator, "normal", mean, deviation, seeds)) for mean in means]).direction
        for _ in range(trials)
    ]
    return directions.count(1) / trials
