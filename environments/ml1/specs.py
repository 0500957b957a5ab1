"""Names, sizes and protocol of the fifty ML1 families; neither MuJoCo nor Meta-World is loaded to read them."""

from __future__ import annotations

from environments.family import FamilySpec
from environments.ml1.success import CRITERIA

_GOAL_ONLY = (
    "button-press",
    "button-press-topdown",
    "button-press-topdown-wall",
    "button-press-wall",
    "coffee-button",
    "dial-turn",
    "door-close",
    "door-lock",
    "door-open",
    "door-unlock",
    "drawer-close",
    "drawer-open",
    "faucet-close",
    "faucet-open",
    "hammer",
    "handle-press",
    "handle-press-side",
    "handle-pull",
    "handle-pull-side",
    "lever-pull",
    "peg-unplug-side",
    "sweep",
    "window-close",
    "window-open",
)
"""A task is one position (three numbers); the goal follows from it."""

_OBJECT_AND_GOAL = (
    "assembly",
    "basketball",
    "bin-picking",
    "box-close",
    "coffee-pull",
    "coffee-push",
    "disassemble",
    "hand-insert",
    "peg-insert-side",
    "pick-out-of-hole",
    "pick-place",
    "pick-place-wall",
    "plate-slide",
    "plate-slide-back",
    "plate-slide-back-side",
    "plate-slide-side",
    "push",
    "push-back",
    "push-wall",
    "reach",
    "reach-wall",
    "shelf-place",
    "soccer",
    "stick-pull",
    "stick-push",
    "sweep-into",
)
"""A task is the object's position and the goal's (six numbers)."""


def _spec(name: str, task_size: int) -> FamilySpec:
    return FamilySpec(
        name=f"{name}-v1",
        kind="ml1",
        observation_size=39,
        action_size=4,
        task_size=task_size,
        horizon=200,
        exploration_episodes=10,
        train_tasks=50,
        test_tasks=10,
        success=CRITERIA[name].words,
        revision=1,
        most_tasks=50,
    )


ML1_SPECS = {
    spec.name: spec
    for spec in sorted(
        [*(_spec(name, 3) for name in _GOAL_ONLY), *(_spec(name, 6) for name in _OBJECT_AND_GOAL)],
        key=lambda spec: spec.name,
    )
}
