"""Measurements that a paper's numbers are checked against: what has to be measured live, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Literal

import mujoco
from pydantic import Field, model_validator

from suite.errors import UsageError, unknown
from suite.papers.checks.check import Check, Found, Value
from suite.papers.folder import Folder, Printed, agrees, exact
from suite.papers.schema import Text

Measured = tuple[bool, dict[str, Value]]
"""Whether the print holds, and what was measured."""


def walker_parameters(published: Mapping[str, str], cited: Mapping[str, str]) -> Measured:
    """Count the entries of the planar walker's arrays that walker-2d-rand-params randomises, in Gymnasium's model."""
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
    return agrees(published["parameters"], total), randomised | sizes


def momentum_memory(published: Mapping[str, str], cited: Mapping[str, str]) -> Measured:
    """Measure how many updates a momentum encoder averages: phi_k <- m phi_k + (1 - m) phi_q averages 1 / (1 - m).

    The print holds if it weighs what the cited method weighs: the key encoder above one half, or below in both.
    """
    printed, other = float(exact(published["momentum"])), float(exact(cited["momentum"]))
    if not (0 < printed < 1 and 0 < other < 1):
        raise UsageError(f"momentum: {printed:g} and {other:g}: must lie between 0 and 1")
    memory: dict[str, Value] = {"printed": 1 / (1 - printed), "cited": 1 / (1 - other), "reversed": 1 / printed}
    return (printed > 0.5) == (other > 0.5), memory


MEASUREMENTS: Mapping[str, tuple[Callable[[Mapping[str, str], Mapping[str, str]], Measured], tuple[str, ...]]] = {
    "walker-parameters": (walker_parameters, ("parameters",)),
    "momentum-memory": (momentum_memory, ("momentum",)),
}
"""Name -> the measurement, and the printed numbers that it reads."""


class Measurement(Check):
    """A printed number against something that is measured when the audit runs."""

    check: Literal["measurement"]
    measurement: Text
    cited: dict[Text, Printed] = Field(default_factory=dict)
    """What the cited source holds, for measurements that compare with it."""
    source: Text | None = None
    recomputed: Text
    rule: Text
    explanation: Text | dict[Literal["holds", "contradicted", "not derivable"], Text]

    @model_validator(mode="after")
    def _known(self) -> Measurement:
        if self.measurement not in MEASUREMENTS:
            raise ValueError(unknown("measurement", self.measurement, MEASUREMENTS))
        for name in MEASUREMENTS[self.measurement][1]:
            if name not in self.published:
                raise ValueError(f"published: has no {name!r}, which the measurement reads")
        if self.cited and not self.source:
            raise ValueError("source: says where the cited numbers stand")
        return self

    def find(self, paper: Folder) -> Found:
        """Measure."""
        holds, values = MEASUREMENTS[self.measurement][0](self.published, self.cited)
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
