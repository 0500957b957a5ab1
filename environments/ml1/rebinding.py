"""A lean subclass of any Meta-World environment class.

Meta-World's own code goes on computing rewards and object poses; only what it calls is exchanged. Its functions are
rebound to a namespace in which `np.linalg.norm` and SciPy's `Rotation` are plain arithmetic for one small vector, and
`self.data` answers names with cached views.
"""

from __future__ import annotations

import math
from functools import cache, cached_property
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import mujoco
import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from environments.simulation import FloatArray


class NamedViews:
    """An `MjData` whose named accessors are made once; every other attribute is the data's own."""

    def __init__(self, data: mujoco.MjData) -> None:
        self._data = data
        self._sites: dict[str, SimpleNamespace] = {}
        self._geoms: dict[str, SimpleNamespace] = {}
        self._bodies: dict[str, SimpleNamespace] = {}
        self._joints: dict[str, SimpleNamespace] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def site(self, name: str) -> SimpleNamespace:
        """Return the named site's views."""
        return self._sites.get(name) or _remember(self._sites, name, self._data.site(name), "id", "xpos", "xmat")

    def geom(self, name: str) -> SimpleNamespace:
        """Return the named geom's views."""
        return self._geoms.get(name) or _remember(self._geoms, name, self._data.geom(name), "id", "xpos", "xmat")

    def body(self, name: str) -> SimpleNamespace:
        """Return the named body's views."""
        fields = ("id", "xpos", "xmat", "xquat")
        return self._bodies.get(name) or _remember(self._bodies, name, self._data.body(name), *fields)

    def joint(self, name: str) -> SimpleNamespace:
        """Return the named joint's views."""
        return self._joints.get(name) or _remember(self._joints, name, self._data.joint(name), "id", "qpos", "qvel")


def _remember(known: dict[str, SimpleNamespace], name: str, accessor: Any, *fields: str) -> SimpleNamespace:
    known[name] = SimpleNamespace(**{field: getattr(accessor, field) for field in fields})
    return known[name]


def _norm(vector: Any, ord: int = 2) -> Any:
    if ord != 2:
        return np.linalg.norm(vector, ord)
    if isinstance(vector, np.ndarray):
        return np.sqrt(vector.dot(vector))
    return np.sqrt(vector * vector)


class Rotation:
    """The one use that Meta-World makes of SciPy's class: a rotation matrix to a quaternion (x, y, z, w)."""

    def __init__(self, quaternion: FloatArray) -> None:
        self._quaternion = quaternion

    @classmethod
    def from_matrix(cls, matrix: FloatArray) -> Rotation:
        """Read an orthogonal (3, 3) matrix; Shepperd's method in SciPy's order of operations."""
        (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
        trace = a + e + i
        largest = max(a, e, i, trace)
        if a == largest:
            x, y, z, w = 1 - trace + 2 * a, d + b, g + c, h - f
        elif e == largest:
            x, y, z, w = d + b, 1 - trace + 2 * e, h + f, c - g
        elif i == largest:
            x, y, z, w = g + c, h + f, 1 - trace + 2 * i, d - b
        else:
            x, y, z, w = h - f, c - g, d - b, 1 + trace
        norm = math.sqrt(x * x + y * y + z * z + w * w)
        return cls(np.array((x / norm, y / norm, z / norm, w / norm)))

    def as_quat(self) -> FloatArray:
        """Return (x, y, z, w)."""
        return self._quaternion


_NUMPY = ModuleType("numpy_for_small_vectors")
_NUMPY.__dict__.update(vars(np))
_NUMPY.__dict__.update(
    linalg=SimpleNamespace(norm=_norm),
    all=lambda truths: truths.all(),
)


class Lean:
    """The methods that every Meta-World class shares and calls most; mixed in before it."""

    data: Any
    _get_pos_objects: Any
    _get_quat_objects: Any

    @cached_property
    def _fingers(self) -> tuple[FloatArray, FloatArray]:
        return self.data.site("rightEndEffector").xpos, self.data.site("leftEndEffector").xpos

    @cached_property
    def _hand_and_claws(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.data.body("hand").xpos, self.data.body("rightclaw").xpos, self.data.body("leftclaw").xpos

    @property
    def tcp_center(self) -> FloatArray:
        """The middle between the two fingers, shape (3,)."""
        right, left = self._fingers
        return (right + left) / 2.0

    def get_body_com(self, body_name: str) -> FloatArray:
        """Return a live view of a body's position, shape (3,)."""
        view: FloatArray = self.data.body(body_name).xpos
        return view

    def _get_site_pos(self, site_name: str) -> FloatArray:
        position: FloatArray = self.data.site(site_name).xpos.copy()
        return position

    def observe(self, out: FloatArray) -> None:
        """Write hand (3), gripper opening (1), and position (3) and quaternion (4) of each object; the rest is zero."""
        hand, right, left = self._hand_and_claws
        out[:3] = hand
        between = right - left
        out[3] = min(max(math.sqrt(between.dot(between)) / 0.1, 0.0), 1.0)
        positions, quaternions = self._get_pos_objects(), self._get_quat_objects()
        if len(positions) == 3:
            out[4:7] = positions
            out[7:11] = quaternions
        else:
            out[4:].reshape(2, 7)[:, :3] = positions.reshape(2, 3)
            out[4:].reshape(2, 7)[:, 3:] = quaternions.reshape(2, 4)


@cache
def lean_class(upstream: Any) -> Any:
    """Return the lean subclass of a Meta-World environment class. It is not constructed but filled from a sibling."""
    return type(f"Lean{upstream.__name__}", (Lean, _rebound(upstream), upstream), {})


def _rebound(upstream: Any) -> Any:
    """Collect the class's own functions, and those it inherits from Meta-World's base for rewards, over lean names."""
    functions = {"_gripper_caging_reward": SawyerXYZEnv._gripper_caging_reward, **vars(upstream)}
    return type(
        f"Rebound{upstream.__name__}",
        (),
        {
            name: FunctionType(
                function.__code__,
                {**function.__globals__, "np": _NUMPY, "Rotation": Rotation},
                name,
                function.__defaults__,
                function.__closure__,
            )
            for name, function in functions.items()
            if isinstance(function, FunctionType) and not name.startswith("__")
        },
    )
