"""Commands that show what can be run: `list`, `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import LOOK, RUN
from suite.cli.inputs import device
from suite.cli.options import MOST, BenchmarkName, Json, Only, Results, Seeds, Trust
from suite.cli.output import err, listing, out, show, show_states


@app.command("list", rich_help_panel=LOOK, epilog="Example: suite list environments --json")
def list_(
    what: Annotated[str, typer.Argument(metavar="algorithms|environments|benchmarks")],
    as_json: Json = False,
) -> None:
    """List the algorithms, environments or benchmarks."""
    from suite.plan.catalogue import catalogue

    rows = catalogue(what)
    show(as_json, rows, listing(rows))


@app.command(
    rich_help_panel=RUN,
    epilog="Examples: suite plan paper --machines 8 · suite plan quick --calibrate · suite plan quick --why RUN · "
    "suite plan full --only algorithm=pearl,mql --seeds 0-4",
)
def plan(
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    as_json: Json = False,
    machines: Annotated[int, typer.Option(min=1, max=MOST, help="Forecast for this many machines like this one.")] = 1,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure speeds first; takes about a minute.")] = False,
    why: Annotated[str | None, typer.Option("--why", metavar="RUN", help="Explain why this run counts as new.")] = None,
    trust: Trust = False,
) -> None:
    """Show the runs of a benchmark, which of them are done, and how long the rest will take."""
    from suite.analysis.sequential import planned
    from suite.execute.forecast import Speeds, forecast
    from suite.execute.machine import this_machine
    from suite.plan.benchmark import load_benchmark
    from suite.plan.budget_check import uncovered
    from suite.plan.identity import drift
    from suite.plan.identity import why as explain
    from suite.plan.selection import selected
    from suite.spec import most_threads
    from suite.store.runs import Store, by_prefix

    store = Store(results)
    wanted, tests = planned(load_benchmark(benchmark, trusted=trust), store)
    specs = selected(wanted, only or (), seeds)
    if why is not None:
        why = by_prefix(why, (spec.run for spec in specs))
        out.print(f"{why} " + "\n".join(explain(why, specs, store)), highlight=False)
        return
    states = [(spec, store.record(spec.run).state) for spec in specs]
    for spec, state in states:
        if state == "unreadable":
            err.print(f"{store.record(spec.run).path}: may not be read by this user", highlight=False)
    speeds = Speeds(store)
    missing = [spec for spec, state in states if state not in ("done", "unreadable")]
    if calibrate:
        from suite.execute.calibration import calibrate as measure_speeds

        store.prepare()
        measure_speeds(missing, speeds, device())
    show_states(as_json, states)
    if not as_json:
        for each in tests:
            out.print(each.text, highlight=False)
        workers = this_machine().room_for(len(missing), most_threads(missing)) * machines
        for run, reason in uncovered(missing).items():
            err.print(f"{run}: {reason}", highlight=False)
        where = "on this machine" if machines == 1 else f"on {machines} machines like this one"
        out.print(forecast(missing, speeds, workers, machines).text(where, workers), highlight=False)
        for warning in drift(specs, store):
            err.print(warning, highlight=False)
