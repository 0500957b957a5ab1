"""What can be checked of a paper's numbers against its own tables: one class a kind of check.

A check is data (`audit.yaml`): which printed numbers, which table, under which rule. It finds what the tables say,
tells its rule, and whether the print holds. The words may be the folder's own; numbers come in by name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from suite.analysis import comparisons
from suite.errors import UsageError, unknown
from suite.papers.folder import Folder, Printed, PrintedTable, Unit, agrees, decimals, exact
from suite.papers.quantities import AVERAGES, Average, Quantity, scale
from suite.papers.schema import Strict, Text

Verdict = Literal["holds", "contradicted", "not derivable"]
Value = int | float | str

GROUP_CODES = {"better": 1, "comparable": 0, "worse": -1}


@dataclass(frozen=True)
class Found:
    """What a check finds, with its own words for it."""

    holds: bool | None
    """None: nothing printed decides."""
    recomputed: str
    rule: str
    explanation: str
    values: Mapping[str, Value] = field(default_factory=dict)
    """What the folder's own words may name."""

    @property
    def verdict(self) -> Verdict:
        """What is said of the print."""
        return "not derivable" if self.holds is None else "holds" if self.holds else "contradicted"


class Check(Strict, ABC):
    """One printed statement, or one thing that its tables have to be, and how it is checked."""

    claim: Text
    where: Text
    published: dict[Text, Printed] = Field(default_factory=dict)
    recomputed: Text | None = None
    rule: Text | None = None
    explanation: Text | dict[Verdict, Text] | None = None

    @abstractmethod
    def find(self, paper: Folder) -> Found:
        """Recompute what is printed.

        Raises
        ------
        UsageError
            If the paper has no such table, column or row.
        """

    def _columns(self, table: PrintedTable) -> list[str]:
        """Return the columns that the printed numbers speak of."""
        return [name for name in self.published if table.column(name)]


class Aggregate(Check):
    """The mean, median, sum or an extreme of each column."""

    check: Literal["aggregate"]
    table: Text
    of: Average = "mean"
    unit: Unit | None = None
    """What is printed is in; by default the table's."""

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


class Condition(Strict):
    """What a row has to be to be counted."""

    column: Text
    relation: Literal["above", "below", "at least", "at most", "equal to"]
    than: Text | Annotated[list[Text], Field(min_length=1)]
    """A column, several (all of them), a number, or the text of a column of texts."""

    def holds(self, table: PrintedTable) -> list[bool]:
        """Tell of each row whether it counts."""
        others = [self.than] if isinstance(self.than, str) else self.than
        if self.column in table.about.texts:
            return [cell == self.than for cell in table.column(self.column, numbers=False)]
        ours = table.exact(self.column)
        found = [True] * len(ours)
        for other in others:
            try:
                theirs = [exact(other)] * len(ours)
            except ValueError:
                theirs = table.exact(other)
            found = [each and self._compare(x, y) for each, x, y in zip(found, ours, theirs, strict=True)]
        return found

    def _compare(self, x: Fraction, y: Fraction) -> bool:
        compared = {"above": x > y, "below": x < y, "at least": x >= y, "at most": x <= y, "equal to": x == y}
        return compared[self.relation]


class Count(Check):
    """In how many rows a condition holds."""

    check: Literal["count"]
    table: Text
    counts: Annotated[dict[Text, Condition], Field(min_length=1)]
    """A condition for each printed count."""

    @model_validator(mode="after")
    def _each_has_a_condition(self) -> Count:
        for name in self.published.keys() ^ self.counts.keys():
            raise ValueError(f"counts: {name!r} must be both in published and in counts")
        return self

    def find(self, paper: Folder) -> Found:
        """Count the rows of each condition."""
        table = paper.table(self.table)
        counts = {name: sum(self.counts[name].holds(table)) for name in self.published}
        wrong = [name for name, count in counts.items() if not agrees(self.published[name], count)]
        return Found(
            not wrong,
            f"{' and '.join(str(count) for count in counts.values())} of {len(table.rows)}",
            "; ".join(
                f"{name}: rows of {table.about.title} with {each.column} {each.relation} "
                + (each.than if isinstance(each.than, str) else " and ".join(each.than))
                for name, each in self.counts.items()
            ),
            f"{table.about.title} gives " + ", ".join(f"{name} {count}" for name, count in counts.items()) + ".",
            {**counts, "rows": len(table.rows)},
        )


