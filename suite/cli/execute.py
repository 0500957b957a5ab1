"""Commands that executors call, and that ask them: `exec`, `pull`, `cancel`, `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import INTERNAL, RUN
from suite.cli.inputs import device
from suite.cli.options import AnyExecutor, CheckpointEvery, ClusterFile, ImageName, Json, Results, RetriesOption, Trust
from suite.cli.output import err, out, show
from suite.failures import RETRIES


@app.command("exec", rich_help_panel=INTERNAL, epilog="Examples: suite exec RUN · suite exec RUN --again")
def exec_(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Name of a planned run in the store, or a unique beginning of it.")
    ],
    results: Results = Path("results"),
    checkpoint_every: CheckpointEvery = 60.0,
    retries: RetriesOption = RETRIES,
    restart: Annotated[
        bool, typer.Option("--again", help="Discard its results and checkpoints, and start again.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Execute one run, from its newest checkpoint if it has one. Every executor calls this."""
    with _store_by_status():
        raise typer.Exit(_executed(run, results, checkpoint_every, retries, restart, trust))


@contextmanager
def _store_by_status() -> Iterator[None]:
    """End with the status that says so where the store is full or away, or may not be written: others try again."""
    from suite.failures import exit_status, of_exception
    from suite.store.record import CorruptRunError

    try:
        yield
    except (OSError, CorruptRunError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or (failure := of_exception(cause)).kind not in ("storage", "permission"):
            raise
        err.print(f"error: {error}", highlight=False)
        raise typer.Exit(exit_status(failure)) from None


def _executed(run: str, results: Path, checkpoint_every: float, retries: int, restart: bool, trust: bool) -> int:
    from suite.failures import HELD_STATUS
    from suite.store.runs import Store

    store = Store(results)
    run = store.named(run)
    record = store.record(run)
    spec = record.spec()
    if record.state == "done" and not restart and not record.lacking:
        return 0
    folder = store.folder(run)
    if not folder.take():  # before anything slow is imported
        err.print(f"error: run {run}: is being worked on by somebody else", highlight=False)
        return HELD_STATUS
    with folder.kept():
        from suite.plan.revisions import check_current
        from suite.plan.user_modules import load_modules_of
        from suite.training.attempt import attempt

        load_modules_of(spec, trusted=trust)
        check_current(spec)
        if restart:
            folder.reset()
        status = attempt(spec, folder, checkpoint_every, retries)
        if status == 0 and folder.lacking:
            from suite.inspect.post_run import do_wanted

            status = do_wanted(folder, device())
        return status


@app.command(rich_help_panel=INTERNAL, epilog="Example: suite pull results/submissions/ml1-25-1")
def pull(
    submission: Annotated[Path, typer.Argument(metavar="SUBMISSION", help="Folder of the submission in the store.")],
) -> None:
    """Execute free runs of a submission until none is left. Each task of a cluster's job array calls this."""
    from suite.execute.puller import pull as claim_all
    from suite.store.submissions import Submission

    raise typer.Exit(claim_all(Submission(submission.resolve())))


@app.command(rich_help_panel=RUN, epilog="Example: suite cancel")
def cancel(results: Results = Path("results")) -> None:
    """Cancel the jobs that were submitted for this store, and nothing else; their runs save a checkpoint."""
    from suite.execute.registry import all_executors
    from suite.store.runs import Store

    count = 0
    for what in (what for _, executor in all_executors(Store(results)) for what in executor.cancel()):
        out.print(f"cancelled: {what}", highlight=False)
        count += 1
    if not count:
        out.print("nothing that was submitted is queued or running", highlight=False)


@app.command(
    rich_help_panel=RUN, epilog="Examples: suite doctor · suite doctor --executor docker · suite doctor --store"
)
def doctor(
    results: Results = Path("results"),
    executor: AnyExecutor = None,
    image: ImageName = None,
    shared: Annotated[bool, typer.Option("--store", help="Check only whether machines can share the store.")] = False,
    cluster: ClusterFile = None,
    as_json: Json = False,
) -> None:
    """Check whether this machine can execute runs; exit code 1 if it cannot."""
    from suite.execute.doctor import examine, examine_store
    from suite.execute.executor import Request
    from suite.execute.registry import DEFAULT
    from suite.store.runs import Store

    checks = []
    styles = {"ok": "green", "warning": "yellow", "failed": "red"}
    store, request = Store(results), Request(image=image, cluster=cluster)
    looked = examine_store(store, executor or DEFAULT, request) if shared else examine(store, executor, request)
    for check in looked:
        checks.append(check)
        if not as_json:
            out.print(f"{check.verdict:8}", style=styles[check.verdict], end="")
            out.print(f"{check.what:10}{check.found}", highlight=False)
    show(as_json, [check._asdict() for check in checks])
    raise typer.Exit(int(any(check.verdict == "failed" for check in checks)))
