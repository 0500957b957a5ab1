"""Sizes and protocol of the six MuJoCo Controls; no simulator is loaded to read them.

Observations, tasks and splits are those of the PEARL authors' release (oyster, 44e20fd).
"""

from __future__ import annotations

from environments.family import FamilySpec


def _spec(
    name: str,
    *,
    observations: int,
    actions: int,
    task: int,
    train: int,
    test: int,
    most_tasks: int = FamilySpec.most_tasks,
    revision: int = 1,
) -> FamilySpec:
    return FamilySpec(
        name=name,
        kind="controls",
        observation_size=observations,
        action_size=actions,
        task_size=task,
        horizon=200,
        exploration_episodes=2,
        train_tasks=train,
        test_tasks=test,
        success="",
        revision=revision,
        most_tasks=most_tasks,
    )


CHEETAH_FB = _spec("cheetah-fb", observations=20, actions=6, task=2, train=2, test=2, most_tasks=2)
CHEETAH_VEL = _spec("cheetah-vel", observations=20, actions=6, task=1, train=100, test=30)
ANT_FB = _spec("ant-fb", observations=27, actions=8, task=2, train=2, test=2, most_tasks=2)
ANT_GOAL_2D = _spec("ant-goal-2d", observations=113, actions=8, task=2, train=150, test=30)
HUMANOID_DIR_2D = _spec("humanoid-dir-2d", observations=376, actions=17, task=2, train=100, test=30, revision=2)
WALKER_2D_RAND_PARAMS = _spec("walker-2d-rand-params", observations=17, actions=6, task=65, train=40, test=10)
