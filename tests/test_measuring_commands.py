"""Every documented command of `speed` and `studies` starts and ends, each at its smallest size."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from suite.plan.benchmark import load_benchmark

ROOT = Path(__file__).parents[1]
DOCUMENTED = re.compile(r"(?:tox -e (speed|studies) -- |python -m (speed|studies)\.)([a-z][\w.]*)")


class Smallest(NamedTuple):
    """The smallest size of a command."""

    arguments: str = ""
    constants: Mapping[str, Any] = MappingProxyType({})
    """The constants of its module that are made smaller."""
    prints: str = "|"


COMMANDS = {
    "speed.accelerator": Smallest("pearl-quick --device cpu", {"ROUNDS": 1}),
    "speed.benchmarks": Smallest("-k '(pearl-small or gymnasium) and not tcl' --benchmark-disable", prints="passed"),
    "speed.commands": Smallest(constants={"COMMANDS": ("--help",)}, prints="suite --help"),
    "speed.environments": Smallest("reach-v1", {"COPIES": 1, "ROUNDS": 1, "STOCK_ROUNDS": 1, "HORIZON": 10}),
    "speed.growth": Smallest("--point 2 1000 8", prints="["),
    "speed.peers": Smallest("tcl-pearl --threads 1 --rounds 1"),
    "speed.profiled": Smallest("pearl-small", {"ROUNDS": 1}),
    "speed.reference": Smallest("smoke --try 1 --seconds 1", prints="times the pace"),
    "speed.report": Smallest("--environments 1", prints="18"),
    "speed.scale": Smallest("--seeds 1", {"load_benchmark": lambda _: load_benchmark("smoke")}),
    "speed.scheduler": Smallest("1", {"MANY": (10,), "BUDGET": 6_000}, "the scheduler's overhead"),
    "studies.baselines.maml": Smallest("point-goal-2d", {"MEASURED": 20, "SEEN": 24, "COPIES": 4, "EPISODES": (2,)}),
    "studies.baselines.ml1": Smallest("reach-v1"),
    "studies.mutations": Smallest("pearl --changes 1"),
    "studies.calibration": Smallest(
        "--trials 4 --processes 1",
        {
            **{"SEEDS": (2, 3), "ENVIRONMENTS": (1,), "KINDS": ("normal",)},
            **{f"verdict_tables.{name}": few for name, few in {"PLACES": (1,), "KINDS": ("normal",)}.items()},
            **{"verdict_tables.DEVIATIONS": (0.1,), "verdict_tables.OF_VERDICTS": (3,)},
            **{"curves.SHAPES": {"square root": np.sqrt}, "curves.ENVIRONMENTS": (1,)},
        },
    ),
    "studies.drift": Smallest("0", {"ITERATIONS": 1}),
    "studies.learning": Smallest("--unseen", prints="groups"),
    "studies.tuning": Smallest("pilot", prints="groups"),
    "studies.worst_tasks": Smallest("0"),
}
ELSEWHERE = {"studies.optima", "studies.findings"}
"""Started by `tests/studies/test_optima.py`; held to what it wrote by `tests/test_findings.py`."""


SECONDS = {"studies.calibration", "studies.learning", "studies.worst_tasks"}
"""Commands that take but seconds at that size."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in SECONDS)) for name in COMMANDS]
)
def test_command_starts_at_its_smallest_size(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    smallest = COMMANDS[name]
    module = importlib.import_module(f"{name}.__main__" if (ROOT / name.replace(".", "/")).is_dir() else name)
    for constant, value in smallest.constants.items():
        monkeypatch.setattr(f"{module.__name__}.{constant}", value)
    monkeypatch.setattr(sys, "argv", [name, *shlex.split(smallest.arguments)])
    module.main()
    assert smallest.prints in capfd.readouterr().out


def test_every_documented_command_is_started() -> None:
    named = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tox.ini")
    pages = [*(ROOT / name for name in named), *sorted((ROOT / "docs").rglob("*.md"))]
    documented = {
        f"{speed or module}.{what}".rstrip(".")
        for page in pages
        for speed, module, what in DOCUMENTED.findall(page.read_text())
    }
    assert "speed.report" in documented
    assert documented <= COMMANDS.keys() | ELSEWHERE
