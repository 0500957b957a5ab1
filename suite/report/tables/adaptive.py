"""Seeds that were added to decide a comparison: the looks, and the marks on every other interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from suite.analysis.sequential import ERROR, Looked
from suite.table import Cell, Table

MARK = " †"
NOTE = (
    "† Seeds were added to decide a comparison: intervals and p-values here are those of a fixed number of "
    "seeds, and say more than they should; what decided is under Seeds."
)


def looks(looked: Sequence[Looked], units: Mapping[str, float]) -> Table:
    """Every look at every comparison.

    Parameters
    ----------
    units : what an environment's returns are divided by.
    """
    rows: list[tuple[Cell, ...]] = []
    for each in looked:
        ours, theirs = each.comparison.entries
        environment = each.comparison.environment
        unit = units.get(environment, 1.0)
        for look in each.looks:
            decided = each.comparison.entries[look.better] + " is better" if look.better >= 0 else ""
            last = "not decided" if look.seeds == each.comparison.most else "goes on"
            rows.append(
                (
                    environment,
                    f"{ours} against {theirs}",
                    look.seeds,
                    look.ours / unit,
                    look.theirs / unit,
                    look.p,
                    look.level or None,
                    decided or last,
                )
            )
        if each.verdict == "goes on":
            waits = f"waits for {len(each.missing)} runs"
            rows.append((environment, f"{ours} against {theirs}", each.wanted, None, None, None, None, waits))
    return Table(
        "looks",
        "Seeds: looks at the comparisons that decide how many there are",
        ("environment", "comparison", "seeds", "the first's score", "the second's", "p", "decides at", "so"),
        tuple(rows),
        "Each batch of seeds is followed by a look: the permutation test of the chance that a run is better, both "
        f"sides. Over all looks and all comparisons of the benchmark together (here {len(looked)}), entries that are "
        f"drawn alike are told apart in at most {100 * ERROR:g} % of cases. No level: so few seeds cannot decide.",
    )


def marked(table: Table, adaptive: Mapping[str, set[str]], claims: Collection[str] = ()) -> Table:
    """Mark what depends on seeds that were added, and say so in the table's note.

    Parameters
    ----------
    adaptive : environment -> entries whose seeds were added.
    claims : names of claims about such entries.
    """
    place = table.columns.index("environment") if "environment" in table.columns else None
    anywhere = {entry for entries in adaptive.values() for entry in entries}
    rows = []
    for row in table.rows:
        names = anywhere if place is None else adaptive.get(str(row[place]), set())
        rows.append(tuple(f"{cell}{MARK}" if cell in names or cell in claims else cell for cell in row))
    if tuple(rows) == table.rows:
        return table
    return replace(table, rows=tuple(rows), note=f"{table.note} {NOTE}".strip())
