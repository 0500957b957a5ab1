"""Checks of single numbers that a paper prints: aggregates of columns, gains, ratios, what a schedule adds up to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from suite.analysis import comparisons
from suite.errors import UsageError, unknown
from suite.papers.checks.check import Check, Found, Value
from suite.papers.folder import Folder, Printed, Unit, agrees, decimals, exact
from suite.papers.quantities import AVERAGES, Average, Quantity, scale
from suite.schema import Text


class Aggregate(Check):
    """The mean, median, sum or an extreme of each column."""

    check: Literal["aggregate"]
    table: Text
    of: Average = "mean"
    unit: Unit | None = None
    """The unit of what is printed; by default the table's."""

    def find(self, paper: Folder) -> Found:
        """Compare each column's aggregate with the print."""
        table = paper.table(self.table)
        factor = scale(table, self.unit)
        values = {name: factor * AVERAGES[self.of](table.exact(name)) for name in self._columns(table)}
        digits = decimals(self.published.values())
        listed = ", ".join(f"{name} {float(value):.{digits}f}" for name, value in values.items())
        apart = [name for name, value in values.items() if not agrees(self.published[name], value)]
        return Found(
            not apart,
            listed,
            f"{self.of} over the {len(table.rows)} rows of {table.about.title}" + (f", {self.unit}" * bool(self.unit)),
            f"The rows give other numbers for {', '.join(apart)}." if apart else "The rows give what is printed.",
            {name: float(value) for name, value in values.items()}
            | {"rows": len(table.rows)}
            | _ratios(list(values.values()), [exact(printed) for printed in self.published.values()]),
        )


def _ratios(values: Sequence[Fraction], printed: Sequence[Fraction]) -> dict[str, Value]:
    """Return the ratio of the first two numbers, as computed and as printed, where there is one."""
    if len(values) < 2 or not values[1] or not printed[1]:
        return {}
    return {"ratio": float(values[0] / values[1]), "printed ratio": float(printed[0] / printed[1])}


class Gain(Check):
    """Mean and median ratio of one entry to another, under every definition at hand."""

    check: Literal["gain"]
    table: Text
    ours: Text
    baseline: Text
    published: dict[Literal["mean", "median"], Printed]  # type: ignore[assignment]

    def find(self, paper: Folder) -> Found:
        """Find the definitions that give what is printed."""
        table = paper.table(self.table)
        described, matching = [], []
        for rule in comparisons.GAIN_RULES:
            gains = comparisons.relative_gains(table.numbers(self.ours), table.numbers(self.baseline), rule)
            kept = gains[np.isfinite(gains)]
            if not len(kept):
                described.append(f"undefined ({rule}; 0 environments)")
                continue
            values = {"mean": float(np.mean(kept)), "median": float(np.median(kept))}
            described.append(f"{values['mean']:.3f} / {values['median']:.3f} ({rule}; {len(kept)} environments)")
            if all(agrees(printed, values[name]) for name, printed in self.published.items()):
                matching.append(rule)
        rules = " or ".join(matching) or "none found"
        return Found(
            bool(matching),
            "; ".join(described),
            f"ratio {self.ours} / {self.baseline}: {rules}",
            "Derivable under the definition named." if matching else "No definition tried gives the printed values.",
            {"rules": rules},
        )


TOLD: Mapping[str, Callable[[Fraction], Fraction]] = {
    "ratio": lambda ratio: ratio,
    "percent": lambda ratio: 100 * ratio,
    "percent more": lambda ratio: 100 * (ratio - 1),
    "percent less": lambda ratio: 100 * (1 - ratio),
}


class Ratio(Check):
    """One number as a ratio, or a percentage, of another."""

    check: Literal["ratio"]
    of: Quantity
    to: Quantity
    told: Literal["ratio", "percent", "percent more", "percent less"] = "ratio"
    decides: bool = True
    """False: only the parts are printed, and their ratio is told beside them."""
    published: dict[Text, Text]

    @model_validator(mode="after")
    def _numbers(self) -> Ratio:
        for name, printed in self.published.items():
            try:
                exact(printed)
            except ValueError:
                if self.decides:
                    raise ValueError(f"published: {name}: {printed!r} must be a number") from None
        return self

    def find(self, paper: Folder) -> Found:
        """Divide; in each of the columns that the print names, unless the numbers name theirs."""
        values: dict[str, Fraction] = {}
        for name in self.published:
            divisor = self.to.value(paper, name)
            if not divisor:
                raise UsageError(f"{self.to.name}: 0: is what {self.of.name} is to be divided by")
            values[name] = TOLD[self.told](self.of.value(paper, name) / divisor)
        digits = max(2, decimals(self.published.values())) if self.decides else 2
        wrong = [name for name, value in values.items() if self.decides and not agrees(self.published[name], value)]
        return Found(
            not wrong if self.decides else None,
            ", ".join(f"{name} {float(value):.{digits}f}" for name, value in values.items()),
            f"{self.of.name} to {self.to.name}, as {self.told}",
            f"The parts give other numbers for {', '.join(wrong)}." if wrong else "The parts give the printed numbers.",
            {name: float(value) for name, value in values.items()}
            | {"largest": max(values, key=lambda name: values[name])},
        )


class Schedule(Check):
    """Compare the sum of a schedule with a budget: something at first, then the same in every round."""

    check: Literal["schedule"]
    numbers: dict[Text, Quantity]
    first: list[list[Text]] = Field(default_factory=list)
    """Products of numbers, spent once."""
    each: Annotated[list[list[Text]], Field(min_length=1)]
    """Products of numbers, spent every round."""
    rounds: Text
    """The printed number of rounds."""
    budget: Text
    """The printed total."""

    @model_validator(mode="after")
    def _names(self) -> Schedule:
        for product in (*self.first, *self.each):
            for name in product:
                if name not in self.numbers:
                    raise ValueError(unknown("number", name, self.numbers))
        for name in (self.rounds, self.budget):
            if name not in self.published:
                raise ValueError(unknown("published number", name, self.published))
        return self

    def find(self, paper: Folder) -> Found:
        """Add the schedule up."""

        def spent(products: Sequence[Sequence[str]]) -> Fraction:
            return sum(
                (
                    math.prod((self.numbers[name].value(paper) for name in product), start=Fraction(1))
                    for product in products
                ),
                Fraction(),
            )

        first, each = spent(self.first), spent(self.each)
        rounds, budget = (exact(self.published[name]) for name in (self.rounds, self.budget))
        total = first + rounds * each
        reached = float((budget - first) / each) if each else float("inf")
        return Found(
            agrees(self.published[self.budget], total),
            f"{_whole(total):,} {self.budget} in {_whole(rounds):g} {self.rounds}; {_whole(budget):,} at {reached:.1f}",
            f"{_sum(self.first)} at first, then {_sum(self.each)} in each of the {self.rounds}",
            f"{_whole(first):,} at first and {_whole(rounds):g} times {_whole(each):,} add up to {_whole(total):,}.",
            {
                "first": _whole(first),
                "each": _whole(each),
                "rounds": _whole(rounds),
                "total": _whole(total),
                "reached": reached,
            },
        )


def _whole(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _sum(products: Sequence[Sequence[str]]) -> str:
    return " + ".join(" x ".join(product) for product in products) or "nothing"
