"""Run the benchmarks: `python -m speed.benchmarks [OPTION ...]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = ("updates.py", "steps.py", "commands.py")


class Plugin:
    """Records of pytest-benchmark beside its figures: processor and commit, and no names of machine or folder."""

    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """Leave out the machine's name."""
        machine_info.pop("node", None)

    def pytest_benchmark_update_commit_info(self, commit_info: dict[str, Any]) -> None:
        """Leave out the names of folder and branch."""
        commit_info.pop("project", None)
        commit_info.pop("branch", None)


def main() -> int:
    """Run the benchmarks that are asked for, and print their table."""
    options = [
        "-q",
        *("-W", "ignore"),
        *("-p", "no:cacheprovider"),
        *("-m", ""),
        "--benchmark-timer=speed.processor_seconds",
        f"--benchmark-storage=file://{HERE / 'saved'}",
        "--benchmark-sort=fullname",
        "--benchmark-columns=min,median,max,rounds",
    ]
    return int(pytest.main([*(str(HERE / module) for module in MODULES), *options, *sys.argv[1:]], [Plugin()]))


if __name__ == "__main__":
    sys.exit(main())
