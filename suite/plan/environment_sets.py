"""Named sets of environments, which benchmarks and papers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import RootModel

from environments import family_names, family_spec
from suite.errors import UsageError, unknown
from suite.plain_yaml import read_yaml


class EnvironmentSets(RootModel[dict[str, list[str]]]):
    """Set -> its environments."""


@cache
def environment_sets() -> Mapping[str, list[str]]:
    """Return the sets that come with the suite."""
    return read_yaml(Path(__file__).with_suffix(".yaml"), EnvironmentSets, "sets of environments").root


def named_environments(names: str | Sequence[str], more: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """Return the environments of a set, or those that are listed.

    Parameters
    ----------
    more : sets beside the suite's own.

    Raises
    ------
    UsageError
        If there is no such set.
    """
    if not isinstance(names, str):
        return list(names)
    sets = {**environment_sets(), **(more or {})}
    if names not in sets:
        raise UsageError(unknown("environments: set", names, sets))
    return list(sets[names])


def kind_of(environment: str) -> str | None:
    """Return the kind of a task family; None of one that is not known here, such as a user's."""
    return family_spec(environment).kind if environment in family_names() else None
