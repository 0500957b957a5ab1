"""User modules: algorithms and task families that a benchmark names, executed only on trust."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from algorithms import Declaration, register_algorithm
from environments import FamilySpec, TaskFamily, register_families, register_family
from suite.errors import UsageError
from suite.plan.plots import Plot
from suite.spec import RunSpec
from suite.store.record import ADAPTATIONS, EVALUATION_COLUMNS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,39}")
"""The pattern of an algorithm's or a family's name: its runs' folders are named after it."""

METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
TAKEN = (*EVALUATION_COLUMNS, ADAPTATIONS)
"""The columns of evaluations, which no metric is named as."""

_loaded: dict[tuple[str, str], str] = {}
"""(algorithm or family, its name) -> the module that it came from."""

_plots: dict[str, tuple[Plot, ...]] = {}
"""Module -> its figures and tables for the page; a key for each that was taken up."""

_fingerprints: dict[str, str] = {}
"""Module -> a hash of its file as it was executed."""


def load_modules(modules: Sequence[str], folder: Path, where: str, *, trusted: bool) -> None:
    """Execute modules, and take up the algorithms and task families that they define; once, however often it is asked.

    Parameters
    ----------
    modules : files (`mine.py`), or names of installed modules (`mine.algorithms`).
    folder : what files are relative to.
    where : what names them, for messages.
    trusted : whether somebody has said so on the command line.

    Raises
    ------
    UsageError
        If they are not trusted, cannot be executed, define nothing, or define what cannot be taken up.
    """
    for module in modules:
        reference = _reference(module, folder)
        if reference in _plots:
            continue
        if not trusted:
            raise UsageError(f"{where}: modules: {module}: a user module, which is executed only with --trust")
        try:
            _take_up(reference)
        except UsageError as error:
            raise UsageError(f"{where}: modules: {module}: {error}") from error


def load_modules_of(spec: RunSpec, *, trusted: bool) -> None:
    """Execute the modules that a run needs; raises as `load_modules`."""
    load_modules(spec.modules, Path(), f"run {spec.run}", trusted=trusted)


def modules_of(algorithm: str, environment: str) -> tuple[str, ...]:
    """Return the modules that an algorithm and a task family came from; none for those that come with the suite."""
    wanted = (("algorithm", algorithm), ("family", environment))
    return tuple(dict.fromkeys(_loaded[each] for each in wanted if each in _loaded))


def plots_of(modules: Sequence[str], folder: Path) -> list[Plot]:
    """Return the figures and tables that modules, which were taken up, make for the page; see `load_modules`."""
    return [plot for module in modules for plot in _plots.get(_reference(module, folder), ())]


def _reference(module: str, folder: Path) -> str:
    return str((folder / module).resolve()) if module.endswith(".py") else module


def fingerprints(modules: Sequence[str]) -> dict[str, str]:
    """Return a hash of the file of each module, as it was executed here."""
    return {module: _fingerprints[module] for module in modules if module in _fingerprints}


def _take_up(reference: str) -> None:
    module = _executed(reference)
    inside = f"{module.__name__}."
    own = [
        each for each in vars(module).values() if isinstance(each, type) and f"{each.__module__}.".startswith(inside)
    ]
    algorithms = [each for each in own if issubclass(each, Declaration) and "name" in vars(each)]
    families = [each for each in own if issubclass(each, TaskFamily) and "spec" in vars(each)]
    plots = tuple(each for each in vars(module).values() if isinstance(each, Plot))
    if not algorithms and not families and not plots:
        raise UsageError(
            "defines neither an algorithm (a class with a name) nor a task family (a class with a spec) nor a plot"
        )
    for algorithm in algorithms:
        with _naming(algorithm):
            _check_algorithm(algorithm)
            register_algorithm(algorithm)
        _loaded["algorithm", algorithm.name] = reference
    for family in families:
        with _naming(family):
            _check_family(family)
            register_family(family)
        _loaded["family", family.spec.name] = reference
    register_families()
    _plots[reference] = plots
    if module.__file__:
        _fingerprints[reference] = sha256(Path(module.__file__).read_bytes()).hexdigest()[:16]


def _executed(reference: str) -> ModuleType:
    name = f"own_{sha256(reference.encode()).hexdigest()[:12]}"  # hides no other module
    try:
        if not reference.endswith(".py"):
            return import_module(reference)
        if not Path(reference).is_file():
            raise UsageError(f"there is no file {reference}")
        found = importlib.util.spec_from_file_location(name, reference)
        assert found is not None  # noqa: S101 - it is a .py
        assert found.loader is not None  # noqa: S101
        module = sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:  # what somebody's code may raise
        sys.modules.pop(name, None)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == reference]
        line = f" (line {frames[-1].lineno})" if frames else ""
        raise UsageError(f"cannot be executed: {type(error).__name__}: {error}{line}") from error
    return module


@contextmanager
def _naming(what: type) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{what.__name__}: {error}") from error


def _check_algorithm(algorithm: Any) -> None:
    """Refuse what could not be run, with a ValueError."""
    _check(algorithm, algorithm.name, getattr(algorithm, "revision", None))
    _check_metrics(algorithm.metrics)
    parameters = getattr(getattr(algorithm, "Settings", None), "__dataclass_params__", None)
    if not getattr(parameters, "frozen", False):
        raise ValueError("Settings: must be a frozen dataclass")
    if "implementation" not in vars(algorithm) and not hasattr(algorithm, "meta_train"):
        raise ValueError("lacks implementation, or is no Algorithm")


def _check_family(family: Any) -> None:
    if not isinstance(family.spec, FamilySpec):
        raise ValueError(f"spec: {family.spec!r}: must be a FamilySpec")
    _check(family, family.spec.name, family.spec.revision)
    _check_metrics(family.spec.metrics)


def _check(what: type, name: object, revision: object) -> None:
    if missing := sorted(getattr(what, "__abstractmethods__", ())):
        raise ValueError(f"lacks {', '.join(missing)}")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"name: {name!r}: must be letters, digits, dots and hyphens, at most 40")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise ValueError(f"revision: {revision!r}: must be a whole number from 1 on")


def _check_metrics(metrics: Any) -> None:
    """Refuse metrics that are not words by name, or have the name of a column."""
    if not isinstance(metrics, Mapping):
        raise ValueError(f"metrics: {metrics!r}: must be a mapping of names to words")
    for name, words in metrics.items():
        if not isinstance(name, str) or not METRIC.fullmatch(name) or name in TAKEN:
            raise ValueError(
                f"metrics: {name!r}: must be letters, digits and underscores, and none of {', '.join(TAKEN)}"
            )
        if not isinstance(words, str) or not words:
            raise ValueError(f"metrics: {name}: {words!r}: must be words that say what it is")
