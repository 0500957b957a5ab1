"""The executors by name, as `--executor` takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from suite.errors import UsageError, unknown
from suite.execute.executor import OPTIONS, Executor, Request
from suite.store.runs import Store

EXECUTORS = {
    "local": "suite.execute.local:LocalExecutor",
    "docker": "suite.execute.docker.executor:DockerExecutor",
    "slurm": "suite.execute.slurm.executor:SlurmExecutor",
}
"""The class of each, and the module it is in; the first is the default. Imported when it is asked for."""

DEFAULT = next(iter(EXECUTORS))


def executor_class(name: str) -> type[Executor]:
    """Return the class of an executor.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    if name not in EXECUTORS:
        raise UsageError(f"--executor: {unknown('executor', name, EXECUTORS)}")
    module, _, kind = EXECUTORS[name].partition(":")
    found: type[Executor] = getattr(import_module(module), kind)
    return found


def make_executor(name: str, store: Store, request: Request | None = None) -> Executor:
    """Return the executor of a name, for a store.

    Raises
    ------
    UsageError
        If there is none of this name, or it does not take an option of the request.
    """
    kind, request = executor_class(name), request or Request()
    for option in OPTIONS:
        if getattr(request, option) is not None and option not in kind.takes:
            others = " or ".join(other for other in EXECUTORS if option in executor_class(other).takes)
            raise UsageError(f"--{option}: is for --executor {others}")
    return kind(store, request)


def all_executors(store: Store) -> Iterator[tuple[str, Executor]]:
    """Yield every executor by its name."""
    for name in EXECUTORS:
        yield name, make_executor(name, store)


def positions(store: Store, warn: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """Return, by run, which executors go on with runs by themselves, and where they have them: two columns.

    Parameters
    ----------
    warn : is told which executor cannot say.
    """
    executors: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, executor in all_executors(store):
        try:
            its = executor.positions()
        except UsageError as error:
            warn(f"without what {name} knows: {error}")
        else:
            found |= its
            executors |= dict.fromkeys(its, name)
    return {"executor": executors, "position": found}