class Wins(Check):
    """How often each entry has the highest number of a row, under each way to credit ties."""

    check: Literal["wins"]
    table: Text
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Count wins; where ties decide, find who must be credited for the print to come out."""
        table = paper.table(self.table)
        columns = self._columns(table)
        returns = np.stack([table.numbers(name) for name in columns], axis=1)
        returns = returns if self.best == "highest" else -returns
        listed = {
            ties: " / ".join(f"{count:g}" for count in comparisons.wins(returns, ties))
            for ties in ("nobody", "everybody")
        }
        assignments = comparisons.tie_holders(returns, np.array([float(self.published[name]) for name in columns]))
        credited = " or ".join(
            f"{table.rows[row]} to {columns[holder]}" for each in assignments for row, holder in each.items()
        )
        sharers = int((returns == returns.max(axis=1, keepdims=True)).sum(axis=1).max())
        rule = f"{self.best} number of the row"
        if not assignments:
            explanation = "No way to credit the ties gives the printed counts."
        elif credited:
            rule = f"{rule}; tie of {credited} alone"
            explanation = f"Holds only if the {sharers}-way tie is credited so ({credited}, nobody else)."
        else:
            explanation = "Every count is as printed; nothing is tied."
        return Found(
            bool(assignments),
            f"{listed['nobody']} with ties to nobody, {listed['everybody']} with ties to everybody",
            rule,
            explanation,
            {"sharers": sharers, "credited": credited},
        )


class Groups(Check):
    """Better, comparable and worse rows, for any failure threshold under which they come out as printed."""

    check: Literal["groups"]
    table: Text
    ours: Text
    baseline: Text
    group: Text
    """The column that says which group each row is printed in."""

    @field_validator("published")
    @classmethod
    def _all_groups(cls, published: dict[str, str]) -> dict[str, str]:
        if set(published) != set(GROUP_CODES):
            raise ValueError(f"must give {', '.join(GROUP_CODES)}")
        return published

    def find(self, paper: Folder) -> Found:
        """Find the thresholds that put every row in its printed group."""
        table = paper.table(self.table)
        printed = table.column(self.group, numbers=False)
        for row, text in zip(table.rows, printed, strict=True):
            if text not in GROUP_CODES:
                raise UsageError(f"{table.file}: {row}: {unknown(self.group, text, GROUP_CODES)}")
        ours, baseline = table.numbers(self.ours), table.numbers(self.baseline)
        found = comparisons.failure_range(ours, baseline, np.array([GROUP_CODES[text] for text in printed]))
        codes = comparisons.groups(ours, baseline, found[0] if found else 0.0)
        counts = {name: int((codes == code).sum()) for name, code in GROUP_CODES.items()}
        met = all(agrees(self.published[name], count) for name, count in counts.items())
        unit = f" {table.about.unit.removesuffix('s')}" if table.about.unit else ""
        if not found:
            explanation = "No failure threshold gives the printed groups."
        elif not met:
            explanation = "The printed groups are not as many as is printed."
        else:
            explanation = (
                f"Every environment lands in its printed group for a failure threshold anywhere in [{found[0]:g}, "
                f"{found[1]:g}){unit}; the paper prints none."
            )
        return Found(
            found is not None and met,
            f"{' / '.join(str(count) for count in counts.values())}; {counts['better'] + counts['comparable']} of "
            f"{len(table.rows)}",
            f"better if higher; else comparable if at least {100 * comparisons.COMPARABLE_SHARE:g} % of the baseline, "
            "or if both stay at or below a failure threshold; else worse",
            explanation,
            {**counts, "rows": len(table.rows)},
        )


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
            f"The parts give other numbers for {', '.join(wrong)}." if wrong else "The parts give these.",
            {name: float(value) for name, value in values.items()}
            | {"largest": max(values, key=lambda name: values[name])},
        )


class Schedule(Check):
    """What a schedule adds up to, against a budget: something at first, then the same in every round."""

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


class Marks(Check):
    """Whether the best number of each row is the one that is marked as such."""

    check: Literal["marks"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=2)]
    marked: Text
    """The column of texts that says which column is marked, or which ones, with commas."""
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Compare the marks of every row with its best numbers."""
        table = paper.table(self.table)
        numbers = [table.exact(name) for name in self.columns]
        wrong = []
        for index, text in enumerate(table.column(self.marked, numbers=False)):
            row = {name: column[index] for name, column in zip(self.columns, numbers, strict=True)}
            best = max(row.values()) if self.best == "highest" else min(row.values())
            if {mark.strip() for mark in text.split(",")} != {name for name, value in row.items() if value == best}:
                wrong.append(table.rows[index])
        return _all_but(wrong, len(table.rows), f"the {self.best} number of each row is marked, and all that share it")


