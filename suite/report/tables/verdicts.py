"""The report's tables of verdicts: the claims on our runs, the control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from suite.analysis.hypotheses import LEVEL, POWER, SEEDS_TRIED, Finding
from suite.papers.judgements import Direction, Judgement
from suite.papers.paper import Paper
from suite.report.tables.comparisons import budgets, listed
from suite.table import Table, interval, number, text

VERDICT_CLASSES = {
    "reproduced": "good",
    "not reproduced": "bad",
    "compatible": "good",
    "not compatible": "bad",
    "equivalent": "good",
    "not equivalent": "bad",
    "cannot tell": "open",
    "not enough runs": "open",
    "not at the paper's settings": "neutral",
    "same direction": "good",
    "opposite direction": "bad",
    "inconclusive": "neutral",
    "better": "good",
    "worse": "bad",
    "better, yet equivalent": "same",
    "worse, yet equivalent": "same",
    "comparable": "same",
    "holds": "good",
    "contradicted": "bad",
    "not derivable": "neutral",
    "adaptation helps": "good",
    "needs no adaptation": "open",
    "pearl gains nothing by adapting": "open",
    "pearl learnt nothing": "neutral",
}
"""The style class of each verdict; each also has its own sign."""


def tested(finding: Finding) -> str:
    """Say what was tested, with its value and interval."""
    if math.isnan(finding.estimate):
        return finding.quantity
    limits = interval(finding.low, finding.high)
    return f"{finding.quantity}: {number(finding.estimate)}" + (f", 95 % CI {text(limits)}" if limits else "")


def claims(paper: Paper, judgements: Sequence[Judgement]) -> Table:
    """Every claim of a paper that runs can speak to, with its verdict."""
    rows = []
    for judgement in judgements:
        claim, finding = judgement.claim, judgement.finding
        rows.append(
            (
                claim.name,
                judgement.verdict,
                claim.about.published,
                judgement.value,
                claim.about.rule,
                finding.quantity,
                finding.estimate,
                interval(finding.low, finding.high),
                finding.above,
                finding.below,
                judgement.holm,
                judgement.seeds,
                f"{judgement.environments} of {len(claim.environments)}",
                judgement.reason,
                judgement.cost,
                claim.about.where,
            )
        )
    return Table(
        f"{paper.name}-claims",
        f"The claims of {paper.about.short} on our runs",
        {
            "statement": "claim",
            "verdict": "verdict",
            "published": "published",
            "value": "ours",
            "rule": "rule",
            "tested": "tested quantity",
            "estimate": "estimate",
            "estimate_ci": "95 % CI",
            "p_claimed": "p (claimed side)",
            "p_other": "p (other side)",
            "p_holm": "p (Holm)",
            "seeds": "seeds",
            "environments": "environments",
            "reason": "reason",
            "cost": "to decide",
            "printed_in": "printed in",
        },
        tuple(rows),
        f"{family(judgements)} {RULE}".strip(),
    )


def family(judgements: Sequence[Judgement]) -> str:
    """Say how many claims were tested, and which verdicts stand for all of them together."""
    tested = [each for each in judgements if each.tested]
    if not tested:
        return ""
    standing = [each.claim.name for each in tested if each.finding.direction and each.holm <= LEVEL]
    decided = sum(each.finding.direction != 0 for each in tested)
    stands = f": {'; '.join(standing)}" if standing else ""
    return (
        f"{len(tested)} claims were tested and {decided} decided, each by itself; {len(standing)} of these at 5 % for "
        f"all of them together (Holm){stands}."
    )


RULE = (
    "Reproduced: the test of the claim has p at or below 0.05 for the claimed side; where the claim is false, that "
    "happens in at most 5 % of cases. Not reproduced: the same for the other side. Not enough runs: neither, or fewer "
    "than three seeds, or missing environments. A run that diverged ranks last; runs that failed for another reason "
    "must be repeated first. Only runs with the paper's settings and budget are judged."
)


def power(paper: Paper) -> Table:
    """The claims that three seeds do not decide even if the paper's values are true, with the seeds that they need."""
    rows = []
    for row in paper.power:
        if row.decided < POWER:
            needed = f"more than {SEEDS_TRIED[-1]}" if row.seeds is None else str(row.seeds)
            deviation, decided = (f"{100 * share:.0f} %" for share in (row.deviation, row.decided))
            rows.append((row.claim, deviation, decided, needed, row.assumed))
    return Table(
        f"{paper.name}-power",
        f"What three seeds leave undecided even if {paper.about.short} is right",
        {
            "statement": "claim",
            "seed_std": "std over seeds",
            "decided": "decided with 3 seeds",
            "seeds_needed": "seeds for 80 %",
            "assumed": "assumed true",
        },
        tuple(rows),
        "Assuming that the paper's values are true and that scores vary over seeds by the given share of their mean, "
        "three seeds decide these claims in fewer than 80 % of trials; the other claims, and these at smaller standard "
        "deviations, in more.",
    )


def directions(paper: Paper, found: Sequence[Direction]) -> Table:
    """Tabulate the direction of runs off a paper's settings."""
    rows = []
    for each in found:
        claim = each.claim
        scale = f"{len(each.environments)} of {len(claim.environments)} environments"
        if each.environments:
            seeds = f"{each.seeds} {'seed' if each.seeds == 1 else 'seeds'}"
            scale += f" ({listed(each.environments)}), {seeds}, {budgets(each.budgets)} environment steps"
        found_there = f"{tested(each.finding)}; {each.reason}" if each.environments else each.reason
        rows.append((claim.name, each.pointing, found_there, scale))
    return Table(
        f"{paper.name}-directions",
        f"Direction of reduced runs ({paper.about.short})",
        {"statement": "claim", "direction": "at this scale", "tested": "tested quantity", "scale": "scale"},
        tuple(rows),
        "These runs have other settings or a smaller budget than the paper's, so they say something about their own "
        "scale only: no row is a verdict on a claim, or counted as one. The tests are those of the verdicts, on the "
        "environments where every entry has three seeds with the same budget.",
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
                row["oracle"] / unit,
                row["share"],
                interval(row["low"] / unit, row["high"] / unit),
            )
        )
    return Table(
        "control",
        "Does the environment need adaptation?",
        {
            **{name: name for name in ("environment", "verdict", "untrained")},
            "blind": "blind-sac",
            "adapting": "pearl",
            "oracle": "oracle-sac",
            "share": "blind's share of pearl's gain",
            "difference_ci": "pearl - blind, 95 % CI",
        },
        tuple(rows),
        "blind-sac is the oracle without its task vector. Adaptation helps: Welch's interval of PEARL's lead over "
        "blind-sac lies above zero. No adaptation is needed: blind-sac gains more than 90 % of what the oracle gains, "
        "by the same kind of interval. PEARL gains nothing by adapting: blind-sac gains more than 90 % of what PEARL "
        "gains. A gain below a tenth of the untrained return counts as nothing learned; the share is given where "
        "PEARL's gain is clearly above zero.",
    )
