"""Running and judging: benchmark, plan, runs, store, tables, verdicts, page."""

TYPE_CHECKING = False
"""As in `typing`, which a file of the working folder may shadow where `suite.__main__` has not yet had its say."""

if TYPE_CHECKING:
    from suite.inspect.agent import Agent, load

__all__ = ["Agent", "load"]


def __getattr__(name: str) -> object:
    """Import what programs use when they ask for it: the command line does without torch."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("suite.inspect.agent"), name)
