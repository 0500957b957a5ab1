"""The table of learning speed beside the peers: `tox -e speed -- peers [ROW ...] [--threads 1 2] [--mql PATH]`.

Every entrant works in a process of its own, and they take turns: a round of theirs, a round of ours (pytest-benchmark
times ours, theirs is its set-up). Shown are medians with quartiles, their ratio, how fast the arithmetic of our row
would be at the speed of large matrix products measured before it (the ceiling), and the most memory each process had.
Where a peer's environment is missing there is "-": `tox -e garage`, and a checkout of MQL's code.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algorithms import ENTRANTS
from algorithms.peers import garage
from speed.rows import ROWS, Row
from suite.execute.local import WORKER_ENVIRONMENT
from suite.training.provenance import processor

GARAGE = Path(__file__).parent / "entrants" / "garage_side.py"


class Entrant:
    """A process that does rounds of some work."""

    def __init__(self, command: list[str], threads: int) -> None:
        several = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(threads))
        environment = {**os.environ, **WORKER_ENVIRONMENT, **several, "CUDA_VISIBLE_DEVICES": ""}
        self.command = command[:4]
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True, env=environment
        )
        self.seconds: list[float] = []
        self.last: dict[str, float] = {}

    def round(self) -> None:
        """Have it do a round; keep its time in seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.complaints.seek(0)
            complained = "".join(self.complaints.readlines()[-15:])
            raise RuntimeError(f"{' '.join(self.command)} has ended:\n{complained}")
        self.last = json.loads(answer)
        self.seconds.append(self.last["seconds"] * self.last.get("scale", 1))

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()
        self.complaints.close()


def peers_command(row: Row, threads: int, mql: str | None) -> list[str] | None:
    """Return what starts the peer; None where it is missing."""
    if row.peer == "ours":
        return [sys.executable, "-m", "speed.entrants.ours", row.against, str(threads)]
    if row.peer == "mql":
        return [sys.executable, "-m", "speed.entrants.mql", mql, row.against, str(threads)] if mql else None
    if not garage.python().exists():
        return None
    settings = json.dumps(asdict(ENTRANTS[f"garage-{row.against}"].Settings(**row.peer_settings)))
    return [str(garage.python()), "-I", str(GARAGE), row.against, settings, str(row.tasks), str(threads)]


def ceiling(threads: int) -> float:
    """Measure how many operations a second large matrix products make in single precision."""
    torch.set_num_threads(threads)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = np.inf
    for _ in range(30):
        begun = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begun)
    return float(2 * 1024**3 / best)


def pytest_generate_tests(metafunc: Any) -> None:
    """Make a benchmark of each row and number of threads that were asked for."""
    asked = json.loads(os.environ["SPEED_PEERS"])
    cases = [(name, threads) for threads in asked["threads"] for name in asked["rows"]]
    metafunc.parametrize(("name", "threads"), cases)


def test_row(benchmark: Any, name: str, threads: int) -> None:
    """Take turns with the peer."""
    row, asked = ROWS[name], json.loads(os.environ["SPEED_PEERS"])
    fastest = ceiling(threads)
    command = peers_command(row, threads, asked["mql"])
    ours = Entrant([sys.executable, "-m", "speed.entrants.ours", name, str(threads)], threads)
    theirs = None if command is None else Entrant(command, threads)
    entrants = [entrant for entrant in (theirs, ours) if entrant is not None]
    try:
        for entrant in entrants:  # a first round is not counted
            entrant.round()
            entrant.seconds.clear()
        turn = None if theirs is None else theirs.round
        rounds = asked["rounds"] or row.rounds
        benchmark.pedantic(ours.round, setup=turn, rounds=rounds, iterations=1)
        benchmark.extra_info.update(
            what=row.what,
            threads=threads,
            ceiling=fastest,
            operations=ours.last["operations"],
            ours={"seconds": ours.seconds, "peak": ours.last["peak"]},
            theirs=None if theirs is None else {"seconds": theirs.seconds, "peak": theirs.last["peak"]},
        )
    finally:
        for entrant in entrants:
            entrant.close()


def milliseconds(seconds: list[float]) -> str:
    """Write a median with its quartiles."""
    low, middle, high = 1e3 * np.quantile(seconds, [0.25, 0.5, 0.75])
    digits = 0 if middle >= 100 else 1
    return f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"


def line(found: dict[str, Any]) -> str:
    """Write a row of the table."""
    ours, theirs = found["ours"], found["theirs"]
    median = float(np.median(ours["seconds"]))
    floor = found["operations"] / found["ceiling"]
    cells = [found["what"], str(found["threads"]), milliseconds(ours["seconds"])]
    cells += [milliseconds(theirs["seconds"]) if theirs else "-"]
    cells += [f"{median / np.median(theirs['seconds']):.2f}" if theirs else "-"]
    cells += [f"{1e3 * floor:,.1f}", f"{ours['peak'] / 2**20:,.0f}"]
    cells += [f"{theirs['peak'] / 2**20:,.0f}" if theirs else "-"]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)} (default: all)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, help="of each row (default: 3 to 9, by how long they take)")
    parser.add_argument("--mql", metavar="PATH", help="a checkout of github.com/amazon-science/meta-q-learning")
    asked = vars(parser.parse_args())
    if unknown := set(asked["rows"]) - ROWS.keys():
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if asked["mql"] and not Path(asked["mql"], "algs", "MQL").is_dir():
        parser.error(f"--mql {asked['mql']}: no checkout of meta-q-learning, which has a folder algs/MQL")
    asked["rows"] = asked["rows"] or list(ROWS)
    os.environ["SPEED_PEERS"] = json.dumps(asked)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "benchmarks.json")
        options = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "--benchmark-quiet", f"--benchmark-json={kept}"]
        code = pytest.main([__file__, *options])
        if not kept.exists():
            return int(code)
        benchmarks = json.loads(kept.read_text())["benchmarks"]
    print(f"On {processor()}.")
    for threads in asked["threads"]:
        speeds = [b["extra_info"]["ceiling"] for b in benchmarks if b["extra_info"]["threads"] == threads]
        if speeds:
            several = "s" * (threads > 1)
            print(f"Ceiling on {threads} thread{several}: {np.median(speeds) / 1e9:.0f} GFLOP/s, single precision.")
    print("\n| work | threads | ours, ms | theirs, ms | ours / theirs | floor, ms | ours, MiB | theirs, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for benchmark in benchmarks:
        print(line(benchmark["extra_info"]))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
