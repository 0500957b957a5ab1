"""The growth of a step's time and memory: `tox -e speed -- growth [--figure FILE]`, about five minutes on one core.

A gradient step of PEARL at the sizes of Table 7, on 100 tasks, 100,000 transitions and 128 rows of context a task; from
there one of the three is varied at a time. Every point has a process of its own, and they take turns: shown are medians
of all rounds, and the most memory that a process had, of which Python and its libraries are the same everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from suite.execute.local import WORKER_ENVIRONMENT

ROUNDS = 3
UPDATES = 3


class Point(NamedTuple):
    """The varied sizes."""

    tasks: int = 100
    transitions: int = 100_000
    context: int = 128


VARIED: dict[str, list[Point]] = {
    "tasks": [Point(tasks=n) for n in (10, 100, 1_000)],
    "transitions": [Point(transitions=n) for n in (10_000, 100_000, 1_000_000)],
    "context": [Point(context=n) for n in (64, 128, 256, 512, 1_024, 2_048)],
}

NAMES = {"tasks": "training tasks", "transitions": "transitions in the replay", "context": "context rows a task"}


class Measured(NamedTuple):
    """A step at a point."""

    seconds: float
    peak: float
    """Bytes."""


def measure(point: Point) -> list[float]:
    """Time some updates in this process, which should be a fresh one."""
    import time

    import torch

    from speed.entrants.ours import built

    torch.set_num_threads(1)
    made = built("pearl", {"context_batch": point.context}, point.tasks, point.transitions)
    made.update()
    spent = []
    for _ in range(UPDATES):
        begun = time.perf_counter()
        made.update()
        spent.append(time.perf_counter() - begun)
    return spent


def in_turn() -> dict[Point, Measured]:
    """Measure every point in every round."""
    points = list(dict.fromkeys(point for points in VARIED.values() for point in points))
    seconds: dict[Point, list[float]] = defaultdict(list)
    peaks: dict[Point, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for point in points:
            command = [sys.executable, "-m", "speed.growth", "--point", *map(str, point)]
            environment = {**os.environ, **WORKER_ENVIRONMENT}
            answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
            spent, peak = json.loads(answer.stdout)
            seconds[point] += spent
            peaks[point].append(peak)
    return {point: Measured(float(np.median(seconds[point])), max(peaks[point])) for point in points}


def draw(measured: dict[Point, Measured], path: Path) -> None:
    """Draw time and memory over each of what is varied."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(VARIED), figsize=(9, 4.5), sharex="col", sharey="row", layout="constrained")
    for column, (name, points) in enumerate(VARIED.items()):
        x = [getattr(point, name) for point in points]
        top, bottom = axes[:, column]
        top.plot(x, [1e3 * measured[point].seconds for point in points], marker="o")
        bottom.plot(x, [measured[point].peak / 2**20 for point in points], marker="o", color="C1")
        top.set(xscale="log")
        bottom.set(xlabel=NAMES[name])
    for row in axes:
        row[0].set_ylim(bottom=0)  # shared, so only once all is drawn
    axes[0, 0].set_ylabel("a step, ms")
    axes[1, 0].set_ylabel("most memory, MiB")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Print a Markdown table, and draw it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, help="draw into this file (.png, .svg)")
    parser.add_argument("--point", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        import resource

        spent = measure(Point(*arguments.point))
        print(json.dumps([spent, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
        return
    measured = in_turn()
    print("| tasks | transitions | context | a step, ms | most memory, MiB |\n|---|---|---|---|---|")
    for (tasks, transitions, context), (seconds, peak) in measured.items():
        print(f"| {tasks:,} | {transitions:,} | {context:,} | {1e3 * seconds:.0f} | {peak / 2**20:,.0f} |")
    if arguments.figure:
        draw(measured, arguments.figure)


if __name__ == "__main__":
    main()