class Ranks(Check):
    """Whether ranks are in the order of what they rank; equal numbers may be in any order."""

    check: Literal["ranks"]
    table: Text
    of: Text
    rank: Text
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Compare every row's rank with how many are better, and how many are as good."""
        table = paper.table(self.table)
        numbers = table.exact(self.of)
        wrong = []
        for row, number, rank in zip(table.rows, numbers, table.exact(self.rank), strict=True):
            better = sum(other > number if self.best == "highest" else other < number for other in numbers)
            if not better + 1 <= rank <= better + numbers.count(number):
                wrong.append(row)
        return _all_but(wrong, len(table.rows), f"rank 1 is the {self.best} {self.of}")


class Same(Check):
    """Whether numbers that are printed in several places are the same, at the precision that the places share."""

    check: Literal["same"]
    numbers: list[Quantity] = Field(default_factory=list)
    tables: dict[Text, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)
    """Table -> columns: the same rows have to hold the same numbers, column by column."""

    @model_validator(mode="after")
    def _two_places(self) -> Same:
        if max(len(self.numbers), len(self.tables)) < 2 or (self.numbers and self.tables):
            raise ValueError("takes at least two numbers, or at least two tables")
        if len({len(columns) for columns in self.tables.values()}) > 1:
            raise ValueError("tables: must name equally many columns")
        return self

    def find(self, paper: Folder) -> Found:
        """Compare every place with every other."""
        if self.numbers:
            printed = {number.name: number.printed(paper) for number in self.numbers}
            computed = [number.value(paper) for number in self.numbers]
            texts = [text if text is not None else str(float(computed[at])) for at, text in enumerate(printed.values())]
            places = {"the number": texts}
        else:
            columns = {
                key: [dict(zip(paper.table(key).rows, paper.table(key).column(name), strict=True)) for name in names]
                for key, names in self.tables.items()
            }
            first, *others = columns.values()
            places = {
                f"{row} {name}": [table[at][row] for table in columns.values()]
                for at, name in enumerate(next(iter(self.tables.values())))
                for row in first[at]
                if all(row in table[at] for table in others)
            }
            if not places:
                raise UsageError(f"tables: {', '.join(columns)}: share no row")
        wrong = [name for name, texts in places.items() if not _alike(texts)]
        where = [number.name for number in self.numbers] or [paper.table(key).about.title for key in self.tables]
        return _all_but(wrong, len(places), f"printed alike in {' and '.join(where)}", "numbers")


