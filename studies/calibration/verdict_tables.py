"""Wrong verdicts, in cells and tables: of worlds, unequal spread, lost runs, curves, printed values; and right ones."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from studies.calibration import curves, verdicts
from studies.calibration.noise import KINDS
from studies.calibration.verdicts import Errors
from suite.table import Cell, Table

DEVIATIONS = (0.1, 0.3, 0.6)
OF_VERDICTS = (3, 5, 10)
PLACES = (1, 6, 25, 50)
"""Environments."""


def verdict_cells() -> list[verdicts.Cell]:
    """Return every combination whose wrong verdicts are counted."""
    return [
        verdicts.Cell(world, *values)
        for world in [*verdicts.WORLDS, *verdicts.ALONE]
        for values in product((1,) if world in verdicts.ALONE else PLACES, KINDS, DEVIATIONS, OF_VERDICTS)
    ]


SMALLER = (0.15, 0.3)
"""Deviations of the entry that varies half as much. At the larger one skewed noise errs: shown, not counted."""
UNEQUAL = ("better: half x5, the rest equal", "better: most barely, the rest x0.2", "time: one environment holds 80 %")


def spread_cells() -> list[verdicts.Cell]:
    """Return combinations in which the first entry varies twice as much."""
    return [
        verdicts.Cell(world, *values, spread=2.0)
        for world in [*UNEQUAL, *verdicts.ALONE]
        for values in product((1,) if world in verdicts.ALONE else PLACES, KINDS, SMALLER, OF_VERDICTS)
    ]


def lost_cells() -> list[verdicts.Cell]:
    """Return combinations in which the first entry's two worst of five runs diverge, in half of the places or all."""
    return [
        verdicts.Cell(world, *values, lost=share)
        for share in (0.5, 1.0)
        for world in (
            "better: half x5, the rest equal",
            "comparable: half x5, the rest x0.9",
            "median ratio: fewer than half x5, the rest equal",
        )
        for values in product(PLACES, KINDS, (0.3,), (5,))
    ]


def curve_cells() -> list[curves.Cell]:
    """Return every combination of learning curves."""
    return [
        curves.Cell(shape, environments, horizon, times, same, noise, 5 if environments == 1 else 3)
        for shape, environments, horizon, times, same, noise in product(
            curves.SHAPES, curves.ENVIRONMENTS, curves.HORIZONS, (2.0, 20.0), (True, False), (0.05,)
        )
    ]


SIDES = ("reproduced", "not_reproduced")


def verdict_table(errors: Sequence[Errors[verdicts.Cell]]) -> Table:
    """Return the largest share of a wrong verdict over deviations and seeds, by world, environments and noise."""
    rows: list[tuple[Cell, ...]] = []
    for world in [*verdicts.WORLDS, *verdicts.ALONE]:
        for environments in (1,) if world in verdicts.ALONE else PLACES:
            here = [each for each in errors if (each.cell.world, each.cell.environments) == (world, environments)]
            cells = [_worst([each for each in here if each.cell.noise == noise]) for noise in KINDS]
            rows.append((world, environments, *cells, _withheld(here)))
    return Table(
        "verdicts",
        "Wrong verdicts, % of trials",
        {"world": "statement, and what is true", "environments": "environments"}
        | {noise: noise for noise in KINDS}
        | {"withheld": "withheld, % at 10 / 30 / 60 %"},
        tuple(rows),
        f"{errors[0].trials:,} trials a cell; of seed deviations of 10, 30 and 60 % and 3, 5 and 10 seeds the cell "
        "with the most: the largest of nine at 5 % comes out well above it. Where a world is the boundary itself, the "
        "larger of both verdicts. Barely: by one in a million.",
    )


def spread_table(errors: Sequence[Errors[verdicts.Cell]], smaller: float) -> Table:
    """Return wrong verdicts where the first entry varies twice as much, by seeds."""
    errors = [each for each in errors if each.cell.deviation == smaller]
    rows: list[tuple[Cell, ...]] = []
    for world in [*UNEQUAL, *verdicts.ALONE]:
        for environments in (1,) if world in verdicts.ALONE else PLACES:
            here = [each for each in errors if (each.cell.world, each.cell.environments) == (world, environments)]
            cells = [_worst([each for each in here if each.cell.seeds == seeds]) for seeds in OF_VERDICTS]
            shares = [
                _silent(some) for seeds in OF_VERDICTS if (some := [each for each in here if each.cell.seeds == seeds])
            ]
            rows.append((world, environments, *cells, " / ".join(shares)))
    return Table(
        "spread",
        "The same where the first entry varies twice as much over seeds: "
        f"{200 * smaller:g} % against {100 * smaller:g} %",
        {"world": "statement, and what is true", "environments": "environments"}
        | {f"seeds_{seeds}": f"{seeds} seeds" for seeds in OF_VERDICTS}
        | {"withheld": "withheld, %"},
        tuple(rows),
        f"{errors[0].trials:,} trials a cell; of {len(KINDS)} kinds of noise the one with the most."
        + " Shown, not counted: where the noise is skewed, no test of means is right." * (smaller != SMALLER[0]),
    )


