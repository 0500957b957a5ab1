"""Running and judging: benchmark, plan, runs, store, tables, verdicts, page."""

TYPE_CHECKING = False
"""As in `typing`, which a file of the working folder may shadow where `suite.__main__` has not yet had its say."""

if TYPE_CHECKING:
    from suite.errors import UsageError
    from suite.execute.executor import Limits, Request, Retries
    from suite.inspect.agent import Agent, load
    from suite.plan.benchmark import Benchmark
    from suite.plan.plots import plot
    from suite.session import Outcome, Selection, results, run
    from suite.tuning.search import tune

_HOME = {
    "suite.inspect.agent": ("Agent", "load"),
    "suite.session": ("Outcome", "Selection", "results", "run"),
    "suite.tuning.search": ("tune",),
    "suite.execute.executor": ("Limits", "Request", "Retries"),
    "suite.plan.benchmark": ("Benchmark",),
    "suite.plan.plots": ("plot",),
    "suite.errors": ("UsageError",),
}
"""The modules of what programs use; the command line does without torch, and so without most of it."""

__all__ = [
    "Agent",
    "Benchmark",
    "Limits",
    "Outcome",
    "Request",
    "Retries",
    "Selection",
    "UsageError",
    "load",
    "plot",
    "results",
    "run",
    "tune",
]


def __getattr__(name: str) -> object:
    """Import what programs use when they ask for it."""
    from importlib import import_module

    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
