"""Pictures under whatever the environment says of OpenGL: drawn, or refused in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from ctypes.util import find_library

import pytest

SCRIPT = """
import sys
import numpy as np
from environments import make_family

simulation = make_family("cheetah-vel").simulation(1)
family = make_family("cheetah-vel")
simulation.reset(np.array([0]), family.sample_tasks(0).train[:1], [np.random.default_rng(0)])
try:
    print(simulation.render(0, 32, 32).shape)
except RuntimeError as error:
    print("refused:", error)
"""


def draw(**variables: str) -> subprocess.CompletedProcess[str]:
    """Draw one picture and end, without closing what drew it."""
    hidden = ("MUJOCO_GL", "PYOPENGL_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | variables
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.skipif(not (find_library("OSMesa") or find_library("EGL")), reason="no OpenGL without a display")
def test_an_unclosed_renderer_ends_quietly() -> None:
    done = draw()
    assert done.stdout == "(32, 32, 3)\n"
    assert done.stderr == ""


@pytest.mark.parametrize("named", ["MUJOCO_GL=glfw", "MUJOCO_GL=rubbish", "MUJOCO_GL=off", "PYOPENGL_PLATFORM=x11"])
def test_what_cannot_draw_is_refused_in_one_line(named: str) -> None:
    done = draw(**dict([named.split("=")]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"refused: {named}: set it to osmesa or egl")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("named", ["MUJOCO_GL=osmesa", "PYOPENGL_PLATFORM=osmesa"])
def test_a_library_that_is_not_installed_is_named(named: str) -> None:
    done = draw(**dict([named.split("=")]))
    assert done.stdout.startswith("(32, 32, 3)" if find_library("OSMesa") else f"refused: {named}")
    assert done.stderr == ""


@pytest.mark.parametrize(
    "variables",
    [{"MUJOCO_GL": "egl", "MUJOCO_EGL_DEVICE_ID": "77"}, {"MUJOCO_GL": "glfw", "DISPLAY": ":4711"}],
    ids=lambda variables: variables["MUJOCO_GL"],
)
def test_a_back_end_that_is_installed_but_cannot_draw_is_refused_in_one_line(variables: dict[str, str]) -> None:
    done = draw(**variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"refused: MUJOCO_GL={variables['MUJOCO_GL']}: set it to osmesa or egl")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
