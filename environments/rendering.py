"""Pictures of MuJoCo states, without a display."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable
from ctypes.util import find_library
from functools import partial
from importlib import import_module
from typing import Any

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
            If neither OSMesa nor EGL is installed, or what the environment names cannot draw.
        """
        if self._shown != (model, width, height):
            self.close()
            _choose_backend()
            _cheapen(model, width, height)
            self._renderer = mujoco.Renderer(model, height, width)
            self._release = weakref.finalize(self, self._renderer.close)  # at the latest before the interpreter ends
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
            self._release()
        self._renderer = self._seen = self._shown = None


BACKENDS = {"osmesa": "OSMesa", "egl": "EGL", "glfw": "glfw"}
"""Modules of MuJoCo that make a context to draw in, and the libraries that they need; glfw needs a display too."""


def _choose_backend() -> None:
    """Let MuJoCo draw with what the environment names, or else with what is installed.

    Raises
    ------
    RuntimeError
        If that cannot draw.
    """
    named = next((name for name in ("MUJOCO_GL", "PYOPENGL_PLATFORM") if os.environ.get(name, "").strip()), None)
    if named is not None:
        backend = os.environ[named].strip().lower()
        remedy = f"{named}={os.environ[named]}: set it to osmesa or egl, whichever is installed, or to nothing"
        if backend not in BACKENDS:
            raise RuntimeError(remedy)
    else:
        remedy = "no OpenGL without a display: install OSMesa (Debian: libosmesa6) or EGL"
        found = [name for name in ("osmesa", "egl") if find_library(BACKENDS[name])]
        if not found:
            raise RuntimeError(f"{remedy}, or set MUJOCO_GL")
        backend = found[0]
    if backend == "glfw" and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise RuntimeError(f"{remedy} (there is no display)")
    try:
        with warnings.catch_warnings(action="ignore"):  # glfw says more than once that it cannot
            context = import_module(f"mujoco.{backend}").GLContext
            _draw_nothing(context)
    except Exception as error:  # PyOpenGL raises whatever comes of a missing library
        raise RuntimeError(f"{remedy} ({' '.join(str(error).split())})") from error
    mujoco.gl_context.GLContext = context


def _draw_nothing(context: Any) -> None:
    """Make a context and give it back; raises whatever a renderer would, which then complains a second time."""
    trial = context.__new__(context)
    trial._context = None  # if it cannot be initialised, its destructor would complain of this
    try:
        trial.__init__(1, 1)
        trial.make_current()
        mujoco.MjrContext(mujoco.MjModel.from_xml_string("<mujoco/>"), mujoco.mjtFontScale.mjFONTSCALE_50)
    finally:
        trial.free()


def _cheapen(model: mujoco.MjModel, width: int, height: int) -> None:
    visual = model.vis
    visual.global_.offwidth = max(visual.global_.offwidth, width)
    visual.global_.offheight = max(visual.global_.offheight, height)
    visual.quality.offsamples = 0
    visual.quality.shadowsize = 0
    model.light_castshadow[:] = 0
