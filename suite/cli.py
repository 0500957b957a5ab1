"""The `suite` command."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, NoReturn, cast

import typer
from rich.console import Console
from rich.table import Table

from suite.errors import UsageError, first_error
from suite.execute.registry import ExecutorName
from suite.failures import RETRIES
from suite.spec import RunSpec

if TYPE_CHECKING:
    import torch

    from suite.execute.batch import Batch
    from suite.execute.executor import Engine, Request
    from suite.execute.slurm import Place
    from suite.papers.paper import Paper
    from suite.plan.seeds import Comparison
    from suite.store.runs import Store

app = typer.Typer(
    name="suite",
    help="Reproduce and compare meta-reinforcement-learning algorithms.",
    epilog="Examples: suite run quick · suite plan paper · suite status · suite report · suite list algorithms",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _limit(value: float | None) -> float | None:
    """Read a limit, of which inf is none."""
    return None if value == math.inf else value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


Results = Annotated[Path, typer.Option("--results", help="Folder of the run store.", show_default=True)]
Reports = Annotated[Path, typer.Option("--reports", help="Folder of the pages.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, nothing else.")]
CheckpointEvery = Annotated[
    float, typer.Option(min=0, callback=_finite, help="Seconds between two checkpoints of a run.")
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

# What is printed comes from files, logs and settings: brackets in it are no markup.
out = Console(soft_wrap=True, markup=False)
err = Console(stderr=True, soft_wrap=True, markup=False)

WHOLE_NAMES = 1000
"""Columns for a table whose names are to be copied: a narrow terminal wraps them, where rich would cut them off."""

LAST_WORDS_SECONDS = 2.0
"""For a reader to take what is left to say."""

FOLLOW_SECONDS = 0.5
"""Between two looks at a log."""


def _existing(results: Path, option: str = "--results ") -> Store:
    """Return the store in a folder, which must be there."""
    from suite.store.runs import Store

    if not results.is_dir():
        raise UsageError(f"{option}{results}: there is no such folder")
    return Store(results)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


@app.command("list", epilog="Example: suite list environments --json")
def list_(
    what: Annotated[str, typer.Argument(metavar="algorithms|environments|benchmarks")],
    as_json: Json = False,
) -> None:
    """List the algorithms, environments or benchmarks."""
    from suite.plan.catalogue import catalogue

    rows = catalogue(what)
    if as_json:
        _print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    _print_table(table)


@app.command(
    epilog="Examples: suite plan paper --machines 8 · suite plan quick --calibrate · suite plan quick --why RUN · "
    "suite plan full --only algorithm=pearl,mql --seeds 0-4"
)
def plan(
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    as_json: Json = False,
    machines: Annotated[int, typer.Option(min=1, help="Machines like this one to forecast for.")] = 1,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="First measure speeds, for about a minute.")] = False,
    why: Annotated[str | None, typer.Option("--why", metavar="RUN", help="Say what makes this run new.")] = None,
    trust: Trust = False,
) -> None:
    """Show the runs of a benchmark, which of them are done, and how long the others will take."""
    from suite.analysis.sequential import planned
    from suite.execute.forecast import Speeds, forecast
    from suite.execute.machine import this_machine
    from suite.plan.benchmark import load_benchmark
    from suite.plan.budget_check import uncovered
    from suite.plan.identity import drift
    from suite.plan.identity import why as explain
    from suite.plan.selection import chosen
    from suite.spec import most_threads
    from suite.store.runs import Store

    store = Store(results)
    wanted, looked = planned(load_benchmark(benchmark, trusted=trust), store)
    specs = chosen(wanted, only or (), seeds)
    if why is not None:
        out.print(f"{why} " + "\n".join(explain(why, specs, store)), highlight=False)
        return
    states = [(spec, store.folder(spec.run).state) for spec in specs]
    for spec, state in states:
        if state == "unreadable":
            err.print(f"{store.folder(spec.run).path}: may not be read by this user", highlight=False)
    speeds = Speeds(store)
    missing = [spec for spec, state in states if state not in ("done", "unreadable")]
    if calibrate:
        from suite.execute.calibration import calibrate as measure_speeds

        store.prepare()
        measure_speeds(missing, speeds, _device())
    _print_states(states, as_json)
    if not as_json:
        for each in looked:
            out.print(each.text, highlight=False)
        workers = this_machine().room_for(len(missing), most_threads(missing)) * machines
        for run, reason in uncovered(missing).items():
            err.print(f"{run}: {reason}", highlight=False)
        out.print(forecast(missing, speeds, workers).text(machines, workers), highlight=False)
        for warning in drift(specs, store):
            err.print(warning, highlight=False)


@app.command(
    epilog="Examples: suite run quick · suite run my.yaml --workers 8 · suite run quick --only-failed · "
    "suite run quick --only algorithm=pearl,mql --only environment=reach-v1 --seeds 0-4 · suite run my.yaml --trust"
)
def run(
    context: typer.Context,
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    only: Only = None,
    seeds: Seeds = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at once; by default what the machine holds.")] = None,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Run again only what has failed.")] = False,
    rerun: Annotated[
        list[str] | None, typer.Option("--rerun", metavar="RUN", help="Forget this run's results and run it alone.")
    ] = None,
    time_limit: Annotated[float | None, typer.Option(min=0, callback=_limit, help="Hours that a run may take.")] = None,
    silence_limit: Annotated[
        float | None, typer.Option(min=0, callback=_limit, help="Minutes that a run may go without a step.")
    ] = 30.0,
    memory_limit: Annotated[
        float | None, typer.Option(min=0.01, callback=_limit, help="GiB that a run may take.")
    ] = None,
    retries: RetriesOption = RETRIES,
    checkpoint_every: CheckpointEvery = 60.0,
    executor: Where = "local",
    image: ImageName = None,
    cluster: ClusterFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what the slurm executor would submit.")] = False,
    trust: Trust = False,
) -> None:
    """Run what is missing of a benchmark, then write the report."""
    from suite.analysis.sequential import planned
    from suite.execute.batch import Batch
    from suite.execute.executor import Limits, Request, Retries
    from suite.papers.paper import read_papers
    from suite.plan.benchmark import load_benchmark
    from suite.plan.selection import chosen
    from suite.store.runs import Store

    if rerun and only_failed:
        raise UsageError("--rerun and --only-failed: give one of them")
    if executor != "slurm" and (cluster or dry_run):
        raise UsageError(f"{'--cluster' if cluster else '--dry-run'}: is for --executor slurm")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up as Ctrl-C does
    definition = load_benchmark(benchmark, trusted=trust)
    store = Store(results)
    wanted, looked = planned(definition, store)
    specs = chosen(wanted, only or (), seeds)
    if not dry_run:
        store.prepare()
        store.forget(rerun or (), specs)
    embeddings = {run: each.model_dump(mode="json") for run, each in definition.embeddings().items()}
    request = Request(
        runs=0,
        workers=workers,
        memory=None if memory_limit is None else int(2**30 * memory_limit),
        checkpoint_seconds=checkpoint_every,
        limits=Limits(
            None if time_limit is None else 3600 * time_limit, None if silence_limit is None else 60 * silence_limit
        ),
        retries=Retries(retries),
        image=image,
        cluster=cluster,
        name=definition.name,
    )
    alone = rerun or []
    again = shlex.join(_words(context, without=("rerun", "only_failed")))
    known: set[str] = set()
    succeeded = True
    while True:  # once, but for further seeds of comparisons that are not decided
        batch = Batch(store, specs, rerun=alone, only_failed=only_failed)
        modules = {module for spec in batch.unfinished for module in spec.modules}
        request = request._replace(runs=len(batch.unfinished), threads=batch.threads, modules=tuple(sorted(modules)))
        if dry_run:
            from suite.execute.slurm import dry_run as shown

            print(shown(store, request), end="")
            return
        batch.announce(embeddings)
        # Runs that were to be run again have been forgotten by now, and are pending as others are.
        _execute(batch, executor, request, again)
        succeeded = succeeded and batch.is_done()
        known |= {spec.run for spec in specs}
        wanted, looked = planned(definition, store)
        for each in looked:
            err.print(each.text, highlight=False)
        specs = chosen(wanted, only or (), seeds)
        alone = [spec.run for spec in specs if spec.run not in known]
        if rerun or only_failed or not alone:
            break
    _write_report(store, reports, read_papers(), specs, definition.name, definition.comparisons())
    raise typer.Exit(0 if succeeded else 1)


def _execute(batch: Batch, executor: ExecutorName, request: Request, again: str) -> None:
    """Have a batch executed while showing how far its plan is, then say what failed.

    Parameters
    ----------
    again : the command that goes on after an interrupt, which ends this one.
    """
    from suite.console.non_blocking import Unhurried
    from suite.console.progress import Progress
    from suite.execute.forecast import Speeds
    from suite.execute.registry import site
    from suite.plan.identity import drift

    stream = Unhurried(sys.stderr)  # runs are looked after, whether or not somebody reads of them
    console = Console(file=cast("IO[str]", stream), soft_wrap=True, markup=False)
    store = batch.store
    console.print(f"{request.name}: {batch.described}")
    for warning in drift(batch.specs, store):
        console.print(warning, highlight=False)
    with site(executor, store, request) as engine:
        console.print(f"{engine.described}, {executor} executor")
        batch.start_over()
        try:
            with _interrupting(engine), Progress(store, batch.specs, console) as progress:
                engine.run(Speeds(store).longest_first(batch.unfinished), lambda: progress.tick(engine.underway))
        except KeyboardInterrupt:
            console.print(f"{engine.parting}; to go on: {again}", highlight=False)
            stream.pass_on(LAST_WORDS_SECONDS)
            raise typer.Exit(130) from None
    for run, failure in engine.failures.items():
        console.print(f"failed: {run}: {failure.kind}: {failure.reason}")
        console.print(store.folder(run).log_tail(), highlight=False, style="dim")
    for spec in batch.unfinished:
        if reason := store.folder(spec.run).clusters_failure():
            console.print(f"finished, but not embedded: {spec.run}: {reason}", highlight=False)
    stream.pass_on(LAST_WORDS_SECONDS)


def _words(context: typer.Context, without: Sequence[str]) -> list[str]:
    """Return what was typed, but for some options, as a command to type again."""
    words = ["suite", str(context.info_name)]
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        source = context.get_parameter_source(name)
        if name in without or source is None or source.name not in ("COMMANDLINE", "ENVIRONMENT"):
            continue
        option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
        if value is True:
            words += option
        else:
            for each in value if isinstance(value, list) else [value]:
                words += [*option, str(each)]
    return words


@contextmanager
def _interrupting(engine: Engine) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM stop an engine in good order."""
    before = {
        number: signal.signal(number, lambda *_: engine.interrupt()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@app.command("exec", epilog="Examples: suite exec RUN · suite exec RUN --again")
def exec_(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run that has been planned into the store.")],
    results: Results = Path("results"),
    checkpoint_every: CheckpointEvery = 60.0,
    retries: RetriesOption = RETRIES,
    again: Annotated[bool, typer.Option("--again", help="Forget what it left behind, and run it anew.")] = False,
    trust: Trust = False,
) -> None:
    """Execute one run, from its newest checkpoint; what every executor calls."""
    from suite.failures import HELD_STATUS, exit_status, of_exception
    from suite.store.runs import Store

    folder = Store(results).folder(run)
    spec = folder.spec()
    if folder.state == "done" and not again and not folder.lacks_clusters:
        return
    try:
        taken = folder.take()  # before anything slow is imported
    except OSError as error:
        err.print(f"error: {folder.path}: cannot be taken ({error.strerror})", highlight=False)
        raise typer.Exit(exit_status(of_exception(error))) from None
    if not taken:
        err.print(f"error: run {run}: is being worked on by somebody else", highlight=False)
        raise typer.Exit(HELD_STATUS)
    with folder.kept():
        from suite.plan.user_modules import load_modules_of
        from suite.training.attempt import attempt
        from suite.versions import check_current

        load_modules_of(spec, trusted=trust)
        check_current(spec)
        if again:
            folder.reset()
        status = attempt(spec, folder, checkpoint_every, retries)
        if status == 0 and folder.lacks_clusters:
            from suite.inspect.post_run import last_phase

            status = last_phase(folder, _device())
        raise typer.Exit(status)


@app.command(epilog="Example: suite pull results/submissions/ml1-25-1")
def pull(
    submission: Annotated[Path, typer.Argument(metavar="SUBMISSION", help="Folder of a submission in the store.")],
) -> None:
    """Execute a submission's free runs until none is left; what each task of a cluster's job array calls."""
    from suite.execute.puller import pull as claim_all
    from suite.store.submissions import Submission

    raise typer.Exit(claim_all(Submission(submission.resolve())))


@app.command(epilog="Example: suite cancel")
def cancel(results: Results = Path("results")) -> None:
    """End what was submitted from this store to a cluster, and nothing else; runs save a checkpoint."""
    from suite.execute import slurm_commands
    from suite.store.runs import Store
    from suite.store.submissions import submissions

    known = list(submissions(Store(results)))
    queued = {task.partition("_")[0] for task in slurm_commands.tasks(known)}
    live = [submission for submission in known if submission.job in queued]
    for submission in live:
        slurm_commands.cancel(submission)
        out.print(f"cancelled: job {submission.job} ({submission.name})", highlight=False)
    if not live:
        out.print("nothing that was submitted is queued or running", highlight=False)


@app.command(epilog="Examples: suite status --json · suite status --watch")
def status(
    results: Results = Path("results"),
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it, until nobody works on it.")] = False,
) -> None:
    """Show the state of every run in the store."""
    if watch and as_json:
        raise UsageError("--watch and --json: give one of them")
    from suite.console.progress import Progress
    from suite.store.runs import CorruptRunError, Store

    store = Store(results)
    rows = []
    for folder in store.folders():
        try:
            rows.append((folder.spec(), folder.state))
        except CorruptRunError as error:
            err.print(str(error))
    if not watch:
        _print_states(rows, as_json, _on_slurm(store))
        return
    try:
        with Progress(store, [spec for spec, _ in rows], out) as progress:
            while progress.is_worked_on():
                time.sleep(1.0)
                progress.update()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command(epilog="Examples: suite logs RUN · suite logs RUN -f")
def logs(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    results: Results = Path("results"),
    lines: Annotated[int, typer.Option(min=1, help="Lines from the end.")] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on while the run is running.")] = False,
) -> None:
    """Print the end of a run's log."""
    from suite.store.runs import Store

    folder = Store(results).folder(run)
    if folder.snapshot is not None:
        raise UsageError(f"run {run}: is read from the snapshot {folder.snapshot.path}, which keeps no logs")
    if not folder.path.is_dir():
        raise UsageError(f"run {run!r} is not in {results}; see: suite status")
    folder.check_readable("log.txt")
    size = folder.log_size()
    if tail := folder.log_tail(lines):
        out.print(tail, highlight=False)
    try:
        while follow:
            follow = folder.state == "running"  # once more afterwards: the last words count
            size, text = folder.log_since(size)
            out.print(text, highlight=False, end="")
            time.sleep(FOLLOW_SECONDS if follow else 0)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command(epilog="Examples: suite doctor · suite doctor --executor docker · suite doctor --store")
def doctor(
    results: Results = Path("results"),
    executor: Where = "local",
    image: ImageName = None,
    shared: Annotated[bool, typer.Option("--store", help="Only whether machines can share the store.")] = False,
    cluster: ClusterFile = None,
    as_json: Json = False,
) -> None:
    """Check whether runs could be executed here; exit code 1 if they could not."""
    from suite.execute.doctor import examine, examine_store
    from suite.store.runs import Store

    checks = []
    styles = {"ok": "green", "warning": "yellow", "failed": "red"}
    store = Store(results)
    for check in examine_store(executor, store, cluster) if shared else examine(executor, store, image):
        checks.append(check)
        if not as_json:
            out.print(f"{check.verdict:8}", style=styles[check.verdict], end="")
            out.print(f"{check.what:10}{check.found}", highlight=False)
    if as_json:
        _print_json([check._asdict() for check in checks])
    raise typer.Exit(int(any(check.verdict == "failed" for check in checks)))


@app.command(epilog="Example: suite gc")
def gc(results: Results = Path("results")) -> None:
    """Remove what crashed writers left behind, and nothing else; exit code 1 if some of it had to stay."""
    from suite.store.runs import Store

    left: list[str] = []
    removed = Store(results).collect_garbage(left.append)
    for path in removed:
        out.print(str(path), highlight=False)
    out.print(f"{len(removed)} files removed", highlight=False)
    for message in left:
        err.print(message, highlight=False)
    raise typer.Exit(1 if left else 0)


@app.command(
    epilog="Examples: suite report quick · suite report --paper ./my-paper · suite report quick --format markdown"
)
def report(
    benchmark: Annotated[str | None, typer.Argument(help="Report a benchmark's runs; everything by default.")] = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    paper: Papers = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="A page, or its tables alone, printed.")] = "html",
    trust: Trust = False,
) -> None:
    """Write the page of what the store holds, or print its tables."""
    from suite.papers.paper import read_papers
    from suite.report import tables_as

    store = _existing(results)
    title, specs, comparisons = _reported(benchmark, store, trust)
    papers = read_papers(paper)
    if form == "html":
        _write_report(store, reports, papers, specs, title, comparisons)
    else:
        print(tables_as(form, store, specs, papers, comparisons))


