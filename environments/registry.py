"""Task families by name."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from environments.controls import specs as controls
from environments.family import FamilySpec, TaskFamily
from environments.ml1.specs import ML1_SPECS
from environments.navigation import NAVIGATION_2D
from environments.point_goal import POINT_GOAL_2D

_INERTIA = {"inertia": ("compiled", "2.1.0")}
_CONTACT_FORCES = {"contact_forces": ("filled", "zero")}
_DIRECTIONS = {"directions": ("opposite", "random")}
_TEST_GOALS = {"test_goals": ("drawn", "icml")}
_ML1_OPTIONS = {"simulation": ("lean", "stock"), "reward": ("v1", "v2"), "hand_start": ("fixed", "random")}

LONGEST_HORIZON = 100_000
MOST_EPISODES = 1_000
"""Most exploration episodes in a task."""


@dataclass(frozen=True)
class _Entry:
    spec: FamilySpec
    module: str
    """Imported only when the family is made: it may load a simulator."""
    factory: str
    options: Mapping[str, tuple[str, ...]]
    """Allowed values of each option, the default first."""
    added: frozenset[str] = frozenset()
    """Options that came after runs were stored: at their defaults they stay out of a run's identity."""


def _entries() -> dict[str, _Entry]:
    entries = [
        _Entry(POINT_GOAL_2D, "environments.point_goal", "PointGoal", {}),
        _Entry(NAVIGATION_2D, "environments.navigation", "Navigation", _TEST_GOALS),
        _Entry(controls.CHEETAH_FB, "environments.controls.cheetah", "CheetahFB", _INERTIA),
        _Entry(controls.CHEETAH_VEL, "environments.controls.cheetah", "CheetahVel", _INERTIA),
        _Entry(controls.ANT_FB, "environments.controls.ant", "AntFB", _DIRECTIONS | _CONTACT_FORCES | _INERTIA),
        _Entry(controls.ANT_GOAL_2D, "environments.controls.ant", "AntGoal2D", _CONTACT_FORCES | _INERTIA),
        _Entry(controls.HUMANOID_DIR_2D, "environments.controls.humanoid", "HumanoidDir2D", _CONTACT_FORCES | _INERTIA),
        _Entry(
            controls.WALKER_2D_RAND_PARAMS,
            "environments.controls.walker",
            "Walker2DRandParams",
            _INERTIA,
            added=frozenset({"inertia"}),
        ),
        *(_Entry(spec, "environments.ml1.family", "ML1", _ML1_OPTIONS) for spec in ML1_SPECS.values()),
    ]
    return {entry.spec.name: entry for entry in entries}


_ENTRIES = _entries()


def register_family(family: type[TaskFamily]) -> None:
    """Take up a task family beside those that come with the suite; it takes no options.

    Raises
    ------
    ValueError
        If there is one of this name already, or its kind is Meta-World's or none.
    """
    spec = family.spec
    if spec.kind not in ("toy", "controls"):
        raise ValueError(f"{spec.name}: kind {spec.kind!r}: must be toy or controls")
    entry = _Entry(spec, family.__module__, family.__name__, {})
    if _ENTRIES.setdefault(spec.name, entry) != entry:
        raise ValueError(f"there is another task family of the name {spec.name!r}")


def family_names() -> list[str]:
    """Return the names of all task families."""
    return list(_ENTRIES)


def family_spec(
    name: str,
    *,
    horizon: int | None = None,
    exploration_episodes: int | None = None,
    train_tasks: int | None = None,
    test_tasks: int | None = None,
) -> FamilySpec:
    """Return a family's sizes and protocol without loading its simulator.

    Parameters
    ----------
    name : one of `family_names()`.
    horizon, exploration_episodes, train_tasks, test_tasks : see `FamilySpec`; None leaves the family's own.

    Raises
    ------
    ValueError
        If there is no such family, or a number is out of its range.
    """
    spec = _entry(name).spec
    ranges = {
        "horizon": (horizon, 1, LONGEST_HORIZON),
        "exploration_episodes": (exploration_episodes, 0, MOST_EPISODES),
        "train_tasks": (train_tasks, 1, spec.most_tasks),
        "test_tasks": (test_tasks, 1, spec.most_tasks),
    }
    chosen: dict[str, Any] = {}
    for key, (number, least, most) in ranges.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or not least <= number <= most:
            raise ValueError(f"{name}: {key} must be a whole number from {least} to {most}, not {number!r}")
        chosen[key] = int(number)
    return replace(spec, **chosen)


def family_options(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the options that `make_family` takes for a family: the allowed values of each, the default first.

    Raises
    ------
    ValueError
        If there is no such family.
    """
    return MappingProxyType(_entry(name).options)


def added_options(name: str) -> frozenset[str]:
    """Return the options of a family that stay out of a run's identity at their defaults."""
    return _entry(name).added


def make_family(
    name: str,
    *,
    horizon: int | None = None,
    exploration_episodes: int | None = None,
    train_tasks: int | None = None,
    test_tasks: int | None = None,
    **options: str,
) -> TaskFamily:
    """Make a task family.

    Parameters
    ----------
    name : one of `family_names()`.
    horizon, exploration_episodes, train_tasks, test_tasks : see `family_spec`.
    options : see `family_options`.

    Raises
    ------
    ValueError
        If there is no such family, it has no such option, an option's value is not allowed, or a number is out of its
        range.
    """
    entry = _entry(name)
    spec = family_spec(
        name,
        horizon=horizon,
        exploration_episodes=exploration_episodes,
        train_tasks=train_tasks,
        test_tasks=test_tasks,
    )
    for option, value in options.items():
        if option not in entry.options:
            allowed = ", ".join(entry.options) or "none"
            raise ValueError(f"{name} has no option {option!r}; its options: {allowed}")
        if value not in entry.options[option]:
            raise ValueError(f"{name}: {option} must be one of {', '.join(entry.options[option])}, not {value!r}")
    factory: type[TaskFamily] = getattr(import_simulator(entry.module), entry.factory)
    family = factory.make(name, **options)
    family.spec = spec
    return family


def import_simulator(module: str) -> ModuleType:
    """Import a module that may load MuJoCo, or MuJoCo itself, whatever `MUJOCO_GL` says of drawing."""
    if module not in sys.modules:
        with _without("MUJOCO_GL"):  # MuJoCo would try to draw, and fail where it cannot, when it is imported
            import_module(module)
    receive_warnings()
    return sys.modules[module]


def receive_warnings() -> None:
    """Have MuJoCo's warnings logged, if anything has loaded it: a user's own family may not import what does that."""
    if "mujoco" in sys.modules:
        import_module("environments.physics")


@contextmanager
def _without(variable: str) -> Iterator[None]:
    """Hide a variable of the environment for a while."""
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[variable] = value


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        nearest = difflib.get_close_matches(str(name), _ENTRIES, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else "see environments.family_names()"
        raise ValueError(f"there is no task family {name!r}; {hint}")
    return _ENTRIES[name]
