"""The power of three seeds for the claims, if the paper's own tables were the truth."""

from __future__ import annotations

import zlib

import numpy as np

from environments import FloatArray
from suite.analysis.hypotheses import POWER, SEEDS_TRIED
from suite.analysis.moments import Moments
from suite.papers.claims import Claim
from suite.papers.folder import exact
from suite.papers.paper import Paper, read_paper
from suite.papers.power import Power
from suite.papers.statements import Gain, ShareMatching, ShareNotWorse, ShareReaching


def truths(paper: Paper, claim: Claim) -> tuple[list[FloatArray], str] | None:
    """Return the means that a claim's entries have in the paper, and where they stand; None where they are not printed.

    Where only a figure shows returns, what is claimed of them is taken as true, and no more.
    """
    about = claim.about
    if about.table:
        table = paper.table(about.table)
        if not set(claim.environments) <= set(table.rows):  # a log, of one environment's runs
            return None
        places = [table.rows.index(environment) for environment in claim.environments]
        return [table.numbers(entry)[places] for entry in claim.entries], table.about.title
    count = len(claim.environments)
    try:
        published = float(exact(about.published))
    except ValueError:
        return None
    if isinstance(about, Gain):
        return [np.full(count, published), np.ones(count)], f"{published:g} times {claim.entries[1]} on each"
    if not isinstance(about, ShareReaching | ShareNotWorse | ShareMatching):
        return None
    margin = about.share if isinstance(about, ShareReaching) else 1.0
    holds = np.arange(count) < round(published * count)
    reached = np.where(holds, margin, 0.8 * margin)
    assumed = f"level on {holds.sum()} of {count}, 80 % on the others"
    return [reached] * (len(claim.entries) - 1) + [np.ones(count)], assumed


def power(name: str, key: str, deviation: float, trials: int) -> Power | None:
    """Judge draws about a paper's values until some number of seeds decides in 80 % of them."""
    paper = read_paper(name)
    claim = next(each for each in paper.claims if each.key == key)
    found = truths(paper, claim)
    if found is None:
        return None
    means, assumed = found
    zeros = np.zeros(len(means[0]))
    truth = [Moments(mean, np.square(deviation * mean), zeros, zeros > 0) for mean in means]
    trial = claim.about.trial(truth)
    shares = []
    for seeds in SEEDS_TRIED:
        generator = np.random.default_rng(zlib.crc32(f"{claim.about.statement} {deviation} {seeds}".encode()))
        shares.append(float((trial(generator, seeds, trials) == 1).mean()))
        if shares[-1] >= POWER:
            break
    enough = SEEDS_TRIED[len(shares) - 1] if shares[-1] >= POWER else None
    return Power(claim.about.statement, assumed, deviation, shares[0], enough)
