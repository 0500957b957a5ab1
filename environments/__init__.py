"""What an agent learns on: task families, their simulations and their names."""

from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step

__all__ = [
    "BoolArray",
    "FamilySpec",
    "FloatArray",
    "IntArray",
    "Simulation",
    "Step",
    "TaskFamily",
    "TaskSplit",
]
