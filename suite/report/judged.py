"""The report's tables of verdicts: the claims on our runs, the audit of the paper, the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from suite.papers import paper
from suite.papers.audit import AuditRow
from suite.papers.judgements import Judgement
from suite.table import Table, interval

VERDICT_CLASSES = {
    "reproduced": "good",
    "not reproduced": "bad",
    "not enough runs": "open",
    "not at the paper's settings": "neutral",
    "holds": "good",
    "contradicted": "bad",
    "not derivable": "neutral",
    "adaptation helps": "good",
    "needs no adaptation": "open",
    "undecided": "neutral",
    "pearl learnt nothing": "neutral",
}
"""How a verdict looks; each also has its own sign."""


def claims(judgements: Sequence[Judgement]) -> Table:
    """Every claim that runs can speak to, with its verdict."""
    rows = []
    for judgement in judgements:
        claim = judgement.claim
        rows.append(
            (
                f"{claim.statement} ({claim.entries[0]})",
                judgement.verdict,
                claim.published,
                judgement.value,
                interval(judgement.low, judgement.high),
                claim.rule,
                judgement.seeds,
                f"{judgement.environments} of {len(claim.environments)}",
                judgement.reason,
                judgement.cost,
                str(paper.document("printed_claims")[claim.key]["where"]),
            )
        )
    return Table(
        "claims",
        "The paper's claims on our runs",
        (
            "claim",
            "verdict",
            "published",
            "ours",
            "95 % interval",
            "claimed side",
            "seeds",
            "environments",
            "why",
            "to decide",
            "printed in",
        ),
        tuple(rows),
        "Reproduced: the whole interval lies on the claimed side; not reproduced: on the other. Otherwise, with fewer "
        "than three seeds or with environments missing, there are not enough runs. Only runs with the paper's settings "
        "and budget are judged; the values of others are shown.",
    )


def audit(rows: Sequence[AuditRow], paper: str = "The paper") -> Table:
    """A paper's aggregates against its own published tables."""
    columns = ("claim", "verdict", "published", "recomputed", "rule", "explanation", "where")
    return Table(
        "audit",
        f"{paper} against its own tables",
        columns,
        tuple(tuple(str(row[column]) for column in columns) for row in rows),  # type: ignore[literal-required]
        "Recomputed from the published tables with the functions that judge our runs; needs no run.",
    )


def adaptation(table: pd.DataFrame, units: Mapping[str, float]) -> Table:
    """The blind agent beside the adapting one, from `suite.analysis.adaptation`."""
    rows = []
    for row in table.to_dict("records"):
        unit = units[row["environment"]]
        rows.append(
            (
                row["environment"],
                row["verdict"],
                row["untrained"] / unit,
                row["blind"] / unit,
                row["adapting"] / unit,
                row["share"],
                interval(row["low"] / unit, row["high"] / unit),
            )
        )
    return Table(
        "control",
        "Does the environment need adaptation?",
        (
            "environment",
            "verdict",
            "untrained",
            "blind-sac",
            "pearl",
            "blind's share of pearl's gain",
            "pearl - blind, 95 % interval",
        ),
        tuple(rows),
        "blind-sac is the oracle without its task vector. Where Welch's interval of the difference lies above zero, "
        "adaptation helps; where blind-sac has at least 90 % of PEARL's gain over untrained, the environment needs no "
        "adaptation. A gain below a tenth of the untrained value is nothing learnt.",
    )
