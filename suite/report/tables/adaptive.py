"""Seeds that were added to decide a comparison: the interim analyses, and the marks in every other table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from suite.analysis.sequential import ERROR, SequentialTest
from suite.table import Cell, Table


def interim_analyses(tests: Sequence[SequentialTest]) -> Table:
    """Tabulate every interim analysis of every comparison."""
    rows: list[tuple[Cell, ...]] = []
    for each in tests:
        ours, theirs = each.comparison.entries
        environment = each.comparison.environment
        for analysis in each.analyses:
            decided = each.comparison.entries[analysis.higher] + " tends to be higher" if analysis.higher >= 0 else ""
            last = "not decided" if analysis.seeds == each.comparison.most else "continue"
            rows.append(
                (
                    environment,
                    ours,
                    theirs,
                    analysis.seeds,
                    analysis.chance,
                    analysis.p,
                    analysis.critical_p or None,
                    decided or last,
                )
            )
        if each.verdict == "continue":
            waits = f"waits for {len(each.missing)} runs"
            rows.append((environment, ours, theirs, each.wanted, None, None, None, waits))
    return Table(
        "interim-analyses",
        "Seeds: interim analyses of the comparisons that decide how many there are",
        {
            "environment": "environment",
            "entry": "entry A",
            "against": "entry B",
            "seeds": "seeds",
            "p_improvement": "P(A > B)",
            "p": "p",
            "critical_p": "critical p-value",
            "decision": "decision",
        },
        tuple(rows),
        "Each batch of seeds is followed by an interim analysis. P(A > B): the probability that a run of A scores "
        "higher than a run of B; p: two-sided, the larger one of its permutation test and of Welch's test, which have "
        "to agree. Over all interim analyses of all comparisons of the benchmark together (here "
        f"{len(tests)}), entries of which neither tends to be higher are decided in at most {100 * ERROR:g} % of "
        "cases. No critical p-value: so few seeds cannot decide.",
    )


def marked(table: Table, adaptive: Mapping[str, set[str]], claims: Collection[str] = ()) -> Table:
    """Mark the cells that name what depends on added seeds.

    Parameters
    ----------
    adaptive : environment -> entries whose seeds were added.
    claims : names of claims about such entries.
    """
    anywhere = {entry for entries in adaptive.values() for entry in entries}
    marks = []
    for cells in table.rows:
        row = dict(zip(table.columns, cells, strict=True))
        names = adaptive.get(str(row["environment"]), set()) if "environment" in row else anywhere
        marks.append(frozenset(key for key, cell in row.items() if cell in names or cell in claims))
    return replace(table, adaptive=tuple(marks))
