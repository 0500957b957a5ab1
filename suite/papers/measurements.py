"""Measurements that a paper's numbers are checked against: what has to be measured live, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from environments import import_simulator
from suite.errors import UsageError, unknown
from suite.papers.checks.check import Check, Found, Value
from suite.papers.folder import Folder, Printed, PrintedTable, agrees, exact
from suite.schema import Text

Measured = tuple[bool, dict[str, Value]]
"""The verdict on the print, and what was measured."""


@dataclass(frozen=True)
class Given:
    """The input of a measurement."""

    published: Mapping[str, str]
    cited: Mapping[str, str]
    tables: Mapping[str, PrintedTable]
    """Parameters, by the names that the measurement has for them."""


def walker_parameters(given: Given) -> Measured:
    """Count the entries of the planar walker's arrays that walker-2d-rand-params randomises, in Gymnasium's model."""
    mujoco = import_simulator("mujoco")  # here: other audits need not wait for it
    asset = files("gymnasium") / "envs" / "mujoco" / "assets" / "walker2d.xml"
    model = mujoco.MjModel.from_xml_string(asset.read_text(encoding="utf-8"))
    randomised = {
        "mass": model.body_mass.size,
        "inertia": model.body_inertia.size,
        "damping": model.dof_damping.size,
        "friction": model.geom_friction.size,
    }
    total = sum(randomised.values())
    sizes = {"parameters": total, "bodies": model.nbody, "freedoms": model.nv, "geoms": model.ngeom}
    return agrees(given.published["parameters"], total), randomised | sizes


def momentum_memory(given: Given) -> Measured:
    """Measure how many updates a momentum encoder averages: phi_k <- m phi_k + (1 - m) phi_q averages 1 / (1 - m).

    The print holds if it weighs what the cited method weighs: the key encoder above one half, or below in both.
    """
    printed, other = (float(exact(text["momentum"])) for text in (given.published, given.cited))
    if not (0 < printed < 1 and 0 < other < 1):
        raise UsageError(f"momentum: {printed:g} and {other:g}: must lie between 0 and 1")
    memory: dict[str, Value] = {"printed": 1 / (1 - printed), "cited": 1 / (1 - other), "reversed": 1 / printed}
    return (printed > 0.5) == (other > 0.5), memory


def distance_exponent(given: Given) -> Measured:
    """Fit p of reward = -distance ** p to logged steps: their places, goals and rewards.

    Standing still at the origin for 100 steps is worth -100 times the mean over the goals of distance ** p.
    """
    steps, goals = given.tables["steps"], given.tables["goals"]
    places, aims = (np.column_stack([steps.numbers(name) for name in names]) for names in (("x", "y"), _AIM))
    distances, losses = np.linalg.norm(places - aims, axis=1), -steps.numbers("reward")
    if (distances <= 0).any() or (losses <= 0).any():
        raise UsageError(f"{steps.file}: every step needs a distance and a loss above zero")
    exponent = float(np.polyfit(np.log(distances), np.log(losses), 1)[0])
    away = np.linalg.norm(np.column_stack([goals.numbers("x"), goals.numbers("y")]), axis=1)
    return agrees(given.published["exponent"], exponent), {
        "exponent": exponent,
        "error": float(np.abs(losses - distances).max()),
        "steps": len(distances),
        "still": float(-100 * away.mean()),
        "still squared": float(-100 * (away**2).mean()),
    }


_AIM = ("goal x", "goal y")


def step_size(given: Given) -> Measured:
    """Divide each logged change of a parameter by the gradient that it follows from."""
    changes = given.tables["changes"]
    before, after, gradient = (changes.exact(name) for name in ("before", "after", "gradient"))
    rates = [float((y - x) / slope) for x, y, slope in zip(before, after, gradient, strict=True)]
    return all(agrees(given.published["step size"], rate) for rate in rates), {
        "lowest": min(rates),
        "highest": max(rates),
        "changes": len(rates),
    }


@dataclass(frozen=True)
class Known:
    """A measurement, and what it reads."""

    measure: Callable[[Given], Measured]
    published: tuple[str, ...]
    cited: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


MEASUREMENTS: Mapping[str, Known] = {
    "walker-parameters": Known(walker_parameters, ("parameters",)),
    "momentum-memory": Known(momentum_memory, ("momentum",), cited=("momentum",)),
    "distance-exponent": Known(distance_exponent, ("exponent",), tables=("steps", "goals")),
    "step-size": Known(step_size, ("step size",), tables=("changes",)),
}
"""Measurements, by name."""


class Measurement(Check):
    """A printed number against something that is measured when the audit runs."""

    check: Literal["measurement"]
    measurement: Text
    cited: dict[Text, Printed] = Field(default_factory=dict)
    """The contents of the cited source, for measurements that compare with it."""
    source: Text | None = None
    tables: dict[Text, Text] = Field(default_factory=dict)
    """The measurement's name of a table -> the table."""
    recomputed: Text
    rule: Text
    explanation: Text | dict[Literal["holds", "contradicted", "not derivable"], Text]

    @model_validator(mode="after")
    def _known_measurement(self) -> Measurement:
        if self.measurement not in MEASUREMENTS:
            raise ValueError(unknown("measurement", self.measurement, MEASUREMENTS))
        known = MEASUREMENTS[self.measurement]
        for key, names, has in (
            ("published", known.published, self.published),
            ("cited", known.cited, self.cited),
            ("tables", known.tables, self.tables),
        ):
            for name in names:
                if name not in has:
                    raise ValueError(f"{key}: has no {name!r}, which the measurement reads")
        if self.cited and not self.source:
            raise ValueError("source: says where the cited numbers stand")
        return self

    def find(self, paper: Folder) -> Found:
        """Measure."""
        given = Given(self.published, self.cited, {name: paper.table(key) for name, key in self.tables.items()})
        holds, values = MEASUREMENTS[self.measurement].measure(given)
        return Found(
            holds,
            "",
            "",
            "",
            {
                **{f"{name} as printed": text for name, text in self.published.items()},
                **{f"{name} as cited": text for name, text in self.cited.items()},
                **values,
            },
        )
