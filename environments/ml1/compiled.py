"""One compiled MuJoCo model for all environments of a Meta-World class."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import mujoco

from environments.simulation import FloatArray

DRAWS = 8
"""More than any reset asks for when it accepts its task at once."""


@lru_cache(maxsize=4)
def pristine_model(path: str) -> mujoco.MjModel:
    """Compile a model file (some 20 MB), or return one of the last few; not to be written to."""
    return mujoco.MjModel.from_xml_path(path)


def with_shared_model(upstream: type[Any]) -> type[Any]:
    """Return a subclass of a Meta-World class that copies its compiled model instead of compiling it anew.

    Its reset raises `ValueError` for a task that Meta-World would draw again (object and goal too close together),
    where Meta-World itself would loop for ever.
    """

    class Compiled(upstream):  # type: ignore[misc]
        _draws = 0

        def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
            model = copy.copy(pristine_model(self.fullpath))
            return model, mujoco.MjData(model)

        def reset(self, **keywords: Any) -> Any:
            self._draws = 0
            return super().reset(**keywords)

        def _get_state_rand_vec(self) -> FloatArray:
            self._draws += 1
            task: FloatArray = super()._get_state_rand_vec()
            if self._freeze_rand_vec and self._draws > DRAWS:
                raise ValueError(f"Meta-World rejects the task {task.tolist()}: object and goal are too close together")
            return task

    return Compiled
