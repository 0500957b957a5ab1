"""How an agent meta-learns: one file an algorithm, behind one interface."""

from algorithms.interface import Algorithm, Count, Episodes, MetaTestAgent, Metrics, Problem, State, Streams, Tasks
from algorithms.registry import ALGORITHMS, ENTRANTS, PEERS, paper_settings
from algorithms.rollouts import run_episodes

__all__ = [
    "ALGORITHMS",
    "ENTRANTS",
    "PEERS",
    "Algorithm",
    "Count",
    "Episodes",
    "MetaTestAgent",
    "Metrics",
    "Problem",
    "State",
    "Streams",
    "Tasks",
    "paper_settings",
    "run_episodes",
]
