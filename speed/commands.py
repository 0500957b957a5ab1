"""How long the commands take that only show something: `python -m speed.commands`. The fastest of five, in seconds.

Targets on two idle cores: half a second for help, status and logs; a second and a half for list and plan.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def seconds(words: list[str], folder: Path) -> float:
    """Return the wall-clock time of the fastest of five calls."""
    command = [Path(sys.executable).with_name("suite"), *words]
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def main() -> None:
    """Print one line a command."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "results"))
        for seed in range(20):
            finish(store, make_spec(seed=seed), linear(0, 1))
        for command in COMMANDS:
            words = command.replace("RUN", make_spec().run).split()
            print(f"suite {command:20} {seconds(words, Path(folder)):6.2f}")


if __name__ == "__main__":
    main()