@app.command(epilog="Examples: suite compare mql pearl · suite compare pearl blind-sac quick --json")
def compare(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="An entry, as the report names it.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another.")],
    benchmark: Annotated[str | None, typer.Argument(help="Of a benchmark's runs; everything by default.")] = None,
    results: Results = Path("results"),
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Show how two entries differ on every environment that both finished."""
    from suite.report import difference_table
    from suite.table import as_markdown

    store = _existing(results)
    _, specs, comparisons = _reported(benchmark, store, trust)
    table = difference_table(store, entry, other, specs, comparisons)
    if as_json:
        _print_json(table.plain())
    else:
        print(as_markdown(table))


@app.command(epilog="Examples: suite export · suite export quick --format parquet --out tables")
def export(
    benchmark: Annotated[str | None, typer.Argument(help="Export a benchmark's runs; everything by default.")] = None,
    results: Results = Path("results"),
    paper: Papers = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="Of the files.")] = "csv",
    folder: Annotated[Path, typer.Option("--out", help="Folder of the files.")] = Path("reports") / "tables",
    trust: Trust = False,
) -> None:
    """Write scores, curves and claims as tidy tables for other programs."""
    from suite.analysis.results import read_results
    from suite.papers.paper import read_papers
    from suite.report.contents import adaptive_entries
    from suite.report.export import tables, write_tables

    store = _existing(results)
    _, specs, comparisons = _reported(benchmark, store, trust)
    found = read_results(store, specs)
    for problem in found.problems:
        err.print(f"{problem.run}: {problem.problem}", highlight=False)
    adaptive = adaptive_entries(store, found, comparisons)
    for path in write_tables(tables(found, read_papers(paper), adaptive), folder, form):
        out.print(f"table: {path}", highlight=False)


@app.command(
    epilog="Examples: suite publish pilot · suite publish my.yaml --results /mnt/store · "
    "suite report --results results/published/pilot"
)
def publish(
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    trust: Trust = False,
) -> None:
    """Write what is finished of a benchmark as a snapshot to commit: RESULTS/published/NAME, read as a store is."""
    from suite.analysis.sequential import planned
    from suite.plan.benchmark import load_benchmark
    from suite.report import plain_tables
    from suite.store.published import Background
    from suite.store.publishing import ended, kept, place

    store = _existing(results)
    definition = load_benchmark(benchmark, trusted=trust)
    snapshot = place(store, definition.name)
    wanted, _ = planned(definition, store)
    folders = ended(store, wanted)
    if not folders:
        raise UsageError(
            f"--results {results}: holds no finished run of {definition.name}; see: suite plan {benchmark}"
        )
    runs = [kept(folder) for folder in folders]
    comparisons = definition.comparisons()
    background = Background(
        name=definition.name,
        description=definition.description,
        comparisons=tuple(each.model_dump(mode="json") for each in comparisons),
    )
    specs = [folder.spec() for folder in folders]
    snapshot.write(runs, background, plain_tables(store, specs, comparisons=comparisons))
    counts = Counter(each.state for each in runs)
    left = f", {len(wanted) - len(runs)} not finished" if len(runs) < len(wanted) else ""
    out.print(f"published: {snapshot.path}", highlight=False)
    err.print(
        f"{counts['done']} runs done, {counts['failed']} failed{left}; {snapshot.size / 2**20:.2f} MiB", highlight=False
    )


@app.command(
    epilog="Examples: suite verify results/published/pilot · suite verify results/published/pilot --sample 3 --seed 7. "
    "Exit codes: 0 every run came out again, 1 some did not, 2 wrong usage or a damaged snapshot, 130 interrupted."
)
def verify(
    context: typer.Context,
    snapshot: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="A folder of published runs, or a store.")],
    sample: Annotated[int, typer.Option(min=1, help="Runs to execute again.")] = 3,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the draw.", show_default="another each time, printed")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at once; by default what the machine holds.")] = None,
    as_json: Json = False,
) -> None:
    """Execute published runs again, drawn at random, and compare them bit for bit."""
    import secrets
    import tempfile

    from suite.analysis.results import read_results
    from suite.execute.batch import Batch
    from suite.execute.executor import Request
    from suite.execute.verification import all_good, drawn, verified
    from suite.store.runs import Store

    store = _existing(snapshot, "")
    seed = secrets.randbelow(10**6) if seed is None else seed
    specs, count = drawn(store, sample, seed)
    err.print(f"{len(specs)} of {count} finished runs that this version can execute, drawn with --seed {seed}")
    with tempfile.TemporaryDirectory(prefix="suite-verify-") as folder:
        again = Store(Path(folder))
        again.prepare()
        batch = Batch(again, specs)
        batch.announce({})
        request = Request(runs=len(specs), threads=batch.threads, workers=workers, name="verify")
        words = [*_words(context, without=("seed",)), "--seed", str(seed)]
        _execute(batch, "local", request, again=shlex.join(words))
        results = read_results(store)
        found = [verified(store.folder(spec.run), again.folder(spec.run), results) for spec in specs]
    if as_json:
        _print_json({"seed": seed, "runs": [each._asdict() for each in found]})
    else:
        for each in found:
            out.print(f"{each.outcome}: {each.run}{f': {each.detail}' if each.detail else ''}", highlight=False)
    raise typer.Exit(0 if all_good(found) else 1)


@app.command(epilog="Examples: suite watch RUN --task 0 · suite watch RUN --task 3 --out clip.gif")
def watch(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    task: Annotated[int, typer.Option(metavar="K", help="Index of the test task.")],
    results: Results = Path("results"),
    file: Annotated[
        Path | None,
        typer.Option("--out", help="MP4, GIF or WebP; by default reports/clips/RUN-taskK.mp4.", show_default=False),
    ] = None,
    trust: Trust = False,
) -> None:
    """Film a trained agent's evaluation episode on a test task, after it has adapted."""
    from suite.console.waiting import counting
    from suite.inspect import clips
    from suite.inspect.trained import trained
    from suite.store.runs import Store

    path = file or Path("reports") / "clips" / f"{run}-task{task}.mp4"
    clips.check_suffix(path)
    trainer = trained(Store(results).folder(run), _device(), trusted=trust)
    with counting(err, f"task {task}: environment steps", clips.steps(trainer)) as tick:
        episodes, pictures = clips.film(trainer, task, tick)
    clips.write_clip(path, pictures)
    success = (
        ("no success", "success")[int(episodes.success[0])] if trainer.family.spec.success else "no success defined"
    )
    out.print(f"clip: {path}", highlight=False)
    err.print(f"return {episodes.rewards.sum():.6g}, {success}, {len(pictures) - 1} steps", highlight=False)


