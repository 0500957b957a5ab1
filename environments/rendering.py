"""Pictures of MuJoCo states, without a display."""

from __future__ import annotations

import os
from collections.abc import Callable
from ctypes.util import find_library
from functools import partial
from importlib import import_module

import mujoco
import numpy as np
from numpy.typing import NDArray

from environments.physics import STATE, integration_state


class Camera:
    """A named camera, whose renderer is made at the first picture and remade for another model or size.

    Pictures are drawn by OSMesa, or else EGL, unless the environment variable `MUJOCO_GL` says otherwise. Shadows and
    antialiasing are off: they take most of the time in software.

    Parameters
    ----------
    name : as in the model.
    turned : turn pictures by 180 degrees, for a camera that hangs upside down.
    """

    def __init__(self, name: str, *, turned: bool = False) -> None:
        self._name, self._turned = name, turned
        self._renderer: mujoco.Renderer | None = None
        self._seen: mujoco.MjData | None = None
        self._shown: tuple[mujoco.MjModel, int, int] | None = None

    def __reduce__(self) -> tuple[Callable[[], Camera], tuple[()]]:
        """Leave the renderer behind: a copy makes its own."""
        return partial(Camera, self._name, turned=self._turned), ()

    def picture(self, model: mujoco.MjModel, data: mujoco.MjData, width: int, height: int) -> NDArray[np.uint8]:
        """Return a (height, width, 3) picture; the state is copied, so that looking at it changes nothing.

        Raises
        ------
        RuntimeError
            If neither OSMesa nor EGL is installed.
        """
        if self._shown != (model, width, height):
            self.close()
            _choose_backend()
            _cheapen(model, width, height)
            self._renderer = mujoco.Renderer(model, height, width)
            self._seen = mujoco.MjData(model)
            self._shown = (model, width, height)
        assert self._renderer is not None  # noqa: S101 - for the type checker
        mujoco.mj_setState(model, self._seen, integration_state(model, data), STATE)
        mujoco.mj_forward(model, self._seen)
        self._renderer.update_scene(self._seen, camera=self._name)
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture[::-1, ::-1].copy() if self._turned else picture

    def close(self) -> None:
        """Release the renderer."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = self._seen = self._shown = None


def _choose_backend() -> None:
    if os.environ.get("MUJOCO_GL"):
        return
    for library, module in (("OSMesa", "mujoco.osmesa"), ("EGL", "mujoco.egl")):
        if find_library(library):
            mujoco.gl_context.GLContext = import_module(module).GLContext
            return
    raise RuntimeError("no OpenGL without a display: install OSMesa (Debian: libosmesa6) or EGL, or set MUJOCO_GL")


def _cheapen(model: mujoco.MjModel, width: int, height: int) -> None:
    visual = model.vis
    visual.global_.offwidth = max(visual.global_.offwidth, width)
    visual.global_.offheight = max(visual.global_.offheight, height)
    visual.quality.offsamples = 0
    visual.quality.shadowsize = 0
    model.light_castshadow[:] = 0
