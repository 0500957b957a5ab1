"""The paper's published numbers, from `results/paper/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import suite
from suite.errors import UsageError

FOLDER = Path(suite.__file__).resolve().parent.parent / "results" / "paper"
"""The suite runs from its repository (`pip install -e .`); the published numbers are data there, not code."""

TABLES = {
    "table1": "table1_ml1_50.csv",
    "table2": "table2_tsne_clusters.csv",
    "table3": "table3_ml1_25.csv",
    "table4": "table4_tcl_mujoco_controls.csv",
    "table5": "table5_oracle_context.csv",
    "table9": "table9_wall_clock.csv",
}


def _path(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        raise UsageError(
            f"{path}: not found; the paper's tables are read from the repository, so install it with `pip install -e .`"
        )
    return path


@cache
def table(name: str) -> pd.DataFrame:
    """Read one of the paper's tables by its number, with the first column as index.

    Returns are in thousands and times in seconds; a column is named as the entry it belongs to (`tcl-pearl`).
    """
    read = pd.read_csv(_path(TABLES[name]), index_col=0)
    units = ("_return_thousands", "_seconds")
    return read.rename(columns=lambda column: _without(column, units).replace("_", "-"))


def _without(name: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        name = name.removesuffix(ending)
    return name


@cache
def document(name: str) -> dict[str, Any]:
    """Read `<name>.yaml`."""
    value = yaml.safe_load(_path(f"{name}.yaml").read_text())
    if not isinstance(value, dict):
        raise UsageError(f"{_path(f'{name}.yaml')}: not a mapping")
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
