"""The command that checks published runs: `verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import JUDGE
from suite.cli.inputs import existing
from suite.cli.options import MOST, Json, Workers
from suite.cli.output import err, show
from suite.cli.watching import watched, words_typed
from suite.execute.registry import DEFAULT


@app.command(
    rich_help_panel=JUDGE,
    epilog="Examples: suite verify results/published/pilot --sample 3 --seed 7 · suite verify results/published/pilot "
    "--all --environment reach-v1 · suite verify results/published/study --run rl2-ppo_reach-v1_s0. Exit codes: 0 "
    "every run came out again, 1 some did not or something cannot be true, 2 wrong usage or a damaged snapshot, 130 "
    "interrupted.",
)
def verify(
    context: typer.Context,
    snapshot: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="Folder of published runs, or a store.")],
    sample: Annotated[int, typer.Option(min=1, max=MOST, help="Number of runs to repeat.")] = 3,
    every: Annotated[bool, typer.Option("--all", help="Repeat all of them.")] = False,
    environment: Annotated[str | None, typer.Option(help="Only runs on this environment.")] = None,
    run: Annotated[
        list[str] | None, typer.Option(metavar="RUN", help="Only this run; a unique beginning of its name is enough.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the draw.", show_default="random, and printed")
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Verify published runs: check their files, repeat a random sample of them, and compare bit for bit."""
    import secrets
    import tempfile

    from suite import session
    from suite.analysis.consistency import left_over_seeds
    from suite.analysis.results import read_results
    from suite.execute import verification
    from suite.execute.batch import Batch
    from suite.execute.executor import Request
    from suite.report.consistency import inconsistent
    from suite.store.runs import Store

    store = existing(snapshot, "")
    seed = secrets.randbelow(10**6) if seed is None else seed
    runs = [store.named(each) for each in run or ()]
    drawn = verification.drawn(store, None if every or runs else sample, seed, environment, runs)
    problems, left_over = inconsistent(store), left_over_seeds(store)
    err.print(drawn.text if runs else f"{drawn.text}; drawn with --seed {seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="suite-verify-") as folder:
        repeated = Store(Path(folder))
        repeated.prepare()
        batch = Batch(repeated, drawn.specs)
        batch.announce(verification.published_steps(store, drawn.specs))
        with watched([*words_typed(context, without=("seed",)), "--seed", str(seed)]) as console:
            session.execute(batch, DEFAULT, Request(workers=workers, name="verify"), console)
        results = read_results(store)
        found = [
            verification.verified(store.record(spec.run), repeated.record(spec.run), results) for spec in drawn.specs
        ]
        agreed = verification.agreements(found, repeated, results)
        seconds = verification.seconds_text(found, repeated, results)
    lines = [f"inconsistent: {each.run}: {each.problem}" for each in problems]
    lines += [f"note: {each.run}: {each.problem}" for each in left_over]
    lines += [*(each.text for each in found), *(each.text for each in agreed)]
    lines += [seconds] if seconds else []
    plain = {
        "seed": seed,
        "inconsistent": [asdict(each) for each in problems],
        "notes": [asdict(each) for each in left_over],
        "runs": [each._asdict() for each in found],
        "agreements": [each._asdict() for each in agreed],
        "seconds": seconds,
    }
    show(as_json, plain, *lines)
    raise typer.Exit(0 if verification.all_good(found, agreed) and not problems else 1)
