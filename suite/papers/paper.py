"""The paper's published numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from suite.papers.audit import read_checks
from suite.papers.folder import read_paper

FOLDER = Path(__file__).parent / "tcl_pearl"

TABLES = {
    "table1": "tables/table1_ml1_50.csv",
    "table2": "tables/table2_tsne_clusters.csv",
    "table3": "tables/table3_ml1_25.csv",
    "table4": "tables/table4_tcl_mujoco_controls.csv",
    "table5": "tables/table5_oracle_context.csv",
    "table9": "tables/table9_wall_clock.csv",
}


@cache
def table(name: str) -> pd.DataFrame:
    """Read one of the paper's tables by its number, with the first column as index.

    Returns are in thousands and times in seconds; a column is named as the entry it belongs to (`tcl-pearl`).
    """
    read = pd.read_csv(FOLDER / TABLES[name], index_col=0)
    units = ("_return_thousands", "_seconds")
    return read.rename(columns=lambda column: _without(column, units).replace("_", "-"))


def _without(name: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        name = name.removesuffix(ending)
    return name


@cache
def document(name: str) -> dict[str, Any]:
    """Read `<name>.yaml`; `printed_claims` are those of the audit, with where each is printed and its numbers."""
    if name == "printed_claims":
        return {
            key: {
                "where": check.where,
                "values": {name.replace("-", "_"): text for name, text in check.published.items()},
            }
            for key, check in read_checks(read_paper(str(FOLDER))).items()
        }
    value: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return value


def unit(environment: str) -> float:
    """Return what a return is divided by to be in the paper's unit: Meta-World is printed in thousands."""
    return 1000.0 if environment in table("table1").index else 1.0


def end_values(environment: str) -> dict[str, float]:
    """Return the final scores that the paper prints for an environment (Tables 1 and 3), by entry, in its unit."""
    values: dict[str, float] = {}
    for name in ("table3", "table1"):
        printed = table(name)
        if environment in printed.index:
            row = printed.loc[environment].drop("paper-group", errors="ignore")
            values |= {str(entry): float(value) for entry, value in row.items()}
    return values


@cache
def power() -> pd.DataFrame:
    """Read what three seeds decide if the printed values are true, as `python -m speed.calibration --write` found it.

    Returns
    -------
    One row a claim and deviation over seeds: `claim`, `assumed` (which values), `deviation`, `decided` (share of trials
    with three seeds) and `seeds` (the fewest tried that decide in 80 % of trials; missing if none does).
    """
    return pd.read_csv(FOLDER / "power.csv")
