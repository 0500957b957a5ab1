"""Commands that run a benchmark, and what they share: `run`, `verify`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from suite.cli.app import app
from suite.cli.inputs import existing, write_page
from suite.cli.options import (
    BenchmarkName,
    CheckpointEvery,
    ClusterFile,
    ImageName,
    Json,
    Only,
    Reports,
    Results,
    RetriesOption,
    Seeds,
    Trust,
    Where,
    limit,
)
from suite.cli.output import err, out, print_json
from suite.errors import UsageError
from suite.execute.registry import ExecutorName
from suite.failures import RETRIES

if TYPE_CHECKING:
    from suite.execute.batch import Batch
    from suite.execute.executor import Engine, Request


LAST_WORDS_SECONDS = 2.0
"""For a reader to take what is left to say."""


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
    time_limit: Annotated[float | None, typer.Option(min=0, callback=limit, help="Hours that a run may take.")] = None,
    silence_limit: Annotated[
        float | None, typer.Option(min=0, callback=limit, help="Minutes that a run may go without a step.")
    ] = 30.0,
    memory_limit: Annotated[
        float | None, typer.Option(min=0.01, callback=limit, help="GiB that a run may take.")
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
    steps = {
        run: {step: settings.model_dump(mode="json") for step, settings in each.items()}
        for run, each in definition.wanted_steps().items()
    }
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
            from suite.execute.slurm.executor import dry_run as shown

            print(shown(store, request), end="")
            return
        batch.announce(steps)
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
    write_page(store, reports, read_papers(), specs, definition.name, definition.comparisons())
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
        console.print(store.record(run).log_tail(), highlight=False, style="dim")
    for spec in batch.unfinished:
        record = store.record(spec.run)
        for step in record.lacking:
            if reason := record.step_failure(step):
                console.print(f"finished, but without {step}: {spec.run}: {reason}", highlight=False)
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

    store = existing(snapshot, "")
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
        found = [verified(store.record(spec.run), again.record(spec.run), results) for spec in specs]
    if as_json:
        print_json({"seed": seed, "runs": [each._asdict() for each in found]})
    else:
        for each in found:
            out.print(f"{each.outcome}: {each.run}{f': {each.detail}' if each.detail else ''}", highlight=False)
    raise typer.Exit(0 if all_good(found) else 1)