@app.command(epilog="Examples: suite audit · suite audit pearl --json · suite audit ./my-paper")
def audit(
    papers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PAPER]...", help="Shipped papers, or folders of papers; by default all shipped."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute what papers print of their own numbers from their own tables."""
    from suite.papers.audit import audit as audited
    from suite.papers.paper import read_papers
    from suite.report.tables.verdicts import audit as audit_table
    from suite.table import as_markdown

    found = [(paper, audited(paper)) for paper in read_papers(papers)]
    if as_json:
        _print_json([{"paper": paper.name, **row} for paper, rows in found for row in rows])
        return
    for paper, rows in found:
        print(as_markdown(audit_table(paper, rows)))


@app.command(
    epilog="Examples: suite clusters RUN · suite clusters RUN RUN --rollouts 50 --seed 1 · suite clusters RUN --json"
)
def clusters(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Finished runs.")],
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    tasks: Annotated[int, typer.Option(min=2, help="Tasks to tell apart.")] = 8,
    rollouts: Annotated[int, typer.Option(min=2, help="Rollouts a task.")] = 200,
    window: Annotated[int, typer.Option(min=1, help="Transitions encoded of each rollout.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of rollouts, windows and t-SNE.")] = 0,
    perplexity: Annotated[float, typer.Option(min=1, help="Of t-SNE.")] = 30.0,
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Show how well trained context encoders tell tasks apart."""
    from pydantic import ValidationError

    from suite.console.waiting import counting
    from suite.inspect.post_run import embed_run
    from suite.inspect.trained import trained
    from suite.papers.paper import read_papers
    from suite.plan.embeddings import ClusterSettings, check_embeddable
    from suite.report.cluster_page import table, write_clusters
    from suite.store.runs import Store
    from suite.table import as_markdown

    try:
        settings = ClusterSettings(tasks=tasks, rollouts=rollouts, window=window, seed=seed, perplexity=perplexity)
    except ValidationError as error:
        raise UsageError(f"--{first_error(error)}") from error
    folders = [Store(results).folder(run) for run in runs]
    trainers = [trained(folder, _device(), trusted=trust) for folder in folders]
    for trainer in trainers:
        check_embeddable(trainer.spec, settings)
    records = []
    for folder, trainer in zip(folders, trainers, strict=True):
        with folder.taken(), counting(err, f"{folder.run}: rounds of rollouts", rollouts) as tick:
            records.append(embed_run(folder, trainer, settings, tick))
    papers = read_papers()
    page = write_clusters(reports, records, papers)
    if as_json:
        _print_json({"runs": [record.plain(points=False) for record in records]})
        return
    print(as_markdown(table(records, papers)))
    out.print(f"page: {page}", highlight=False)


def _device() -> torch.device:
    import torch

    torch.set_num_threads(1)  # as runs do: small networks, and the same numbers
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _reported(
    benchmark: str | None, store: Store, trust: bool
) -> tuple[str, Sequence[RunSpec] | None, Sequence[Comparison] | None]:
    """Return a title for what of a store is reported, its runs, and what decides how many seeds they have.

    None: everything there is, and what a store that is a snapshot says of itself.
    """
    if benchmark is None:
        return store.snapshots[0].background.name if store.is_snapshot else "All runs", None, None
    from suite.analysis.sequential import planned
    from suite.plan.benchmark import load_benchmark

    definition = load_benchmark(benchmark, trusted=trust)
    return definition.name, planned(definition, store)[0], definition.comparisons()


def _write_report(
    store: Store,
    reports: Path,
    papers: Sequence[Paper],
    planned: Sequence[RunSpec] | None,
    title: str,
    comparisons: Sequence[Comparison] | None,
) -> None:
    from suite.report import write_report

    try:
        page = write_report(store, reports, planned, title, papers, comparisons)
    except OSError as error:
        if error.filename is not None and not Path(error.filename).is_relative_to(reports):
            raise
        raise UsageError(f"--reports {reports}: cannot be written ({error.strerror})") from error
    out.print(f"report: {page}", highlight=False)


def _on_slurm(store: Store) -> dict[str, Place] | None:
    """Return where Slurm has runs; None if nothing was submitted, or the queue does not say."""
    from suite.execute.slurm import places
    from suite.store.submissions import submissions

    if not any(submissions(store)):
        return None
    try:
        return places(store)
    except UsageError as error:
        err.print(f"without Slurm's queue: {error}", highlight=False)
        return None


def _print_states(
    rows: Sequence[tuple[RunSpec, str]], as_json: bool, on_slurm: dict[str, Place] | Literal[False] | None = False
) -> None:
    """Print runs and their states; and where Slurm has them, but for False."""
    if as_json:
        keys = ("run", "algorithm", "environment", "seed")
        runs = [{**{key: getattr(spec, key) for key in keys}, "state": state} for spec, state in rows]
        if on_slurm is not False:
            runs = [{**run, "slurm": (on_slurm or {}).get(run["run"])} for run in runs]
        _print_json({"runs": runs})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "label", "environment", "seed", "budget", "state", *(["slurm"] if on_slurm else [])):
        table.add_column(column)
    for spec, state in rows:
        place = [on_slurm.get(spec.run, "")] if on_slurm else []
        table.add_row(spec.run, spec.label, spec.environment, str(spec.seed), f"{spec.budget:,}", state, *place)
    _print_table(table)
    counts = Counter({"done": 0, "running": 0, "failed": 0, "pending": 0})
    counts.update(state for _, state in rows)
    out.print(", ".join(f"{count} {state}" for state, count in counts.items()), highlight=False)


def _print_table(table: Table) -> None:
    Console(width=WHOLE_NAMES, markup=False).print(table)


def main() -> NoReturn:
    """Run the command line; wrong usage is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # the same bytes whatever the locale; nothing is a reason to stop
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        err.print(f"error: {error}", highlight=False)
        sys.exit(2)
    except OSError as error:
        from suite.failures import of_exception

        if isinstance(error, BrokenPipeError):  # who reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        if of_exception(error).kind not in ("permission", "storage"):
            raise
        err.print(f"error: {error.filename or 'a file'}: {error.strerror}", highlight=False)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        err.print(f"error: {error.format_message()}", highlight=False)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
