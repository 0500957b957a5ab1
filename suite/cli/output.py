"""What commands print: JSON, tables, lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table

from suite.spec import RunSpec

if TYPE_CHECKING:
    from suite.execute.slurm.executor import Place


# What is printed comes from files, logs and settings: brackets in it are no markup.
out = Console(soft_wrap=True, markup=False)
err = Console(stderr=True, soft_wrap=True, markup=False)

WHOLE_NAMES = 1000
"""Columns for a table whose names are to be copied: a narrow terminal wraps them, where rich would cut them off."""


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(value, indent=2))


def print_states(
    rows: Sequence[tuple[RunSpec, str]], as_json: bool, on_slurm: dict[str, Place] | Literal[False] | None = False
) -> None:
    """Print runs and their states; and where Slurm has them, but for False."""
    if as_json:
        keys = ("run", "algorithm", "environment", "seed")
        runs = [{**{key: getattr(spec, key) for key in keys}, "state": state} for spec, state in rows]
        if on_slurm is not False:
            runs = [{**run, "slurm": (on_slurm or {}).get(run["run"])} for run in runs]
        print_json({"runs": runs})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "label", "environment", "seed", "budget", "state", *(["slurm"] if on_slurm else [])):
        table.add_column(column)
    for spec, state in rows:
        place = [on_slurm.get(spec.run, "")] if on_slurm else []
        table.add_row(spec.run, spec.label, spec.environment, str(spec.seed), f"{spec.budget:,}", state, *place)
    print_table(table)
    counts = Counter({"done": 0, "running": 0, "failed": 0, "pending": 0})
    counts.update(state for _, state in rows)
    out.print(", ".join(f"{count} {state}" for state, count in counts.items()), highlight=False)


def print_table(table: Table) -> None:
    """Print a table whose names are whole, on a narrow terminal too."""
    Console(width=WHOLE_NAMES, markup=False).print(table)
