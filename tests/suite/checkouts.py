"""A checkout to change, and commands of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from suite.versions import ROOT


def checkout(home: Path) -> Path:
    """Make a checkout to change: the suite is copied, what it runs is linked."""
    shutil.copytree(ROOT / "suite", home / "suite", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("algorithms", "environments"):
        (home / name).symlink_to(ROOT / name)
    return home


def python(home: Path, program: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a program with the checkout's packages, beside the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(home)}
    command = [sys.executable, "-P", "-c", program, *map(str, words)]
    return subprocess.run(command, cwd=home.parent, env=environment, capture_output=True, text=True, check=False)


def call(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Call the checkout's command."""
    return python(home, "from suite.cli import main; main()", *words)
