"""The calibration of the judge: `python -m studies.calibration [--trials 2000] [--write]`.

Prints, as Markdown, how often each wrong verdict falls at the boundary of each statement, how often adaptive seeds tell
identical entries apart, how often each interval holds the true value, and what three seeds can decide. Ends with 1 if
a verdict falls in more than 5 % of trials, or an interval covers less than 90 %, beyond chance (Holm's correction for
the number of cells).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
from scipy import stats

from studies.calibration import equivalence, intervals, sequential, verdicts
from studies.calibration.noise import KINDS
from studies.calibration.power import SEEDS as SEEDS_TRIED
from studies.calibration.power import power
from suite.analysis.hypotheses import LEVEL
from suite.papers.paper import read_papers
from suite.papers.power import FILE, Power
from suite.table import Cell, Table, as_markdown

DOCUMENT = Path("docs/statistics.md")
BEGIN, END = "<!-- calibration -->", "<!-- /calibration -->"
"""Between these stand the tables."""

SEEDS = (2, 3, 5, 10)
SEED_COLUMNS = {f"seeds_{seeds}": f"{seeds} seeds" for seeds in SEEDS}
ENVIRONMENTS = (1, 6, 50)
LEAST_COVERAGE = 0.9
FAMILY = 0.05
"""Error rate of all cells together: how often one is called too high although none is."""


def verdict_cells() -> list[verdicts.Cell]:
    """Return every combination whose wrong verdicts are counted."""
    return [
        verdicts.Cell(statement, *values)
        for statement, (_, _, deviations) in verdicts.STATEMENTS.items()
        for values in product(ENVIRONMENTS, KINDS, deviations, SEEDS)
    ]


def spread_cells() -> list[verdicts.Cell]:
    """Return combinations in which the first entry varies twice as much as the others."""
    return [
        verdicts.Cell(statement, environments, "normal", 0.15, seeds, spread=2.0)
        for statement, environments, seeds in product(verdicts.STATEMENTS, ENVIRONMENTS, SEEDS)
    ]


def interval_cells() -> list[intervals.Cell]:
    """Return every combination whose coverage is counted."""
    return [
        intervals.Cell(interval, *values)
        for interval in intervals.INTERVALS
        for values in product(
            (1,) if interval in intervals.ONE_ENVIRONMENT else ENVIRONMENTS, KINDS, verdicts.DEVIATIONS, SEEDS
        )
    ]


def too_many(counts: Sequence[tuple[str, int, int]], level: float) -> list[str]:
    """Return the cells (name, events, trials) in which events are more frequent than a level, beyond chance (Holm)."""
    tested = sorted(
        (float(stats.binomtest(events, trials, level, "greater").pvalue), name) for name, events, trials in counts
    )
    found = []
    for rank, (p, name) in enumerate(tested):
        if p > FAMILY / (len(tested) - rank):
            break
        found.append(f"{name}: p = {p:.2g}")
    return found


def verdict_table(errors: Sequence[verdicts.Errors]) -> Table:
    """Return the largest share of each wrong verdict over the deviations, by statement, environments, noise and "
    "seeds.
    """
    rows: list[tuple[Cell, ...]] = []
    for statement, environments, noise in product(verdicts.STATEMENTS, ENVIRONMENTS, KINDS):
        cells = []
        for seeds in SEEDS:
            here = [
                each
                for each in errors
                if (each.cell.statement, each.cell.environments, each.cell.noise, each.cell.seeds)
                == (statement, environments, noise, seeds)
            ]
            cells.append(" / ".join(_largest([getattr(each, side) for each in here], here[0].trials) for side in SIDES))
        rows.append((statement, environments, noise, *cells))
    return Table(
        "verdicts",
        "Wrong verdicts at the boundary, % of trials: reproduced / not reproduced",
        {"statement": "statement", "environments": "environments", "noise": "noise", **SEED_COLUMNS},
        tuple(rows),
        f"{errors[0].trials:,} trials a cell; of seed deviations of 10, 30 and 50 % the one with the most. A dash: so "
        "few runs cannot give that verdict.",
    )


def spread_table(errors: Sequence[verdicts.Errors]) -> Table:
    """Return each wrong verdict where the first entry's scores vary twice as much: outside what the tests promise."""
    counts = {(each.cell.statement, each.cell.environments, each.cell.seeds): each for each in errors}
    rows: list[tuple[Cell, ...]] = []
    for statement, environments in product(verdicts.STATEMENTS, ENVIRONMENTS):
        here = [counts[statement, environments, seeds] for seeds in SEEDS]
        cells = [" / ".join(_largest([getattr(each, side)], each.trials) for side in SIDES) for each in here]
        rows.append((statement, environments, *cells))
    return Table(
        "spread",
        "The same where the first entry varies twice as much",
        {"statement": "statement", "environments": "environments", **SEED_COLUMNS},
        tuple(rows),
        f"{errors[0].trials:,} trials a cell, normal noise, deviations of 30 and 15 %. Shown, not counted: entries "
        "that differ in their noise do not have the same distribution.",
    )


SIDES = ("reproduced", "not_reproduced")


