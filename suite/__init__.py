"""Running and judging: benchmark, plan, runs, store, tables, verdicts, page."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.inspect.agent import Agent, load

__all__ = ["Agent", "load"]


def __getattr__(name: str) -> Any:
    """Import what programs use when they ask for it: the command line does without torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("suite.inspect.agent"), name)
