"""The calibration of the judge: `python -m studies.calibration [--only verdicts] [--trials 2000] [--write]`.

Prints, as Markdown, how often each wrong verdict falls along the boundary of each statement, how often what is true by
far is shown, how often adaptive seeds find a difference between entries of which neither is better, how often each
interval holds the true value, how often comparisons are wrong, and what three seeds decide.
Ends with 1 if a verdict falls in more than 5 % of trials, or an interval covers less than 90 %, beyond chance (Holm's
correction for the number of cells). Not to end so shows little where trials are few: each group also says what rate no
cell exceeds (Bonferroni's correction for the number of cells).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from studies.calibration import curves, equivalence, intervals, sequential, verdict_tables, verdicts
from studies.calibration.noise import KINDS
from studies.calibration.power import power
from suite.analysis.hypotheses import LEVEL, SEEDS_TRIED
from suite.papers.paper import read_papers
from suite.papers.power import FILE, Power
from suite.table import Cell, Table, as_markdown

DOCUMENT = Path("docs/statistics-error-rates.md")
SEEDS = (2, 3, 5, 10)
ENVIRONMENTS = (1, 6, 50)
LEAST_COVERAGE = 0.9
FAMILY = 0.05
"""Error rate of all cells together: how often one is called too high although none is."""


def interval_cells() -> list[intervals.Cell]:
    """Return every combination whose coverage is counted."""
    return [
        intervals.Cell(interval, *values)
        for interval in intervals.INTERVALS
        for values in product(
            (1,) if interval in intervals.ONE_ENVIRONMENT else ENVIRONMENTS, KINDS, intervals.DEVIATIONS, SEEDS
        )
    ]


Count = tuple[str, int, int]
"""Name of a cell, events, trials."""


def too_many(counts: Sequence[Count], level: float) -> list[str]:
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


def upper_bound(counts: Sequence[Count]) -> float:
    """Return a rate that no cell exceeds, in 95 % of calibrations.

    Clopper and Pearson's bounds with Bonferroni's correction for the number of cells.

    Parameters
    ----------
    counts : of each cell the name, events and trials.
    """
    tail = FAMILY / len(counts)
    return max(
        float(stats.beta.ppf(1 - tail, events + 1, trials - events)) if events < trials else 1.0
        for _, events, trials in counts
    )


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
        f"{found[0].trials:,} trials a cell; of four kinds of noise and seed deviations of 10, 30 and 50 % the one "
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
        intervals.Cell("score of an entry", 1, "failing", *values) for values in product(intervals.DEVIATIONS, SEEDS)
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
        f"{found[0].trials:,} trials a cell; all entries with one distribution; {SCHEME}.",
    )


def wider_table(found: Sequence[sequential.Decided]) -> Table:
    """Return how often entries are decided of which one varies more, though neither tends to be higher."""
    shares = {(each.cell.spread, each.cell.noise): each for each in found}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{spread:g}",
            *(f"{100 * shares[spread, noise].decided / shares[spread, noise].trials:.1f}" for noise in KINDS),
        )
        for spread in sequential.SPREADS[1:]
    )
    return Table(
        "wider",
        "Adaptive seeds: the same where one entry varies more, so many times",
        {"spread": "times"} | {name: name for name in KINDS},
        rows,
        f"{found[0].trials:,} trials a cell; {found[0].cell.comparisons} environments; neither entry tends to be "
        f"higher; {SCHEME}.",
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


@dataclass(frozen=True)
class Found:
    """The findings of a group of tables."""

    tables: list[Table]
    counts: list[Count] = field(default_factory=list)
    """Counts of what should be no more frequent than a level."""
    level: float = LEVEL
    events: str = "wrong decisions"
    """Words for what is counted."""
    powers: dict[str, list[Power]] = field(default_factory=dict)
    """Rows of `power.csv`, by paper."""

    @property
    def text(self) -> str:
        """The tables as Markdown, and what they show together."""
        tables = "\n".join(as_markdown(table) for table in self.tables)
        if not self.counts:
            return tables
        bound = f"{self.events} is at most {100 * upper_bound(self.counts):.1f} %"
        for_all = f"for each of {len(self.counts):,} counted rates, with 95 % confidence for all together"
        return f"{tables}\nThe rate of {bound} {for_all}.\n"


Group = Callable[[ProcessPoolExecutor, int], Found]
"""Pool, trials -> what was found."""


def of_verdicts(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count wrong verdicts."""
    # What takes longest comes first, so that the processes end together.
    slowest_first = sorted(verdict_tables.verdict_cells(), key=lambda cell: -cell.environments * cell.seeds)
    errors = list(pool.map(partial(verdicts.count, trials=trials // 2), slowest_first))
    unequal = list(pool.map(partial(verdicts.count, trials=2 * trials), verdict_tables.spread_cells()))
    lost = list(pool.map(partial(verdicts.count, trials=2 * trials), verdict_tables.lost_cells()))
    usual = [each for each in unequal if each.cell.deviation == verdict_tables.SMALLER[0]]
    tables = [
        verdict_tables.verdict_table(errors),
        *(verdict_tables.spread_table(unequal, smaller) for smaller in verdict_tables.SMALLER),
        verdict_tables.lost_table(lost),
        verdict_tables.print_table(trials),
    ]
    return Found(tables, wrong([*errors, *usual, *lost]))


def of_curves(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count wrong verdicts on fewer steps."""
    steps = list(pool.map(partial(curves.count, trials=max(1, trials // 5)), verdict_tables.curve_cells()))
    return Found([verdict_tables.curve_table(steps)], wrong(steps))


def wrong(every: Sequence[verdicts.Errors[Any]]) -> list[Count]:
    """Return the counts of wrong verdicts, on either side."""
    return [
        (f"{each.cell}, {side}", getattr(each, side), each.trials) for each in every for side in verdict_tables.SIDES
    ]


def of_decisive_runs(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count how often three seeds show what is true by far."""
    cells = list(product(verdict_tables.DECISIVE, KINDS))
    found = list(pool.map(partial(verdict_tables.shown, trials=trials), *zip(*cells, strict=True)))
    missed = [(each.statement, each.missed, each.trials) for each in found if each.noise == "normal"]
    return Found([verdict_tables.decisive_table(found)], missed, events="trials that show nothing")


def of_adaptive_seeds(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count wrong decisions of adaptive seeds, and right ones."""
    alike = list(pool.map(partial(sequential.identical, trials=trials), identical_cells()[::-1]))
    wider = list(pool.map(partial(sequential.identical, trials=trials), unequal_cells()))
    apart = list(pool.map(partial(sequential.different, trials=trials // 4), difference_cells()))
    hasty = [(f"{each.cell}, decided", each.decided, each.trials) for each in [*alike, *wider]]
    return Found([identical_table(alike), wider_table(wider), difference_table(apart)], hasty)


def of_intervals(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count how often intervals cover."""
    coverage = list(pool.map(partial(intervals.covered, trials=trials), interval_cells(), chunksize=4))
    failing = list(pool.map(partial(intervals.covered, trials=trials), failing_cells()))
    missed = [(str(each.cell), each.misses, each.trials) for each in coverage]
    tables = [coverage_table(coverage), failing_table(failing)]
    return Found(tables, missed, 1 - LEAST_COVERAGE, "intervals that do not cover")


def of_comparisons(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count wrong decisions of comparisons, and right ones."""
    called, right, alike_rows = (
        list(pool.map(partial(count, trials=2 * trials), cells, chunksize=8))
        for count, cells in (
            (equivalence.equivalent, equivalence.boundary_cells()),
            (equivalence.equivalent, equivalence.equal_cells()),
            (equivalence.different, equivalence.identical_cells()),
        )
    )
    equal = [each for each in alike_rows if each.cell.spread == 1]
    hasty = [(f"{each.cell}, decided", each.decided, each.trials) for each in [*called, *equal]]
    tables = [
        compared_table(
            "equivalent",
            "Wrongly equivalent: gains 10 % apart, at the margin",
            "Of both sides of the margin and four kinds of noise the one with the most.",
            called,
        ),
        compared_table("equivalent-power", "Rightly equivalent: equal gains, margin 10 %", "Normal noise.", right),
        compared_table(
            "different",
            "Wrongly better or worse in any row: equal means",
            "Of four kinds of noise the one with the most. Where the first varies twice as much, shown, not counted.",
            alike_rows,
        ),
    ]
    return Found(tables, hasty)


def of_power(pool: ProcessPoolExecutor, trials: int) -> Found:
    """Count how often the papers' claims are decided."""
    statements = [
        (paper.name, claim.key, deviation)
        for paper in read_papers()
        for claim in paper.claims
        for deviation in verdict_tables.DEVIATIONS
    ]
    tried = pool.map(partial(power, trials=trials // 2), *zip(*statements, strict=True))
    of_papers: dict[str, list[Power]] = {}
    for (name, _, _), each in zip(statements, tried, strict=True):
        if each is not None:
            of_papers.setdefault(name, []).append(each)
    return Found([power_table([each for found in of_papers.values() for each in found])], powers=of_papers)


GROUPS: dict[str, Group] = {
    "verdicts": of_verdicts,
    "curves": of_curves,
    "decisive": of_decisive_runs,
    "adaptive": of_adaptive_seeds,
    "intervals": of_intervals,
    "comparisons": of_comparisons,
    "power": of_power,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--only", choices=GROUPS, nargs="+", default=list(GROUPS), help="groups of tables; all")
    parser.add_argument(
        "--write", action="store_true", help=f"also write the tables to {DOCUMENT} and to the papers' {FILE}"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="at a time; one a processor")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    faults = []
    with ProcessPoolExecutor(arguments.processes) as pool:
        for name in arguments.only:
            found = GROUPS[name](pool, arguments.trials)
            faults += too_many(found.counts, found.level)
            print(found.text)
            if arguments.write:
                write(name, found)
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)


def write(name: str, found: Found) -> None:
    """Write a group's tables where the document has their place."""
    begin, end = f"<!-- calibration: {name} -->", f"<!-- /calibration: {name} -->"
    before, _, after = DOCUMENT.read_text().partition(begin)
    DOCUMENT.write_text(f"{before}{begin}\n\n{found.text}\n{end}{after.partition(end)[2]}")
    for paper in read_papers():
        if powers := found.powers.get(paper.name):
            pd.DataFrame([asdict(each) for each in powers]).to_csv(paper.folder / FILE, index=False)


if __name__ == "__main__":
    main()