def _largest(counts: Sequence[int | None], trials: int) -> str:
    known = [each for each in counts if each is not None]
    return f"{100 * max(known) / trials:.1f}" if known else "–"


def coverage_table(found: Sequence[intervals.Covered]) -> Table:
    """Return the smallest coverage over noise and deviations, by interval, environments and seeds."""
    shares: dict[tuple[str, int, int], float] = {}
    for each in found:
        key = (each.cell.interval, each.cell.environments, each.cell.seeds)
        shares[key] = min(shares.get(key, 1.0), 1 - each.misses / each.trials)
    rows: list[tuple[Cell, ...]] = [
        (interval, environments, *(f"{100 * shares[interval, environments, seeds]:.1f}" for seeds in SEEDS))
        for interval in intervals.INTERVALS
        for environments in ENVIRONMENTS
        if (interval, environments, SEEDS[0]) in shares
    ]
    return Table(
        "coverage",
        "Coverage of the 95 % intervals, % of trials",
        {"interval": "interval", "environments": "environments"} | {f"seeds_{n}": f"{n} seeds" for n in SEEDS},
        tuple(rows),
        f"{found[0].trials:,} trials a cell; of three kinds of noise and seed deviations of 10, 30 and 50 % the one "
        "that is covered least. A trial in which the data give no interval counts as covered: nothing wrong is shown.",
    )


def failing_table(found: Sequence[intervals.Covered]) -> Table:
    """Return the coverage of a score where an entry fails in some seeds: outside what the interval promises."""
    rows = [(f"{100 * each.cell.deviation:g} %", each.cell.seeds, 100 * each.hits / each.trials) for each in found]
    return Table(
        "failing",
        "The interval of a score where two in five seeds fail",
        {"deviation": "seed deviation", "seeds": "seeds", "coverage": "covered, % of trials"},
        tuple(rows),
        f"{found[0].trials:,} trials a cell, normal noise besides. Shown, not counted: few seeds cannot tell that an "
        "entry may fail.",
        decimals=1,
    )


def failing_cells() -> list[intervals.Cell]:
    """Return the cells in which two in five seeds fail."""
    return [
        intervals.Cell("score of an entry", 1, "failing", *values) for values in product(verdicts.DEVIATIONS, SEEDS)
    ]


def unequal_cells() -> list[sequential.Cell]:
    """Return benchmarks whose first entries vary more, though neither tends to be higher."""
    return [sequential.Cell(5, noise, 0.0, spread) for noise, spread in product(KINDS, sequential.SPREADS[1:])]


def compared_table(name: str, title: str, note: str, found: Sequence[equivalence.Called]) -> Table:
    """Return how often rows of a comparison are decided, over noise and ratios the largest share."""
    shares: dict[tuple[int, str, str, float], float] = {}
    for each in found:
        cell = each.cell
        key = (cell.environments, f"{100 * cell.deviation:g} %", "{}, {}".format(*cell.seeds), cell.spread)
        shares[key] = max(shares.get(key, 0.0), 100 * each.decided / each.trials)
    return Table(
        name,
        title,
        {
            "environments": "environments",
            "deviation": "seed deviation",
            "seeds": "seeds of each",
            "spread": "noise of the first / the second",
            "share": "% of trials",
        },
        tuple((*key, share) for key, share in shares.items()),
        f"{found[0].trials:,} trials a cell. {note}",
        decimals=1,
    )


def identical_cells() -> list[sequential.Cell]:
    """Return every benchmark of identical entries whose wrong decisions are counted."""
    return [sequential.Cell(*values) for values in product(sequential.COMPARISONS, KINDS)]


def difference_cells() -> list[sequential.Cell]:
    """Return every difference that adaptive seeds are tried on."""
    return [sequential.Cell(*values) for values in product(sequential.COMPARISONS, ("normal",), sequential.DIFFERENCES)]


SCHEME = f"{sequential.BATCH} seeds a batch, {sequential.MOST} at most"


def identical_table(found: Sequence[sequential.Decided]) -> Table:
    """Return how often any comparison of identical entries is decided, at any interim analysis."""
    shares = {(each.cell.comparisons, each.cell.noise): each for each in found}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (count, *(f"{100 * shares[count, noise].decided / shares[count, noise].trials:.1f}" for noise in KINDS))
        for count in sequential.COMPARISONS
    )
    return Table(
        "identical",
        "Adaptive seeds: a wrong decision in any environment at any interim analysis, % of trials",
        {name: name for name in ("environments", *KINDS)},
        rows,
        f"{found[0].trials:,} trials a cell; all entries of the same distribution; {SCHEME}.",
    )


def difference_table(found: Sequence[sequential.Decided]) -> Table:
    """Return how often a difference is decided, and at how many seeds."""
    shares = {(each.cell.comparisons, each.cell.difference): each for each in found}

    def told(each: sequential.Decided) -> str:
        return f"{100 * each.decided / each.trials:.0f} %, {each.seeds:.1f} seeds"

    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (count, *(told(shares[count, difference]) for difference in sequential.DIFFERENCES))
        for count in sequential.COMPARISONS
    )
    return Table(
        "differences",
        "Adaptive seeds: a difference decided, and seeds of each entry on average",
        {"environments": "environments"} | {f"std_{size:g}": f"{size:g} std" for size in sequential.DIFFERENCES},
        rows,
        f"{found[0].trials:,} trials a cell, normal noise; one comparison of a benchmark of so many; {SCHEME}.",
    )


