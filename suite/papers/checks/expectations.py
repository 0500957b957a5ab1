"""Checks of printed means against what can be expected: an exact value, and the error of a mean of so many."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from suite.errors import UsageError
from suite.papers.checks.check import Check, Found
from suite.papers.folder import Folder, PrintedTable, decimals, exact
from suite.papers.quantities import Quantity
from suite.schema import Text

ERRORS = 2
"""Standard errors that chance may account for."""


def rounding(printed: str) -> Fraction:
    """Return half a unit of a printed number's last digit."""
    return Fraction(1, 2 * 10 ** decimals([printed]))


class Expected(Check):
    """Check whether printed means are what can be expected, or no more than that, as far as chance allows."""

    check: Literal["expected"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=1)]
    exact: Text
    """The table of what can be expected; its rows are those that are looked at."""
    value: Text
    """Its column."""
    error: Text | None = None
    """Its column of the standard error of a printed mean; by default there is none."""
    relation: Literal["equal to", "at most"] = "equal to"

    def find(self, paper: Folder) -> Found:
        """Compare every cell with its expectation."""
        table, known = paper.table(self.table), paper.table(self.exact)
        beyond, above, total = [], [], 0
        for row in known.rows:
            value = exact(known.cell(row, self.value))
            error = exact(known.cell(row, self.error)) if self.error else Fraction(0)
            for name in self.columns:
                printed = table.cell(row, name)
                distance, allowed = exact(printed) - value, ERRORS * error + rounding(printed)
                total += 1
                if distance > rounding(printed):
                    above.append(f"{name} {printed} ({row}: {float(value):.2f})")
                if distance > allowed or (self.relation == "equal to" and distance < -allowed):
                    beyond.append(f"{name} {printed} ({row}: {float(value):.2f})")
        chance = f", give or take {ERRORS} standard errors of a printed mean" if self.error else ""
        return Found(
            not beyond,
            f"{total - len(beyond)} of {total} numbers",
            f"{self.relation} the {self.value} of {known.about.title}{chance}",
            f"Exceptions: {'; '.join(beyond)}." if beyond else "No exceptions.",
            {
                "beyond": "; ".join(beyond) or "none",
                "above": "; ".join(above) or "none",
                "wrong": len(beyond),
                "total": total,
            },
        )


class Lead(Check):
    """Check whether one printed mean is higher than another by more than chance."""

    check: Literal["lead"]
    of: Quantity
    over: Quantity
    error: Quantity
    """The standard error of each of them."""

    def find(self, paper: Folder) -> Found:
        """Compare the difference with what two such means differ by anyhow."""
        parts = [(part.value(paper), part.printed(paper)) for part in (self.of, self.over)]
        difference = parts[0][0] - parts[1][0]
        room = sum((rounding(printed) for _, printed in parts if printed is not None), Fraction())
        allowed = ERRORS * 2**0.5 * float(self.error.value(paper)) + float(room)
        holds = True if difference > allowed else False if difference < -allowed else None
        words = {
            True: "The difference is larger than chance and rounding explain.",
            False: "It is lower, by more than chance and rounding explain.",
            None: "Chance and rounding explain a difference of this size: the print does not decide it.",
        }
        return Found(
            holds,
            f"{float(difference):+.2f}; chance and rounding explain up to {allowed:.2f}",
            f"difference above {ERRORS} standard errors of the difference plus rounding",
            words[holds],
            {"difference": float(difference), "allowed": allowed},
        )


class Divisor(Check):
    """The divisors of printed shares, from the totals that they are shares of."""

    check: Literal["divisor"]
    shares: Text
    totals: Text
    columns: Annotated[list[Text], Field(min_length=1)]
    """In both tables; every row of the shares is looked at."""
    exact: Text
    """The table of what they are said to be divided by."""
    value: Text
    error: Text
    """Columns: the value, and its standard error."""
    per: Text
    """What its rows are so many of, by which everything is divided so that rows compare: episodes, of `10 episodes`."""

    def find(self, paper: Folder) -> Found:
        """Compare what each cell implies with the value."""
        known, shares = paper.table(self.exact), paper.table(self.shares)
        implied, low, high, beyond = [], [], [], []
        for row, name, share, total in self._cells(shares, paper.table(self.totals)):
            per = known.counted(row, self.per)
            if exact(share) <= rounding(share) or per <= 0:
                raise UsageError(f"{self.shares}: {row} {name}: {share}: needs a share and a divisor above zero")
            implied.append(exact(total) / exact(share) / per)
            low.append((exact(total) - rounding(total)) / (exact(share) + rounding(share)) / per)
            high.append((exact(total) + rounding(total)) / (exact(share) - rounding(share)) / per)
            value, error = (exact(known.cell(row, column)) / per for column in (self.value, self.error))
            if not low[-1] <= value + ERRORS * error or not high[-1] >= value - ERRORS * error:
                beyond.append(f"{row} {name}")
        one = max(low) <= min(high)
        value = exact(known.cell(known.rows[0], self.value)) / known.counted(known.rows[0], self.per)
        ratio = sum(implied, Fraction()) / len(implied) / value
        return Found(
            not beyond,
            f"{float(min(implied)):.2f} to {float(max(implied)):.2f} in {len(implied)} cells; {self.value} "
            f"{float(value):.2f}",
            f"total / share, against the {self.value} of {known.about.title}, give or take {ERRORS} standard errors",
            f"{len(beyond)} of {len(implied)} cells differ." if beyond else "No exceptions.",
            {
                "lowest": float(min(implied)),
                "highest": float(max(implied)),
                "mean": float(sum(implied, Fraction()) / len(implied)),
                "value": float(value),
                "ratio": float(ratio),
                "cells": len(implied),
                "wrong": len(beyond),
                "one": "one number fits all" if one else "no one number fits all",
            }
            | {
                f"{row} {name}": float(share * ratio)
                for name in shares.number_columns
                for row, share in zip(shares.rows, shares.exact(name), strict=True)
            },
        )

    def _cells(self, shares: PrintedTable, totals: PrintedTable) -> Iterator[tuple[str, str, str, str]]:
        for row in shares.rows:
            for name in self.columns:
                yield row, name, shares.cell(row, name), totals.cell(row, name)
