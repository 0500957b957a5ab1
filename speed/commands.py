"""The time of commands that only show something: `python -m speed.commands`. The fastest of five, in seconds.

By the clock, and by the processor, which other work on the machine disturbs less. Targets on two idle cores: half a
second for help, status and logs; a second and a half for list and plan.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed import processor_seconds
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec

COMMANDS = (
    "--help",
    "status",
    "logs RUN",
    "gc",
    "list environments",
    "list algorithms",
    "list benchmarks",
    "plan quick",
    "plan full",
)


def seconds(words: list[str], folder: Path, calls: int = 5) -> tuple[float, float]:
    """Return the wall-clock time of the fastest of some calls, and the processor's of the one that took it least."""
    command = [str(Path(sys.executable).with_name("suite")), *words]
    taken = []
    for _ in range(calls):
        begun, busy = time.perf_counter(), processor_seconds()
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        taken.append((time.perf_counter() - begun, processor_seconds() - busy))
    return min(clock for clock, _ in taken), min(processor for _, processor in taken)


def main() -> None:
    """Print one line a command."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "results"))
        for seed in range(20):
            finish(store, make_spec(seed=seed), linear(0, 1))
        for command in COMMANDS:
            words = command.replace("RUN", make_spec().run).split()
            clock, processor = seconds(words, Path(folder))
            print(f"suite {command:20} {clock:6.2f} s, of the processor {processor:6.2f} s")


if __name__ == "__main__":
    main()
