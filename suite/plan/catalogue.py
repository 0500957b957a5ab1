"""The names that the suite knows, and what they stand for: algorithms, environments, benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from suite.docstrings import docstring, field_docstrings
from suite.errors import UsageError, unknown

if TYPE_CHECKING:
    from algorithms import Range

Rows = list[dict[str, Any]]


def catalogue(what: str) -> Rows:
    """Return one row for each algorithm, environment or benchmark.

    Raises
    ------
    UsageError
        If `what` is none of the three.
    """
    if what not in CATALOGUES:
        raise UsageError(unknown("list", what, CATALOGUES))
    return CATALOGUES[what]()


# Each imports what it lists.


def _algorithms() -> Rows:
    from algorithms import ENTRANTS

    return [
        {"name": name, "about": " ".join(docstring(algorithm).split()), "revision": algorithm.revision}
        for name, algorithm in ENTRANTS.items()
    ]


def _environments() -> Rows:
    from environments import family_names, family_spec

    specs = [family_spec(name) for name in family_names()]
    return [
        {
            "name": spec.name,
            "kind": spec.kind,
            "observations": spec.observation_size,
            "actions": spec.action_size,
            "task": spec.task_size,
            "horizon": spec.horizon,
            "exploration_episodes": spec.exploration_episodes,
            "train_tasks": spec.train_tasks,
            "test_tasks": spec.test_tasks,
            "success": spec.success,
        }
        for spec in specs
    ]


def _benchmarks() -> Rows:
    from suite.plan.benchmark import load_benchmark, shipped_benchmarks

    benchmarks = [load_benchmark(name) for name in shipped_benchmarks()]
    return [
        {"name": benchmark.name, "runs": len(benchmark.plan()), "about": benchmark.description}
        for benchmark in benchmarks
    ]


CATALOGUES: dict[str, Callable[[], Rows]] = {
    "algorithms": _algorithms,
    "environments": _environments,
    "benchmarks": _benchmarks,
}


def names() -> list[str]:
    """Return the names of all algorithms, environments and shipped benchmarks."""
    from algorithms import ENTRANTS
    from environments import family_names
    from suite.plan.benchmark import shipped_benchmarks

    return [*ENTRANTS, *family_names(), *shipped_benchmarks()]


def benchmark_text(name: str) -> str | None:
    """Return the file of a shipped benchmark; None if none has this name."""
    from suite.plan.benchmark import shipped_files

    path = shipped_files().get(name)
    return None if path is None else path.read_text(encoding="utf-8")


def described(name: str, environment: str | None = None) -> Rows:
    """Return one row for each setting of an algorithm, or for each size and option of an environment.

    Parameters
    ----------
    environment : the one whose defaults are meant, of an algorithm; by default those of no environment in particular.

    Raises
    ------
    UsageError
        If there is neither an algorithm nor an environment of this name, or no such environment.
    """
    from algorithms import ENTRANTS
    from environments import family_names

    if environment is not None and environment not in family_names():
        raise UsageError(unknown("--environment", environment, family_names()))
    if name in ENTRANTS:
        return _settings(name, environment)
    if name not in family_names():
        raise UsageError(unknown("name", name, names()))
    if environment is not None:
        raise UsageError(f"--environment: {name} is an environment itself")
    return _environment(name)


def _settings(algorithm: str, environment: str | None) -> Rows:
    from algorithms import ENTRANTS
    from suite.plan.settings import default_settings, printed_settings

    declaration = ENTRANTS[algorithm]
    defaults = default_settings(algorithm) | (printed_settings(algorithm, environment) if environment else {})
    texts = field_docstrings(declaration.Settings)
    return [
        {
            "setting": setting,
            "default": default,
            "tuned": _range_text(declaration.ranges.get(setting, ())),
            "about": " ".join(texts.get(setting, "").split()),
        }
        for setting, default in defaults.items()
    ]


def _range_text(values: Range) -> str:
    from algorithms import Between

    return f"{values.low:g} to {values.high:g}" if isinstance(values, Between) else ", ".join(map(str, values))


def _environment(name: str) -> Rows:
    from environments import family_options, family_spec

    spec = {key: value for key, value in asdict(family_spec(name)).items() if value not in ("", {})}
    options = {f"environment_options: {key}": " or ".join(values) for key, values in family_options(name).items()}
    return [{"of": key, "value": value} for key, value in (spec | options).items()]
