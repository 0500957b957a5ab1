"""The paper's claims as directed statements that runs can speak to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from suite.analysis import comparisons, hypotheses
from suite.analysis.comparisons import (
    Means,
    gain,
    ratio_of_means,
    share_better,
    share_matching,
    share_not_worse,
    wins_ahead,
)
from suite.analysis.hypotheses import Hypothesis
from suite.papers import paper

FloatArray = NDArray[np.float64]

AVERAGES: tuple[comparisons.Average, ...] = ("mean", "median")


@dataclass(frozen=True)
class Claim:
    """A directed statement: the value lies above `side`."""

    key: str
    """In `tcl_pearl/printed_claims.yaml`."""
    statement: str
    published: str
    entries: tuple[str, ...]
    environments: tuple[str, ...]
    side: float
    rule: str
    statistic: Callable[[Means], FloatArray]
    """Maps means (..., environments) to the value (...), as the paper computes it."""
    hypothesis: Hypothesis
    """Decides between the claimed side and the other."""
    divides: bool = False
    """The value divides by the second entry's means."""
    measure: str = "score"
    """Column of `Results.runs`; seconds are judged on runs of one machine type only."""


def claims(variant: str = "") -> list[Claim]:
    """Return the claims that runs can speak to.

    Parameters
    ----------
    variant : ending of the entries of TCL-PEARL and its baseline, such as `-garage`.
    """
    tcl, pearl = f"tcl-pearl{variant}", f"pearl{variant}"
    table1, table3, table9 = (paper.table(name) for name in ("table1", "table3", "table9"))
    ml1_50, ml1_25 = tuple(map(str, table1.index)), tuple(map(str, table3.index))
    controls = tuple(map(str, paper.table("table4").index))
    others = tuple(str(name) for name in table3.columns if name not in {"tcl-pearl", "pearl"})
    printed = paper.document("printed_claims")
    failure = failure_threshold()

    groups_printed = printed["table1_groups"]["values"]
    wins_printed = {name: int(count) for name, count in printed["table3_wins"]["values"].items()}
    lead = wins_printed["tcl_pearl"] - max(count for name, count in wins_printed.items() if name != "tcl_pearl")
    ml1_rule, controls_rule = "either above zero, negative ratios as 0", "both above zero"
    ml1_gain, controls_gain = (printed[f"{kind}_relative_gain"]["values"] for kind in ("ml1", "controls"))
    pair = (tcl, pearl)
    seconds = table9.mean()
    return [
        Claim(
            "table1_groups",
            "better or comparable in most ML1 environments",
            f"{(int(groups_printed['better']) + int(groups_printed['comparable'])) / len(ml1_50):.2f}",
            pair,
            ml1_50,
            0.5,
            f"share of environments that are better or comparable (failure threshold {failure:g} thousand) > 0.5",
            partial(share_not_worse, failure=failure),
            partial(hypotheses.not_worse, failure=failure),
        ),
        Claim(
            "table1_groups",
            "better in most ML1 environments",
            f"{int(groups_printed['better']) / len(ml1_50):.2f}",
            pair,
            ml1_50,
            0.5,
            "share of environments with a higher mean score > 0.5",
            share_better,
            hypotheses.better,
        ),
        *(
            Claim(
                "ml1_relative_gain",
                f"relative gain on ML1, {name}",
                ml1_gain[name],
                pair,
                ml1_50,
                1.0,
                f"{name} ratio ({ml1_rule}) > 1",
                partial(gain, average=name, rule=ml1_rule),
                partial(hypotheses.gains, average=name),
                divides=True,
            )
            for name in AVERAGES
        ),
        Claim(
            "figure5_pairwise",
            "better than PEARL in most of the 25 environments",
            f"{int(printed['figure5_pairwise']['values']['pearl']) / len(ml1_25):.2f}",
            pair,
            ml1_25,
            0.5,
            "share of environments with a higher mean score > 0.5",
            share_better,
            hypotheses.better,
        ),
        Claim(
            "table3_wins",
            "most wins of five algorithms",
            str(lead),
            (tcl, pearl, *others),
            ml1_25,
            0.0,
            "wins ahead of the next (a tie is nobody's) > 0",
            wins_ahead,
            hypotheses.most_wins,
        ),
        Claim(
            "controls_better_or_comparable",
            "better or comparable in most MuJoCo Controls",
            f"{int(printed['controls_better_or_comparable']['values']['environments']) / len(controls):.2f}",
            pair,
            controls,
            0.5,
            "share of environments at or above 90 % of PEARL > 0.5",
            share_not_worse,
            hypotheses.not_worse,
        ),
        *(
            Claim(
                "controls_relative_gain",
                f"relative gain on MuJoCo Controls, {name}",
                controls_gain[name],
                pair,
                controls,
                1.0,
                f"{name} ratio ({controls_rule}) > 1",
                partial(gain, average=name, rule=controls_rule),
                partial(hypotheses.gains, average=name),
                divides=True,
            )
            for name in AVERAGES
        ),
        Claim(
            "controls_oracle",
            "PEARL and TCL-PEARL match the oracle in most MuJoCo Controls",
            f"{int(printed['controls_oracle']['values']['environments']) / len(controls):.2f}",
            (*pair, "oracle-sac"),
            controls,
            0.5,
            "share of environments in which both are at or above 90 % of the oracle > 0.5",
            share_matching,
            hypotheses.both_not_worse,
        ),
        Claim(
            "table9_average_seconds",
            "TCL costs time",
            f"{seconds['tcl-pearl'] / seconds['pearl']:.3f}",
            pair,
            ml1_50,
            1.0,
            "ratio of mean seconds a run > 1, over runs of one machine type (processor and device)",
            ratio_of_means,
            hypotheses.total_ratio,
            measure="seconds_total",
        ),
    ]


def failure_threshold() -> float:
    """Return the smallest failure threshold, in thousands, under which Table 1's groups are as printed."""
    table = paper.table("table1")
    codes = table["paper-group"].map({"better": 1, "comparable": 0, "worse": -1}).to_numpy(np.int64)
    found = comparisons.failure_range(table["tcl-pearl"].to_numpy(float), table["pearl"].to_numpy(float), codes)
    return found[0] if found else 0.0
