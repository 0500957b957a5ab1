"""Commands that show what can be run: `list`, `show`, `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import LOOK, RUN
from suite.cli.inputs import device
from suite.cli.options import MOST, BenchmarkName, Json, Only, Results, Seeds, Trust, shown_names
from suite.cli.output import err, listing, out, show, show_states
from suite.console.waiting import busy
from suite.errors import UsageError

SMALL_BENCHMARK = """\
name: my
description: does it help to be told the goal?
groups:
  - environments: [point-goal-2d]
    seeds: [0, 1, 2]
    budget: 12000      # environment steps of each run
    evaluations: 4     # tests while it trains
    algorithms:
      oracle-sac: &settings
        settings:
          {network_sizes: [64, 64], batch: 128, updates: 40, warmup_steps: 20,
           tasks_per_iteration: 50, steps_per_task: 20, discount: 0.9,
           learning_rate: 0.003, reward_scale: 10.0, target_rate: 0.02}
      blind-sac: *settings"""
"""The benchmark file that the help shows."""


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
    "show",
    rich_help_panel=LOOK,
    epilog="Examples: suite show pearl · suite show pearl --environment cheetah-vel · suite show reach-v1 · "
    f"suite show smoke > my.yaml\n\nA small benchmark file:\n\n\b\n{SMALL_BENCHMARK}\n\n"
    "Settings that are left out have their defaults. To run it: suite run my.yaml",
)
def show_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An algorithm, an environment or a shipped benchmark.", autocompletion=shown_names
        ),
    ],
    environment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Show an algorithm's defaults on this environment, as papers print them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the settings of an algorithm, the sizes and options of an environment, or the file of a benchmark."""
    from suite.plan.catalogue import benchmark_text, described

    if (text := benchmark_text(name)) is not None:
        if environment is not None:
            raise UsageError(f"--environment: {name} is a benchmark")
        show(as_json, {"name": name, "file": text}, text.rstrip("\n"))
        return
    rows = described(name, environment)
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
    with busy(err, "planning"):
        wanted, tests = planned(load_benchmark(benchmark, trusted=trust), store)
        specs = selected(wanted, only or (), seeds)
    if why is not None:
        why = by_prefix(why, (spec.run for spec in specs))
        out.print(f"{why} " + "\n".join(explain(why, specs, store)), highlight=False)
        return
    with busy(err, "reading runs"):
        states = [(spec, store.record(spec.run).state) for spec in specs]
    for spec, state in states:
        if state == "unreadable":
            err.print(f"{store.record(spec.run).path}: may not be read by this user", highlight=False)
    speeds = Speeds(store)
    missing = [spec for spec, state in states if state not in ("done", "unreadable")]
    if calibrate:
        from suite.execute.calibration import calibrate as measure_speeds

        store.prepare()
        with busy(err, "measuring speeds"):
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
        for warning in drift([spec for spec, state in states if state == "done"], store):
            err.print(warning, highlight=False)
