"""Options and arguments that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from suite.errors import unknown
from suite.execute.registry import EXECUTORS

MOST = 10_000_000
"""The most that a count or a limit on the command line may be."""


def limit(value: float | None) -> float | None:
    """Read a limit, of which inf is none."""
    if value is not None and MOST < value < math.inf:
        raise typer.BadParameter(f"{value:g} is no limit; give at most {MOST:,}, or inf for none")
    return None if value == math.inf else value


def finite(value: float) -> float:
    """Refuse what is no number, and inf."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


def known_executor(name: str | None) -> str | None:
    """Refuse a name that is no executor's."""
    if name is not None and name not in EXECUTORS:
        raise typer.BadParameter(unknown("executor", name, EXECUTORS))
    return name


def at_home(value: Path | None) -> Path | None:
    """Replace a `~` at the start by the home folder: shells leave it alone in `--results=~/x`."""
    try:
        return None if value is None else value.expanduser()
    except RuntimeError:  # nobody's
        return value


def shipped(incomplete: str) -> list[str]:
    """Complete the name of a shipped benchmark."""
    from suite.plan.benchmark import shipped_benchmarks

    return [name for name in shipped_benchmarks() if name.startswith(incomplete)]


def shown_names(incomplete: str) -> list[str]:
    """Complete the name of an algorithm, an environment or a shipped benchmark."""
    from suite.plan.catalogue import names

    return [name for name in names() if name.startswith(incomplete)]


def runs_begun(incomplete: str) -> list[str]:
    """Complete the name of a run of the store in the working folder."""
    from suite.store.runs import Store

    return [folder.run for folder in Store(Path("results")).folders() if folder.run.startswith(incomplete)]


RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Name of a run, or a unique beginning of it.", autocompletion=runs_begun),
]
Results = Annotated[
    Path,
    typer.Option("--results", metavar="FOLDER", callback=at_home, help="Folder of the runs.", show_default=True),
]
AnyResults = Annotated[
    Path,
    typer.Option(
        "--results",
        metavar="FOLDER",
        callback=at_home,
        help="Folder of the runs, or the name of a published snapshot.",
        show_default=True,
    ),
]
"""The results that a command only reads."""
Reports = Annotated[
    Path,
    typer.Option("--reports", metavar="FOLDER", callback=at_home, help="Folder of the reports.", show_default=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
CheckpointEvery = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", callback=finite, help="Seconds between checkpoints of a run.")
]
ClusterFile = Annotated[
    Path | None,
    typer.Option(
        "--cluster",
        metavar="FILE",
        callback=at_home,
        help="YAML file of resources to ask a cluster for.",
    ),
]
RetriesOption = Annotated[
    int,
    typer.Option(
        "--retries", min=0, max=MOST, help="Retries of a run that was killed, hung, or ran out of memory or disk space."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=MOST, help="Number of parallel runs; by default as many as the machine can hold."),
]
_Executor = typer.Option(
    "--executor",
    metavar=f"[{'|'.join(EXECUTORS)}]",
    callback=known_executor,
    envvar="SUITE_EXECUTOR",
    help="Where runs are executed.",
)
ExecutorName = Annotated[str, _Executor]
AnyExecutor = Annotated[str | None, _Executor]
ImageName = Annotated[
    str | None,
    typer.Option(metavar="IMAGE", help="Container image to execute runs in."),
]
ReportFormat = Literal["html", "markdown", "latex"]
ExportFormat = Literal["csv", "parquet", "json", "tensorboard"]
Papers = Annotated[
    list[str] | None,
    typer.Option(
        "--paper",
        callback=lambda papers: papers and [str(at_home(Path(paper))) for paper in papers],
        help="Judge only this paper: a shipped one, or a folder. May be repeated; default: all shipped.",
    ),
]
BenchmarkName = Annotated[
    str,
    typer.Argument(
        metavar="BENCHMARK",
        help="Name of a shipped benchmark, or a YAML file of your own (suite show --help has one).",
        autocompletion=shipped,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="KEY=NAMES",
        help="Only these runs, by algorithm, environment or label; for example algorithm=pearl,mql.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="SEEDS", help="Use these seeds instead of the benchmark's: 0-4 or 0,2,7."),
]

Trust = Annotated[bool, typer.Option("--trust", help="Allow your own code (user modules) to be executed.")]
