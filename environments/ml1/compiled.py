"""One compiled MuJoCo model for all environments of a Meta-World class."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import mujoco


@cache
def pristine_model(path: str) -> mujoco.MjModel:
    """Compile a model file once a process; not to be written to."""
    return mujoco.MjModel.from_xml_path(path)


def with_shared_model(upstream: type[Any]) -> type[Any]:
    """Return a subclass of a Meta-World class that copies its compiled model instead of compiling it anew."""

    class Compiled(upstream):  # type: ignore[misc]
        def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
            model = copy.copy(pristine_model(self.fullpath))
            model.vis.global_.offwidth = max(model.vis.global_.offwidth, self.width)
            model.vis.global_.offheight = max(model.vis.global_.offheight, self.height)
            return model, mujoco.MjData(model)

    return Compiled
