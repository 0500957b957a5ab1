"""The growth of commands with a benchmark's runs: `tox -e speed -- scale [--figure FILE]`, ten minutes or more.

The benchmark is `full` with so many seeds; every second run of it is finished, by hand. Shown are processor seconds of
the fastest of three calls (of the first plan and the export: of their one), start of the command included, which other
work on the machine disturbs less than the clock.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed.commands import seconds
from suite.execute.machine import device_name
from suite.plan.benchmark import load_benchmark
from suite.plan.selection import selected
from suite.store.runs import Store
from suite.training.provenance import processor
from suite.versions import code_hash
from tests.suite.stores import finish, linear

SEEDS = (1, 3, 9, 25)
COMMANDS = ("plan: first", "plan", "status", "export")
"""A plan reads the speeds of runs that were finished since the last one: the first reads all. An export reads what a
report does, and writes it.
"""

Times = dict[str, dict[int, float]]
"""Processor seconds of each of `COMMANDS`, by the number of runs."""


def fill(store: Store, seeds: int) -> int:
    """Finish every second run of `full` with so many seeds, on this machine; return the number of all runs."""
    specs = selected(load_benchmark("full").plan(), (), f"0-{seeds - 1}")
    origin: dict[str, Any] = {"machine": {"processor": processor()}, "device": device_name(), "seconds_total": 100.0}
    origin["code"] = code_hash()  # else each plan warns of other code
    for spec in specs[::2]:
        finish(store, spec, linear(0, 1), tasks=1, provenance=origin)
    return len(specs)


def measure(counts: Sequence[int]) -> Times:
    """Time all commands at every number of seeds."""
    times: Times = {command: {} for command in COMMANDS}
    for seeds in counts:
        with tempfile.TemporaryDirectory() as folder:
            runs = fill(Store(Path(folder, "results")), seeds)
            plan = ["plan", "full", "--seeds", f"0-{seeds - 1}"]
            for command, words, calls in (
                ("plan: first", plan, 1),
                ("plan", plan, 3),
                ("status", ["status"], 3),
                ("export", ["export"], 1),
            ):
                times[command][runs] = seconds(words, Path(folder), calls)[1]
                print(f"{command} of {runs:,} runs: {times[command][runs]:.2f} s", flush=True)
    return times


def draw(times: Times, path: Path) -> None:
    """Draw the times over the number of runs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (shown, read) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for command, by_runs in times.items():
        axes = read if command == "export" else shown
        axes.plot(list(by_runs), list(by_runs.values()), marker="o", label=command)
    for axes in (shown, read):
        axes.set(xlabel="runs of the benchmark, every second one finished", ylabel="processor, s", xlim=0, ylim=0)
        axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Print a Markdown table, and draw it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, help="draw into this file (.png, .svg)")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    arguments = parser.parse_args()
    times = measure(arguments.seeds)
    print("| runs | " + " | ".join(f"{command}, s" for command in times) + " |\n|---|" + "---|" * len(times))
    for runs in times["plan"]:
        print(f"| {runs:,} | " + " | ".join(f"{by_runs[runs]:.2f}" for by_runs in times.values()) + " |")
    if arguments.figure:
        draw(times, arguments.figure)


if __name__ == "__main__":
    main()
