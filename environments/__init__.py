"""The environments that an agent learns on: task families, their simulations and their names."""

from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.gymnasium_family import GymnasiumFamily
from environments.registration import environment_id, register_families
from environments.registry import (
    added_options,
    family_names,
    family_options,
    family_spec,
    import_simulator,
    make_family,
    receive_warnings,
    register_family,
)
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step

__all__ = [
    "BoolArray",
    "FamilySpec",
    "FloatArray",
    "GymnasiumFamily",
    "IntArray",
    "Simulation",
    "Step",
    "TaskFamily",
    "TaskSplit",
    "added_options",
    "environment_id",
    "family_names",
    "family_options",
    "family_spec",
    "import_simulator",
    "make_family",
    "receive_warnings",
    "register_families",
    "register_family",
]

register_families()
