"""Tables for other programs: scores, curves, metrics and claims, one observation a row, every column of one kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from suite.analysis.metrics import METRIC_COLUMNS
from suite.analysis.results import CURVE_COLUMNS, RUN_COLUMNS, Results
from suite.errors import UsageError
from suite.papers.judgements import judge_all
from suite.papers.paper import Paper
from suite.report.contents import adaptive_claims
from suite.store.files import write_atomically
from suite.table import harmless

ExportFormat = Literal["csv", "parquet", "json"]

CLAIM_COLUMNS = (
    "paper",
    "claim",
    "statement",
    "verdict",
    "published",
    "value",
    "tested",
    "estimate",
    "low",
    "high",
    "p_claimed",
    "p_other",
    "seeds",
    "environments",
    "environments_needed",
    "reason",
    "printed_in",
    "adaptive",
)
SCORE_COLUMNS = (*RUN_COLUMNS, "adaptive")

COUNTS = {
    "seed",
    "budget",
    "environment_steps",
    "gradient_steps",
    "meta_test_steps",
    "seeds",
    "environments",
    "environments_needed",
}
TEXTS = {
    "run",
    "entry",
    "algorithm",
    "environment",
    "state",
    "machine",
    "metric",
    "paper",
    "claim",
    "statement",
    "verdict",
    "published",
    "tested",
    "reason",
    "printed_in",
}
"""The columns that hold text; but for `adaptive`, which is true or false, all others hold numbers."""


def tables(
    results: Results, papers: Sequence[Paper], adaptive: Mapping[str, set[str]] = MappingProxyType({})
) -> dict[str, pd.DataFrame]:
    """Return what a store holds and what papers' claims come to on it, by name.

    Parameters
    ----------
    adaptive : environment -> entries whose seeds were added to decide a comparison.

    Returns
    -------
    `scores`: one row a run, whatever its state (`SCORE_COLUMNS`). `curves`: one row an evaluation of a finished run
    (`CURVE_COLUMNS`). `metrics`: one row an evaluation and metric (`METRIC_COLUMNS`). `claims`: one row a claim
    (`CLAIM_COLUMNS`). What is not known is missing.
    """
    claims = pd.DataFrame(
        [row for paper in papers for row in _claims(paper, results, adaptive)],
        columns=list(CLAIM_COLUMNS),
    )
    found = {
        "scores": results.runs[list(RUN_COLUMNS)].assign(
            adaptive=[
                entry in adaptive.get(environment, ())
                for entry, environment in zip(results.runs["entry"], results.runs["environment"], strict=True)
            ]
        ),
        "curves": results.curves[list(CURVE_COLUMNS)],
        "metrics": results.metrics[list(METRIC_COLUMNS)],
        "claims": claims,
    }
    return {name: typed(table) for name, table in found.items()}


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns are all of one kind, in which what is not known is missing."""
    return table.astype({column: _kind(str(column)) for column in table})


def _claims(paper: Paper, results: Results, adaptive: Mapping[str, set[str]]) -> list[tuple[Any, ...]]:
    judgements = judge_all(paper, results)
    marked = adaptive_claims(adaptive, judgements)
    return [
        (
            paper.name,
            judgement.claim.key + (f" ({judgement.claim.variant})" if judgement.claim.variant else ""),
            judgement.claim.name,
            judgement.verdict,
            judgement.claim.about.published,
            judgement.value,
            judgement.finding.quantity,
            judgement.finding.estimate,
            judgement.finding.low,
            judgement.finding.high,
            judgement.finding.above,
            judgement.finding.below,
            judgement.seeds,
            judgement.environments,
            len(judgement.claim.environments),
            judgement.reason,
            judgement.claim.about.where,
            judgement.claim.name in marked,
        )
        for judgement in judgements
    ]


def _kind(column: str) -> str:
    if column == "adaptive":
        return "boolean"
    return "Int64" if column in COUNTS else "string" if column in TEXTS else "Float64"


def write_tables(found: dict[str, pd.DataFrame], folder: Path, form: ExportFormat) -> list[Path]:
    """Write one file a table into a folder, which is made; return their paths.

    Raises
    ------
    UsageError
        If they cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in found.items():
            path = folder / f"{name}.{form}"
            write_atomically(path, _written(table, form))
            paths.append(path)
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be written ({error.strerror})") from error
    return paths


def _written(table: pd.DataFrame, form: ExportFormat) -> bytes:
    if form == "csv":
        table = table.assign(**{name: table[name].map(harmless, na_action="ignore") for name in TEXTS & set(table)})
        return table.to_csv(index=False, lineterminator="\n").encode()
    if form == "parquet":
        file = BytesIO()
        table.to_parquet(file, index=False)
        return file.getvalue()
    rows = [{key: _plain(value) for key, value in row.items()} for row in table.to_dict("records")]
    return (json.dumps(rows, indent=1, allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it, where neither what is missing nor the infinite is a number."""
    return None if pd.isna(value) or value in (float("inf"), float("-inf")) else value
