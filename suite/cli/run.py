"""Commands that have runs executed: `run`, `verify`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated, cast

import typer

from suite.cli.app import app
from suite.cli.inputs import existing
from suite.cli.options import (
    BenchmarkName,
    CheckpointEvery,
    ClusterFile,
    ExecutorName,
    ImageName,
    Json,
    Only,
    Reports,
    Results,
    RetriesOption,
    Seeds,
    Trust,
    limit,
)
from suite.cli.output import err, out, show
from suite.console.terminal import PlainConsole
from suite.execute.registry import DEFAULT
from suite.failures import RETRIES

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
    executor: ExecutorName = DEFAULT,
    image: ImageName = None,
    cluster: ClusterFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what the executor would submit.")] = False,
    trust: Trust = False,
) -> None:
    """Run what is missing of a benchmark, then write the report."""
    from suite import session
    from suite.execute.executor import Limits, Request, Retries

    limits = Limits(
        None if time_limit is None else 3600 * time_limit, None if silence_limit is None else 60 * silence_limit
    )
    request = Request(
        memory=None if memory_limit is None else int(2**30 * memory_limit),
        checkpoint_seconds=checkpoint_every,
        limits=limits,
        retries=Retries(retries),
        workers=workers,
        image=image,
        cluster=cluster,
    )
    selection = session.Selection(only or (), seeds, rerun or (), only_failed)
    if dry_run:
        script = session.preview(
            benchmark, results=results, executor=executor, selection=selection, request=request, trust=trust
        )
        print(script, end="")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up as Ctrl-C does
    with _watched(_words(context, without=("rerun", "only_failed"))) as console:
        outcome = session.run(
            benchmark,
            results=results,
            reports=reports,
            executor=executor,
            selection=selection,
            request=request,
            trust=trust,
            console=console,
        )
    with suppress(SystemExit):  # whoever reads has gone: the runs are done all the same
        out.print(f"report: {outcome.report}", highlight=False)
    raise typer.Exit(0 if outcome.is_complete else 1)


@app.command(
    epilog="Examples: suite verify results/published/pilot --sample 3 --seed 7 · suite verify results/published/pilot "
    "--all --environment reach-v1. Exit codes: 0 every run came out again, 1 some did not or something cannot be true, "
    "2 wrong usage or a damaged snapshot, 130 interrupted."
)
def verify(
    context: typer.Context,
    snapshot: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="A folder of published runs, or a store.")],
    sample: Annotated[int, typer.Option(min=1, help="Runs to execute again.")] = 3,
    every: Annotated[bool, typer.Option("--all", help="Execute all of them.")] = False,
    environment: Annotated[str | None, typer.Option(help="Runs on this environment alone.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the draw.", show_default="another each time, printed")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at once; by default what the machine holds.")] = None,
    as_json: Json = False,
) -> None:
    """Check what published runs say, execute some of them again, drawn at random, and compare them bit for bit."""
    import secrets
    import tempfile

    from suite import session
    from suite.analysis.results import read_results
    from suite.execute import verification
    from suite.execute.batch import Batch
    from suite.execute.executor import Request
    from suite.report.consistency import inconsistent
    from suite.store.runs import Store

    store = existing(snapshot, "")
    seed = secrets.randbelow(10**6) if seed is None else seed
    drawn = verification.drawn(store, None if every else sample, seed, environment)
    problems = inconsistent(store)
    err.print(f"{drawn.text}; drawn with --seed {seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="suite-verify-") as folder:
        again = Store(Path(folder))
        again.prepare()
        batch = Batch(again, drawn.specs)
        batch.announce(verification.published_steps(store, drawn.specs))
        with _watched([*_words(context, without=("seed",)), "--seed", str(seed)]) as console:
            session.execute(batch, DEFAULT, Request(workers=workers, name="verify"), console)
        results = read_results(store)
        found = [verification.verified(store.record(spec.run), again.record(spec.run), results) for spec in drawn.specs]
        agreed = verification.agreements(found, again, results)
        seconds = verification.seconds_text(found, again, results)
    lines = [f"inconsistent: {each.run}: {each.problem}" for each in problems]
    lines += [*(each.text for each in found), *(each.text for each in agreed)]
    lines += [seconds] if seconds else []
    plain = {
        "seed": seed,
        "inconsistent": [asdict(each) for each in problems],
        "runs": [each._asdict() for each in found],
        "agreements": [each._asdict() for each in agreed],
        "seconds": seconds,
    }
    show(as_json, plain, *lines)
    raise typer.Exit(0 if verification.all_good(found, agreed) and not problems else 1)


@contextmanager
def _watched(again: Sequence[str]) -> Iterator[PlainConsole]:
    """Yield a console for progress, whose reader keeps nothing waiting; say how to go on after an interrupt.

    Parameters
    ----------
    again : the words of the command that goes on.
    """
    from suite.console.non_blocking import Unhurried
    from suite.session import Interrupted

    stream = Unhurried(sys.stderr)  # runs are looked after, whether or not somebody reads of them
    console = PlainConsole(file=cast("IO[str]", stream), soft_wrap=True)
    try:
        yield console
    except Interrupted as stopped:
        console.print(f"{stopped}; to go on: {shlex.join(again)}", highlight=False)
        raise typer.Exit(130) from None
    finally:
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
