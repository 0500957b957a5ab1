"""Statistics that claims can name: one class each, with its parameters, its value as papers compute it, and its test.

A claim is data (`claims.yaml`): which statistic, of which entries, on which environments, on which side of a boundary.
"""

from typing import Annotated

from pydantic import Field

from suite.papers.statements.equivalence import EquivalentWithin
from suite.papers.statements.gains import TESTED_GAINS, Gain
from suite.papers.statements.means import Difference
from suite.papers.statements.printed import PrintedValue
from suite.papers.statements.shares import ShareBetter, ShareMatching, ShareNotWorse, ShareReaching
from suite.papers.statements.single_runs import SingleRuns
from suite.papers.statements.statement import LOST, PRINTED_RANGE, UNEQUAL, Statement, Verdict, alike, label
from suite.papers.statements.steps import RatioOfSteps
from suite.papers.statements.times import RatioOfSeconds
from suite.papers.statements.wins import MostWins

__all__ = [
    "LOST",
    "PRINTED_RANGE",
    "TESTED_GAINS",
    "UNEQUAL",
    "AnyStatement",
    "Difference",
    "EquivalentWithin",
    "Gain",
    "MostWins",
    "PrintedValue",
    "RatioOfSeconds",
    "RatioOfSteps",
    "ShareBetter",
    "ShareMatching",
    "ShareNotWorse",
    "ShareReaching",
    "SingleRuns",
    "Statement",
    "Verdict",
    "alike",
    "label",
]

AnyStatement = Annotated[
    Difference
    | EquivalentWithin
    | Gain
    | MostWins
    | PrintedValue
    | RatioOfSeconds
    | RatioOfSteps
    | ShareBetter
    | ShareMatching
    | ShareNotWorse
    | ShareReaching
    | SingleRuns,
    Field(discriminator="statistic"),
]
"""The statements of `claims.yaml`, found by their statistic."""
