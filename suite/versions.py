"""The dependencies of a run's numbers beside its specification: revisions, versions of packages, and sources."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The folder of the packages: the checkout, or where they were installed."""

NUMERIC_STACK = ("numpy", "scipy", "torch", "mujoco", "gymnasium", "metaworld")

NUMERIC = (
    "algorithms/**/*",
    "environments/**/*",
    "suite/training/trainer.py",
    "suite/training/protocol.py",
    "suite/training/streams.py",
)
"""Sources that can change a run's numbers."""

DISTRIBUTION = "meta-rl-suite"
"""The name under which the suite is installed."""


def suite_version() -> str:
    """Return the suite's version: as its checkout says, else as it was installed.

    A checkout needs no installation, and one that is installed by reference may have gone on since.

    Raises
    ------
    PackageNotFoundError
        If it is neither.
    """
    return _checkout_version() or version(DISTRIBUTION)


def is_checkout() -> bool:
    """True if the code is read from its repository's folder, not from where an installation has copied it."""
    return _checkout_version() is not None


def _checkout_version() -> str | None:
    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["version"]) if project["name"] == DISTRIBUTION else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def numeric_versions() -> dict[str, str]:
    """Return the versions of the packages that can change a run's numbers."""
    # A local version ("2.13.0+cpu") names the build, which is provenance.
    return {package: version(package).split("+")[0] for package in NUMERIC_STACK}


@cache
def code_hash() -> str:
    """Return a hash of the sources that can change a run's numbers."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in NUMERIC for path in _sources(pattern)}):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(pattern: str) -> list[Path]:
    found = [path for path in ROOT.glob(pattern) if path.is_file() and "__pycache__" not in path.parts]
    if not found:
        raise RuntimeError(f"{ROOT / pattern}: there is no such source")
    return found