def lost_table(errors: Sequence[Errors[verdicts.Cell]]) -> Table:
    """Return wrong verdicts where the two worst runs of the first entry diverge."""
    rows: list[tuple[Cell, ...]] = []
    for world in dict.fromkeys(each.cell.world for each in errors):
        for environments in PLACES:
            here = [each for each in errors if (each.cell.world, each.cell.environments) == (world, environments)]
            cells = [_worst([each for each in here if each.cell.lost == share]) for share in (0.5, 1.0)]
            rows.append((world, environments, *cells))
    return Table(
        "lost",
        "The same where the first entry's two worst of five runs diverge",
        {
            "world": "statement, and what is true",
            "environments": "environments",
            "half": "in half of the environments",
            "all": "in all",
        },
        tuple(rows),
        f"{errors[0].trials:,} trials a cell, deviations of 30 %; of {len(KINDS)} kinds of noise the worst.",
    )


def curve_table(errors: Sequence[Errors[curves.Cell]]) -> Table:
    """Return wrong verdicts on fewer steps, of learning curves."""
    rows: list[tuple[Cell, ...]] = []
    for shape, environments in product(curves.SHAPES, curves.ENVIRONMENTS):
        cells = []
        for horizon in curves.HORIZONS:
            here = [
                each
                for each in errors
                if (each.cell.shape, each.cell.environments, each.cell.horizon) == (shape, environments, horizon)
            ]
            cells.append(f"{_worst(here)} ({_silent(here)})")
        rows.append((shape, environments, *cells))
    return Table(
        "curves",
        "Fewer steps: wrong verdicts at exactly so many times, % of trials (environments that decide nothing, %)",
        {"shape": "curves", "environments": "environments"}
        | {f"horizon_{horizon:g}": f"trained for {horizon:g}" for horizon in curves.HORIZONS},
        tuple(rows),
        f"{errors[0].trials:,} trials a cell. Curves of the second entry rise until 1; the first's are the same, 2 or "
        "20 times faster, of the same budget or of one so many times smaller, with noise of 5 % of the gain on "
        "each of 50 evaluations, 3 or 5 seeds: the cell with the most.",
    )


DECISIVE = {
    "better in most": verdicts.BETTER,
    "better or comparable in most": verdicts.COMPARABLE,
    "mean ratio above one": verdicts.MEAN,
}
"""Statements that three seeds have to show where they are true by far."""


@dataclass(frozen=True)
class Shown:
    """A true statement that should be found to be true."""

    statement: str
    noise: str
    trials: int
    missed: int
    """Trials that do not show it."""


def shown(statement: str, noise: str, trials: int) -> Shown:
    """Judge three seeds on 50 environments where the first entry is twice as good, seed deviation 30 %."""
    cell = verdicts.Cell(statement, 50, noise, 0.3, 3)
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    means = verdicts.of_two(cell.environments, 2, 2)
    directions, _ = verdicts.judged(DECISIVE[statement], means, None, cell, generator, trials)
    return Shown(statement, noise, trials, int((directions != 1).sum()))


def decisive_table(found: Sequence[Shown]) -> Table:
    """Return how often three seeds show what is true by far."""
    shares = {(each.statement, each.noise): 100 * (1 - each.missed / each.trials) for each in found}
    return Table(
        "decisive",
        "Rightly reproduced: twice as good on 50 environments, % of trials",
        {"statement": "statement"} | {noise: noise for noise in KINDS},
        tuple((name, *(shares[name, noise] for noise in KINDS)) for name in DECISIVE),
        f"{found[0].trials:,} trials a cell, three seeds, deviations of 30 %. The others are withheld: spreads seem to "
        "differ, or runs to vary by more than 40 %. Normal noise is counted: 95 % are asked for.",
        decimals=1,
    )


def print_table(trials: int) -> Table:
    """Return how often a printed value is called compatible, or not."""
    rows: list[tuple[Cell, ...]] = []
    for deviation, seeds in product((0.05, 0.1, 0.3), (3, 5, 10)):
        found = [verdicts.prints(seeds, deviation, away, "normal", trials) for away in (0.0, -0.25, -0.5)]
        cells = [f"{100 * fits:.0f} / {100 * fails:.0f}" for fits, fails in found]
        rows.append((f"{100 * deviation:g} %", seeds, *cells))
    return Table(
        "prints",
        "A printed value of one run: called compatible / not compatible, % of trials",
        {
            "deviation": "deviation over seeds, of the gain",
            "seeds": "seeds",
            "same": "the print is of the same distribution",
            "quarter": "of a quarter of the gain less",
            "half": "of half of the gain less",
        },
        tuple(rows),
        f"{trials:,} trials a cell, normal noise.",
    )


def _worst(errors: Sequence[Errors[Any]]) -> str:
    return f"{100 * max(each.worst for each in errors):.1f}"


def _silent(errors: Sequence[Errors[Any]]) -> str:
    return f"{100 * sum(each.silent * each.trials for each in errors) / sum(each.trials for each in errors):.0f}"


def _withheld(errors: Sequence[Errors[verdicts.Cell]]) -> str:
    return " / ".join(
        _silent(some)
        for deviation in DEVIATIONS
        if (some := [each for each in errors if each.cell.deviation == deviation])
    )
