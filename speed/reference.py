"""The costs of runs that come with the suite: `tox -e speed -- reference [BENCHMARK ...]`, an hour or less.

Every kind of run of the shipped benchmarks is measured as `suite plan --calibrate` does, in a process of its own and in
processor seconds, which other work on the machine disturbs less than the clock; before and after it the pace of the
machine is measured, by which the seconds are divided. What is measured replaces what the file had of that kind.

Small steps of torch suffer more from other work than the pace does: twice as long in the median as at best, where every
core was wanted by six processes. `--busy` takes that out: it is the factor by which `quick` is forecast too long
(1.72 for the file as it is, but for `quick` and `smoke`, which were measured on an idle machine).

With `--published`, kinds that the file lacks are taken from the snapshots that come with the suite instead. The pace of
their machines was not measured: they are taken to be as fast as this one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from statistics import median

from algorithms.peers.process import PeerError
from suite.execute.local import WORKER_ENVIRONMENT
from suite.execute.measured import Speed, known_by
from suite.execute.reference import FILE, Cost, pace, read, written
from suite.failures import FailedRunError
from suite.plan.benchmark import load_benchmark
from suite.plan.catalogue import catalogue
from suite.spec import RunSpec
from suite.store.published import shipped_snapshots
from suite.store.runs import Store

SECONDS = (4.0, 20.0, 120.0)
"""Processor seconds for one kind; the next where the last did not suffice."""


def cost(spec: RunSpec, seconds: float, busy: float) -> Cost | None:
    """Measure a kind of run; None if the seconds did not suffice. Other work makes it `busy` times as long."""
    import torch

    from suite.execute.calibration import measure, processor_clock

    before = pace()
    if (speed := measure(spec, torch.device("cpu"), seconds, processor_clock())) is None:
        return None
    unit = busy * (before + pace()) / 2
    used = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return _cost(spec, speed, unit, 1024 * used)


def published(kinds: Mapping[str, RunSpec]) -> Iterator[Cost]:
    """Return the costs of those kinds of which snapshots hold finished runs."""
    unit = pace()
    found: dict[str, list[tuple[Speed, int]]] = {}
    for path in shipped_snapshots().values():
        for record in Store(path).records():
            if record.state == "done" and (key := known_by(spec := record.spec())[1]) in kinds:
                origin = record.provenance()
                with suppress(ArithmeticError, ValueError):  # a run that took no step
                    speed = Speed.measured(spec, origin["seconds_total"], record.training())
                    found.setdefault(key, []).append((speed, origin["peak_memory_bytes"]))
    for key, runs in found.items():
        speeds, memory = zip(*runs, strict=True)
        yield _cost(kinds[key], Speed(*map(median, zip(*speeds, strict=True))), unit, max(memory))


def _cost(spec: RunSpec, speed: Speed, unit: float, memory: int) -> Cost:
    import torch

    from algorithms.interface import AppendOnly
    from suite.store.checkpoint import split
    from suite.training.trainer import Trainer

    try:
        tensors = list(split(Trainer.of(spec, torch.device("cpu")).algorithm.state())[1].values())
    except PeerError:  # its process is not there to be asked; what it keeps is small
        tensors = []
    row = sum(rows.shape[1:].numel() * rows.element_size() for rows in tensors if isinstance(rows, AppendOnly))
    kept = sum(tensor.nbytes for tensor in tensors)  # of rows there are none yet
    relative = Speed(speed.step / unit, speed.evaluation / unit, speed.iteration)
    return Cost(known_by(spec)[1], spec.budget, relative, memory, kept, row)


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [str(row["name"]) for row in catalogue("benchmarks")]
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"{', '.join(names)} (default: all)")
    parser.add_argument("--missing", action="store_true", help="measure only kinds that the file lacks")
    parser.add_argument("--busy", type=float, default=1.0, help="divide by this what other work makes of the seconds")
    parser.add_argument("--try", type=int, dest="tried", metavar="N", help="measure so many kinds, and write nothing")
    parser.add_argument("--published", action="store_true", help="take missing kinds from snapshots, measure none")
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=SECONDS, help="for one kind, and again (%(default)s)"
    )
    arguments = parser.parse_args()
    kinds = {known_by(spec)[1]: spec for name in arguments.benchmarks or names for spec in load_benchmark(name).plan()}
    if arguments.missing:
        there = {cost.key for cost in read()}
        kinds = {key: spec for key, spec in kinds.items() if key not in there}
    if arguments.published:
        _add(list(published({key: spec for key, spec in kinds.items() if key not in {cost.key for cost in read()}})))
        return
    os.environ |= WORKER_ENVIRONMENT
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["suite.execute.calibration", "torch._dynamo"])
    for number, spec in enumerate(list(kinds.values())[: arguments.tried], 1):
        found = None
        for seconds in arguments.seconds:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                try:
                    found = pool.submit(cost, spec, seconds, arguments.busy).result()
                except (FailedRunError, PeerError) as error:
                    print(f"{spec.label} on {spec.environment}: {error}")
                    break
            if found:
                break
        if found and arguments.tried is None:
            _add([found])
        took = f"{found.speed.of(spec):.3g} times the pace" if found else "not measured"
        print(f"{number}/{len(kinds)} {spec.label} on {spec.environment}: {took}", flush=True)


def _add(found: Sequence[Cost]) -> None:
    costs = {cost.key: cost for cost in [*read(), *found]}
    FILE.write_text(written(list(costs.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
