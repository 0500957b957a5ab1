"""The optima that the audits of RL2 and SNAIL hold print against: `python -m studies.optima [--write]`.

Bandits are solved without rounding; MDPs are drawn, 100,000 of them. Prints the tables, or writes them into the papers'
folders.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from studies.optima import bandits, mdps
from suite.papers.folder import SHIPPED

PRINTED_OVER = 1_000
"""Bandits, or MDPs, that a printed number is a mean of."""
PULLS, ARMS, EPISODES = (10, 100, 500), (5, 10, 50), (10, 25, 50, 75, 100)
MDPS, DISCOUNT = 100_000, 0.99


def setup(pulls: int, arms: int) -> str:
    """Name a bandit problem as the papers' tables do here."""
    return f"{pulls} pulls of {arms} arms"


def random_pulls() -> Iterator[list[str]]:
    """Yield the expectation of random pulls, the error of a printed mean of them, and the value of the best arm."""
    yield ["setup", "random", "random error", "best arm"]
    for pulls in PULLS:
        for arms in ARMS:
            spread = 1 / (12 * arms)  # of the mean chance of the arms, around one half
            variance = pulls * (1 / 4 - spread) + pulls**2 * spread
            error = math.sqrt(variance / PRINTED_OVER)
            yield [setup(pulls, arms), *numbers(pulls / 2, error, pulls * arms / (arms + 1))]


def ten_pulls() -> Iterator[list[str]]:
    """Yield the best strategy's expectation of ten pulls, the error of a printed mean, and that of greedy ones."""
    yield ["setup", "optimum", "optimum error", "greedy at least", "greedy at most"]
    for arms in ARMS:
        best = bandits.total(10, arms, bandits.best)
        ends = (bandits.total(10, arms, choose) for choose in (bandits.greedy_at_least, bandits.greedy_at_most))
        error = best.standard_deviation / math.sqrt(PRINTED_OVER)
        yield [setup(10, arms), *numbers(best.mean, error, *(end.mean for end in ends))]


def known_mdps() -> Iterator[list[str]]:
    """Yield the expectations of the best policy and of random actions on MDPs, and the errors of printed means."""
    found = mdps.episodes(MDPS, DISCOUNT, seed=0)
    yield ["episodes", "random", "random error", "optimum", "optimum error", "discounted optimum"]
    for count in EPISODES:
        random = found.random.std(ddof=1) / math.sqrt(PRINTED_OVER)
        # Of the printed mean, and of ours.
        optimum = found.optimum.std(ddof=1) * math.sqrt(1 / PRINTED_OVER + 1 / MDPS)
        each = (mdps.STEPS, random, found.optimum.mean(), optimum, found.discounted.mean())
        yield [f"{count} episodes", *numbers(*(count * value for value in each))]


def numbers(*values: object) -> list[str]:
    """Write numbers with enough decimals for any table."""
    return [f"{float(value):.5f}" for value in values]  # type: ignore[arg-type]


TABLES = {
    "random_pulls": (random_pulls, ("rl2",)),
    "ten_pulls": (ten_pulls, ("rl2", "snail")),
    "known_mdps": (known_mdps, ("rl2", "snail")),
}
"""Name -> what it holds, and the papers that are held against it."""


def written(lines: Iterable[list[str]]) -> str:
    """Write a table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(prog="python -m studies.optima", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into the papers' folders")
    write = parser.parse_args().write
    for name, (table, papers) in TABLES.items():
        text = written(table())
        if not write:
            print(f"{name}\n{text}")
            continue
        for paper in papers:
            (Path(SHIPPED) / paper / "logs" / f"{name}.csv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
