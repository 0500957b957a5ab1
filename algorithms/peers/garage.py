"""Garage's environment: its folder, its contents, and how to get it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from algorithms.peers.process import ROOT, PeerError

PROGRAM = Path(__file__).parent / "garage_process"

VARIABLE = "SUITE_GARAGE"
"""Names the Python of garage's environment, where it is not that of `tox -e garage`."""

PACKAGES = ("garage", "torch", "tensorflow-cpu", "numpy")


def python() -> Path:
    """Return the Python that garage runs on; nothing says that it is there."""
    return Path(os.environ.get(VARIABLE) or ROOT / ".tox" / "garage" / "bin" / "python")


def command() -> list[str]:
    """Return what starts garage's process.

    Raises
    ------
    PeerError
        If there is no such environment.
    """
    if not python().exists():
        raise PeerError("peer", missing())
    return [str(python()), "-I", str(PROGRAM)]


def missing() -> str:
    """Say how to get the environment."""
    return f"garage: no environment at {python()}; make it: tox -e garage (or set {VARIABLE} to the Python of another)"


def installed() -> dict[str, str]:
    """Return the versions in garage's environment.

    Raises
    ------
    PeerError
        If there is none, or it lacks a package.
    """
    ask = "import importlib.metadata as m, json, sys; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    interpreter = command()[0]
    try:
        found = subprocess.run(
            [interpreter, "-I", "-c", ask, *PACKAGES], capture_output=True, text=True, timeout=60, check=True
        )
        versions: dict[str, str] = json.loads(found.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        lacks = f"garage: {interpreter} has not all of {', '.join(PACKAGES)}; make it anew: tox -r -e garage"
        raise PeerError("peer", lacks) from error
    return versions