def _alike(texts: Sequence[str]) -> bool:
    """Tell whether printed numbers round to the one that is printed with the fewest decimals."""
    coarsest = min(texts, key=lambda text: decimals([text]))
    return all(agrees(coarsest, exact(text)) for text in texts)


class Duplicates(Check):
    """Whether any two rows, or any two columns, hold the same numbers throughout."""

    check: Literal["duplicates"]
    table: Text
    across: Literal["rows", "columns"]

    def find(self, paper: Folder) -> Found:
        """Compare every one with every other."""
        table = paper.table(self.table)
        numbers = {name: table.exact(name) for name in table.number_columns}
        lines = (
            numbers
            if self.across == "columns"
            else dict(zip(table.rows, zip(*numbers.values(), strict=True), strict=True))
        )
        names = list(lines)
        pairs = [
            f"{one} and {other}"
            for at, one in enumerate(names)
            for other in names[at + 1 :]
            if list(lines[one]) == list(lines[other])
        ]
        return Found(
            not pairs,
            f"{len(pairs)} pairs of {self.across} are the same",
            f"no two {self.across} of {table.about.title} hold the same numbers throughout",
            f"The same: {'; '.join(pairs)}." if pairs else "All differ.",
            {"pairs": "; ".join(pairs)},
        )


class Bounds(Check):
    """Whether numbers lie where they can lie."""

    check: Literal["bounds"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=1)]
    low: Printed | None = None
    high: Printed | None = None

    def find(self, paper: Folder) -> Found:
        """Look at every cell."""
        table = paper.table(self.table)
        cells = [
            (row, name, number)
            for name in self.columns
            for row, number in zip(table.rows, table.exact(name), strict=True)
        ]
        wrong = [
            f"{row} {name}"
            for row, name, number in cells
            if (self.low is not None and number < exact(self.low))
            or (self.high is not None and number > exact(self.high))
        ]
        ends = [f"at least {self.low}"] * (self.low is not None) + [f"at most {self.high}"] * (self.high is not None)
        return _all_but(wrong, len(cells), f"every number of {table.about.title} is {' and '.join(ends)}", "numbers")


def _all_but(wrong: Sequence[str], total: int, rule: str, of: str = "rows") -> Found:
    """Say in how many places a rule is kept, and where it is not."""
    return Found(
        not wrong,
        f"{total - len(wrong)} of {total} {of}",
        rule,
        f"Not so: {', '.join(wrong)}." if wrong else "So throughout.",
        {"wrong": len(wrong), "total": total},
    )


class Cited(Check):
    """A number that the paper takes from elsewhere, against what is there."""

    check: Literal["cited"]
    cited: dict[Text, Printed]
    source: Text
    """Where it is taken from."""

    @model_validator(mode="after")
    def _both(self) -> Cited:
        for name in self.published.keys() ^ self.cited.keys():
            raise ValueError(f"cited: {name!r} must be both in published and in cited")
        return self

    def find(self, paper: Folder) -> Found:
        """Compare at the printed precision."""
        wrong = [name for name, printed in self.published.items() if not agrees(printed, exact(self.cited[name]))]
        times = {
            f"{name} times": float(exact(printed) / exact(self.cited[name]))
            for name, printed in self.published.items()
            if exact(self.cited[name])
        }
        return Found(
            not wrong,
            ", ".join(f"{name} {value}" for name, value in self.cited.items()) + f" in {self.source}",
            "the same number in the source",
            f"The source has other numbers for {', '.join(wrong)}." if wrong else "Agrees with the source.",
            {**self.cited, **times},
        )


class NotDerivable(Check):
    """A statement that nothing printed decides."""

    check: Literal["not derivable"]
    published: dict[Text, Text] = Field(default_factory=dict)
    needs: Text
    """What would have to be printed."""

    def find(self, paper: Folder) -> Found:
        """Say what is missing."""
        return Found(None, "–", f"needs {self.needs}", "Nothing printed decides it.")
