"""The check that a run is still what would be executed here: its revisions, and versions of the numeric stack."""

from __future__ import annotations

from algorithms import ENTRANTS
from environments import family_names, family_spec
from suite.errors import UsageError, unknown
from suite.spec import RunSpec
from suite.versions import numeric_versions


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
