"""What a run's numbers depend on beside its specification: revisions, versions of packages, and sources."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from algorithms import ENTRANTS
from environments import family_names, family_spec
from suite.errors import UsageError, unknown
from suite.spec import RunSpec

ROOT = Path(__file__).parent.parent
"""What the packages lie in: the checkout, or where they were installed."""

NUMERIC_STACK = ("numpy", "scipy", "torch", "mujoco", "gymnasium", "metaworld")

NUMERIC = (
    "algorithms/**/*",
    "environments/**/*",
    "suite/training/trainer.py",
    "suite/training/protocol.py",
    "suite/training/streams.py",
)
"""Sources that can change a run's numbers."""


def numeric_versions() -> dict[str, str]:
    """Return the versions of the packages that can change a run's numbers."""
    # A local version ("2.13.0+cpu") names the build, which is provenance.
    return {package: version(package).split("+")[0] for package in NUMERIC_STACK}


def check_current(spec: RunSpec) -> None:
    """Make sure that what would be executed here is what was planned, here or elsewhere.

    Raises
    ------
    UsageError
        If the algorithm, the environment or the numeric stack has another revision or version.
    """
    if spec.algorithm not in ENTRANTS:
        raise UsageError(f"run {spec.run}: " + unknown("algorithm", spec.algorithm, ENTRANTS))
    if spec.environment not in family_names():
        raise UsageError(f"run {spec.run}: " + unknown("environment", spec.environment, family_names()))
    planned = {
        **spec.versions,
        spec.algorithm: f"revision {spec.algorithm_revision}",
        spec.environment: f"revision {spec.environment_revision}",
    }
    here = {
        **numeric_versions(),
        spec.algorithm: f"revision {ENTRANTS[spec.algorithm].revision}",
        spec.environment: f"revision {family_spec(spec.environment).revision}",
    }
    for what in planned:
        if planned[what] != here.get(what):
            raise UsageError(f"run {spec.run}: planned for {what} {planned[what]}; here it is {here.get(what)}")


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
