"""The meta-learning algorithms: one file each, behind one interface."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from algorithms.declaration import Between, Count, Declaration, Problem, Range
from algorithms.registry import ALGORITHMS, ENTRANTS, PEERS, load_algorithm, paper_settings, register_algorithm

if TYPE_CHECKING:
    from algorithms.interface import Algorithm, Episodes, MetaTestAgent, Metrics, State, StepwiseAgent, Streams, Tasks
    from algorithms.rollouts import run_at_least, run_episodes

__all__ = [
    "ALGORITHMS",
    "ENTRANTS",
    "PEERS",
    "Algorithm",
    "Between",
    "Count",
    "Declaration",
    "Episodes",
    "MetaTestAgent",
    "Metrics",
    "Problem",
    "Range",
    "State",
    "StepwiseAgent",
    "Streams",
    "Tasks",
    "load_algorithm",
    "paper_settings",
    "register_algorithm",
    "run_at_least",
    "run_episodes",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for: declarations and settings do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("algorithms.rollouts" if name.startswith("run_") else "algorithms.interface"), name)
