"""Our side of a row: `python -m speed.entrants.ours ROW THREADS`; see `rounds`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from algorithms import Episodes, Problem, load_algorithm
from environments import BoolArray, FloatArray, IntArray, Step
from speed.entrants.rounds import ACTIONS, HORIZON, OBSERVATIONS, Answers, Round, serve
from speed.rows import ROWS, Row
from suite.training.streams import algorithm_streams

CPU = torch.device("cpu")

LEFT = 10**9
"""Environment steps that are left: no iteration is a smaller last one."""


def of_addition(total: Any, a: Any, b: Any, **_: Any) -> int:
    """Count the operations of a product that is added in place, from the shapes."""
    return int(2 * a[0] * a[1] * b[1])


UNCOUNTED = {torch.ops.aten.addmm_: of_addition}
"""The operations that torch's counter does not know."""


class Noise:
    """Tasks that show noise: nothing is spent on physics."""

    left = LEFT

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def reset(self, tasks: IntArray) -> FloatArray:
        """Show something in every copy."""
        return self.generator.standard_normal((len(tasks), OBSERVATIONS))

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Show something else."""
        nothing = np.zeros(len(actions), dtype=np.bool_)
        return Step(self.reset(active.astype(np.int64)), self.generator.standard_normal(len(actions)), nothing, nothing)


def episodes(tasks: IntArray, generator: np.random.Generator, length: int = HORIZON) -> Episodes:
    """Make an episode of noise in each of some tasks; one that is shorter than the horizon has terminated."""
    copies = len(tasks)
    return Episodes(
        tasks=tasks,
        observations=generator.standard_normal((copies, HORIZON + 1, OBSERVATIONS)),
        actions=generator.uniform(-1.0, 1.0, (copies, HORIZON, ACTIONS)),
        rewards=generator.standard_normal((copies, HORIZON)),
        terminated=np.full(copies, length < HORIZON),
        lengths=np.full(copies, length),
        success=np.zeros(copies, dtype=np.bool_),
    )


def built(name: str, settings: dict[str, Any], tasks: int, transitions: int, device: torch.device = CPU) -> Any:
    """Make an algorithm whose replay, if it has one, holds some transitions of every task."""
    algorithm_type = load_algorithm(name)
    vectors = np.zeros((tasks, 1)) if algorithm_type.reads_task_vectors else None
    problem = Problem(OBSERVATIONS, ACTIONS, 1, HORIZON, tasks, transitions, vectors)
    made: Any = algorithm_type(algorithm_type.Settings(**settings), problem, algorithm_streams(0), device)
    generator, left = np.random.default_rng(0), transitions
    length = min(HORIZON, transitions // tasks)  # so that no task is left without
    while left > 0 and hasattr(made, "replay"):
        some = episodes(np.arange(min(tasks, -(-left // length))), generator, length)
        left -= int(some.lengths.sum())
        if "pearl" in name:
            made.store(some, into_context=True)
        elif "mql" in name:
            made.store(some, None)
        else:
            made.store([some])
    return made


def round_of(row: Row, device: torch.device = CPU) -> Round:
    """Return what one round of a row does."""
    made = built(row.algorithm, dict(row.settings), row.tasks, row.transitions, device)
    if row.work == "iteration":
        tasks = Noise()
        return Round(lambda: made.meta_train(tasks))
    if row.work == "adaptation":
        explored = [episodes(np.arange(row.times), np.random.default_rng(1)) for _ in range(2)]
        return Round(lambda: made.adaptation([np.random.default_rng(seed) for seed in range(row.times)]).run(explored))
    return Round(repeated(made.update, row.times), row.times)


def repeated(update: Callable[[], object], count: int) -> Callable[[], None]:
    """Make several updates."""

    def work() -> None:
        for _ in range(count):
            update()

    return work


def main() -> None:
    """Time a row for as long as somebody asks."""
    row, threads = ROWS[sys.argv[1]], int(sys.argv[2])
    answers = Answers()
    torch.set_num_threads(threads)
    timed = round_of(row)
    with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
        timed.work()
    serve(timed, answers, operations=counter.get_total_flops() / timed.times)


if __name__ == "__main__":
    main()
