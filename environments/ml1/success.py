"""The success criteria of ML1 tasks: Meta-World's own, read from the state and so the same under either reward.

Under the v1 reward Meta-World's flag is wrong in hand-insert (it compares where the object started), stick-push (it
asks for a grasp that v1 never reports) and peg-insert-side (it measures from another point of the peg).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from environments.simulation import FloatArray

ALL_AXES = (1.0, 1.0, 1.0)
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
XY = (1.0, 1.0, 0.0)

Test = Callable[[Any, FloatArray], bool]
"""From the environment and the observation just made of it to whether the task is solved in this state."""


@dataclass(frozen=True)
class Criterion:
    """A test and what it says in words."""

    words: str
    test: Test


def _near(
    radius: float,
    weights: tuple[float, float, float] = ALL_AXES,
    *,
    site: str = "",
    offset: tuple[float, float, float] | None = None,
    height: float | None = None,
    words: str = "",
) -> Criterion:
    """Ask that the object (or a site), moved by `offset`, be within `radius` of the target, axes weighted.

    `height` replaces the target's.
    """
    scale = None if weights == ALL_AXES else np.array(weights)
    shift = None if offset is None else np.array(offset)

    def test(environment: Any, observation: FloatArray) -> bool:
        point = environment._get_site_pos(site) if site else observation[4:7]
        if shift is not None:
            point = point + shift
        target = environment._target_pos
        if height is not None:
            target = target.copy()
            target[2] = height
        gap = point - target
        if scale is not None:
            gap *= scale
        return math.sqrt(gap.dot(gap)) <= radius

    axes = {ALL_AXES: "", X: " in x", Y: " in y", Z: " in z", XY: " in x and y"}.get(
        weights, f", axes weighted {weights}"
    )
    return Criterion(words or f"{site or 'object'} within {radius} m of the target{axes}", test)


def _tool_near(environment: Any, _: FloatArray) -> bool:
    gap = environment.tcp_center - environment._target_pos
    return math.sqrt(gap.dot(gap)) <= 0.05


def _nut_on_peg(environment: Any, _: FloatArray) -> bool:
    gap = environment._target_pos - environment._get_site_pos("RoundNut")
    return bool(math.hypot(gap[0], gap[1]) < 0.02 and gap[2] > 0.0)


def _nut_off_peg(environment: Any, observation: FloatArray) -> bool:
    return bool(observation[6] > environment._target_pos[2])


def _lid_on_box(environment: Any, observation: FloatArray) -> bool:
    gap = observation[4:7] - environment._target_pos
    return math.sqrt(gap.dot(gap)) < 0.08


def _door_open(environment: Any, observation: FloatArray) -> bool:
    return bool(abs(observation[4] - environment._target_pos[0]) <= 0.08)


def _nail_in(environment: Any, _: FloatArray) -> bool:
    return bool(environment.data.joint("NailSlideJoint").qpos[0] > 0.09)


def _lever_up(environment: Any, _: FloatArray) -> bool:
    return bool(abs(-environment.data.joint("LeverAxis").qpos[0] - math.pi / 2) <= math.pi / 24)


def _container_pulled(environment: Any, observation: FloatArray) -> bool:
    handle = observation[11:14]
    gap = handle - environment._target_pos
    if math.sqrt(gap.dot(gap)) > 0.12:
        return False
    x, y, z = environment._get_site_pos("stick_end") - handle
    return bool(x >= 0.0 and abs(y) <= 0.04 and abs(z) <= 0.06)


def _container_pushed(environment: Any, observation: FloatArray) -> bool:
    gap = observation[11:14] - environment._target_pos
    if math.sqrt(gap.dot(gap)) > 0.12:
        return False
    lifted = observation[6] - 0.01 > environment.stick_init_pos[2]
    return bool(lifted and observation[3] > 0 and environment.touching_main_object)


_CLOSE = _near(0.07)

CRITERIA: dict[str, Criterion] = {
    "assembly": Criterion("the nut's centre within 0.02 m of the peg in x and y, and below its top", _nut_on_peg),
    "basketball": _near(0.08, (1.0, 1.0, 2.0), height=0.3, words="ball within 0.08 m of the hoop at z = 0.3, z twice"),
    "bin-picking": _near(0.05),
    "box-close": Criterion("lid within 0.08 m of its place", _lid_on_box),
    "button-press": _near(0.02, Y),
    "button-press-topdown": _near(0.024, Z),
    "button-press-topdown-wall": _near(0.024, Z),
    "button-press-wall": _near(0.03, Y),
    "coffee-button": _near(0.02, Y),
    "coffee-pull": _CLOSE,
    "coffee-push": _CLOSE,
    "dial-turn": _CLOSE,
    "disassemble": Criterion("nut above the target height", _nut_off_peg),
    "door-close": _near(0.08),
    "door-lock": _near(0.02, Z),
    "door-open": Criterion("handle within 0.08 m of the target in x", _door_open),
    "door-unlock": _near(0.02, X),
    "drawer-close": _near(0.065),
    "drawer-open": _near(0.03),
    "faucet-close": _CLOSE,
    "faucet-open": _near(0.07, offset=(-0.04, 0.0, 0.03)),
    "hammer": Criterion("nail driven in by more than 0.09 m", _nail_in),
    "hand-insert": _near(0.05),
    "handle-press": _near(0.02, Z),
    "handle-press-side": _near(0.02, Z),
    "handle-pull": _near(0.05, Z),
    "handle-pull-side": _near(0.08),
    "lever-pull": Criterion("lever within 7.5 degrees of upright", _lever_up),
    "peg-insert-side": _near(0.07, (1.0, 2.0, 2.0), site="pegHead"),
    "peg-unplug-side": _CLOSE,
    "pick-out-of-hole": _CLOSE,
    "pick-place": _CLOSE,
    "pick-place-wall": _CLOSE,
    "plate-slide": _CLOSE,
    "plate-slide-back": _CLOSE,
    "plate-slide-back-side": _CLOSE,
    "plate-slide-side": _CLOSE,
    "push": _near(0.05),
    "push-back": _CLOSE,
    "push-wall": _CLOSE,
    "reach": Criterion("fingers within 0.05 m of the target", _tool_near),
    "reach-wall": Criterion("fingers within 0.05 m of the target", _tool_near),
    "shelf-place": _CLOSE,
    "soccer": _CLOSE,
    "stick-pull": Criterion("handle within 0.12 m of the target, the stick through it", _container_pulled),
    "stick-push": Criterion("container within 0.12 m of the target, the stick lifted and gripped", _container_pushed),
    "sweep": _near(0.05),
    "sweep-into": _near(0.05, XY),
    "window-close": _near(0.05, X),
    "window-open": _near(0.05, X),
}