def power_table(found: Sequence[Power]) -> Table:
    """Return how often three seeds decide each claim, and how many seeds decide it in 80 % of trials."""
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        needed = f"more than {SEEDS_TRIED[-1]}" if each.seeds is None else str(each.seeds)
        rows.append((each.claim, each.assumed, f"{each.deviation:.0%}".replace("%", " %"), each.decided, needed))
    return Table(
        "power",
        "What three seeds decide, if the paper's tables were the truth",
        {
            **{name: name for name in ("claim", "assumed")},
            "seed_std": "std over seeds",
            "decided": "decided with 3 seeds",
            "seeds_needed": "seeds for 80 %",
        },
        tuple(rows),
        "Share of trials in which the claim is reproduced, normal noise.",
        decimals=2,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument(
        "--write", action="store_true", help=f"also write the tables to {DOCUMENT} and to the papers' {FILE}"
    )
    arguments = parser.parse_args()
    begun = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        # What takes longest comes first, so that the processes end together.
        slowest_first = sorted(verdict_cells(), key=lambda cell: -cell.environments * cell.seeds)
        errors = list(pool.map(partial(verdicts.count, trials=arguments.trials), slowest_first))
        unequal = list(pool.map(partial(verdicts.count, trials=arguments.trials), spread_cells()))
        coverage = list(pool.map(partial(intervals.covered, trials=arguments.trials), interval_cells(), chunksize=4))
        alike = list(pool.map(partial(sequential.identical, trials=arguments.trials // 2), identical_cells()[::-1]))
        wider = list(pool.map(partial(sequential.identical, trials=arguments.trials // 4), unequal_cells()))
        failing = list(pool.map(partial(intervals.covered, trials=arguments.trials), failing_cells()))
        fewer = max(1, arguments.trials // 2)
        equivalent = partial(equivalence.equivalent, trials=fewer)
        called = list(pool.map(equivalent, equivalence.boundary_cells(), chunksize=8))
        right = list(pool.map(equivalent, equivalence.equal_cells()))
        alike_rows = list(pool.map(partial(equivalence.different, trials=fewer), equivalence.identical_cells()))
        apart = list(pool.map(partial(sequential.different, trials=arguments.trials // 4), difference_cells()))
        statements = [
            (paper.name, claim.key, deviation)
            for paper in read_papers()
            for claim in paper.claims
            for deviation in verdicts.DEVIATIONS
        ]
        tried = pool.map(partial(power, trials=max(1, arguments.trials // 10)), *zip(*statements, strict=True))
        of_papers: dict[str, list[Power]] = {}
        for (name, _, _), each in zip(statements, tried, strict=True):
            if each is not None:
                of_papers.setdefault(name, []).append(each)
        decided = [each for found in of_papers.values() for each in found]
    tables = (
        verdict_table(errors),
        spread_table(unequal),
        identical_table(alike),
        difference_table(apart),
        coverage_table(coverage),
        failing_table(failing),
        compared_table(
            "equivalent",
            "Wrongly equivalent: gains 10 % apart, at the margin",
            "Of both sides of the margin and three kinds of noise the one with the most.",
            called,
        ),
        compared_table("equivalent-power", "Rightly equivalent: equal gains, margin 10 %", "Normal noise.", right),
        compared_table(
            "different",
            "Wrongly better or worse in any row: equal means",
            "Of three kinds of noise the one with the most. Where the first varies twice as much, shown, not counted.",
            alike_rows,
        ),
        power_table(decided),
    )
    text = "\n".join(as_markdown(table) for table in tables)
    print(text)
    if arguments.write:
        before, _, after = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after.partition(END)[2]}")
        for paper in read_papers():
            if found := of_papers.get(paper.name):
                pd.DataFrame([asdict(each) for each in found]).to_csv(paper.folder / FILE, index=False)

    wrong = [
        (f"{each.cell}, {side}", events, each.trials)
        for each in errors
        for side in SIDES
        if (events := getattr(each, side)) is not None
    ]
    missed = [(str(each.cell), each.misses, each.trials) for each in coverage]
    hasty = [(f"{each.cell}, decided", each.decided, each.trials) for each in [*alike, *wider]]
    hasty += [(f"{each.cell}, equivalent", each.decided, each.trials) for each in called]
    steady = [each for each in alike_rows if each.cell.spread == 1]
    hasty += [(f"{each.cell}, better or worse", each.decided, each.trials) for each in steady]
    faults = too_many([*wrong, *hasty], LEVEL) + too_many(missed, 1 - LEAST_COVERAGE)
    print(
        f"{len(wrong + hasty)} counts of verdicts, {len(missed)} of intervals; {time.perf_counter() - begun:.0f} s",
        file=sys.stderr,
    )
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
