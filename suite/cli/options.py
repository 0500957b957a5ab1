"""Options and arguments that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from suite.execute.registry import ExecutorName


def limit(value: float | None) -> float | None:
    """Read a limit, of which inf is none."""
    return None if value == math.inf else value


def finite(value: float) -> float:
    """Refuse what is no number, and inf."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


Results = Annotated[Path, typer.Option("--results", help="Folder of the run store.", show_default=True)]
Reports = Annotated[Path, typer.Option("--reports", help="Folder of the pages.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, nothing else.")]
CheckpointEvery = Annotated[
    float, typer.Option(min=0, callback=finite, help="Seconds between two checkpoints of a run.")
]
ClusterFile = Annotated[Path | None, typer.Option("--cluster", help="What slurm is asked for, as YAML.")]
RetriesOption = Annotated[int, typer.Option("--retries", min=0, help="Further attempts after a failure from outside.")]
Where = Annotated[ExecutorName, typer.Option("--executor", envvar="SUITE_EXECUTOR", help="Where runs are executed.")]
ImageName = Annotated[
    str | None,
    typer.Option(help="Image of the docker executor.", show_default="meta-rl-suite, or that of this container"),
]
ReportFormat = Literal["html", "markdown", "latex"]
ExportFormat = Literal["csv", "parquet", "json"]
Papers = Annotated[
    list[str] | None,
    typer.Option("--paper", help="Judge this paper alone, shipped or a folder; by default all shipped."),
]
BenchmarkName = Annotated[str, typer.Argument(metavar="BENCHMARK", help="A shipped benchmark or a YAML file.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="KEY=NAMES", help="Only runs whose algorithm, environment or label is one of these."
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="SEEDS", help="With these seeds instead of the benchmark's: 0-4 or 0,2,7."),
]

Trust = Annotated[
    bool, typer.Option("--trust", help="Execute somebody's own code that a benchmark names, or that runs are of.")
]
