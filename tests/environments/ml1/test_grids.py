"""Goals on a grid: tasks that Meta-World accepts, wherever and however many."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from environments import FloatArray, make_family
from environments.ml1.family import ML1
from environments.ml1.tasks import benchmark_tasks
from tests.environments.ml1.rollouts import NAMES

LINES = {
    "drawer-close-v1",
    "drawer-open-v1",
    "plate-slide-back-v1",
    "plate-slide-back-side-v1",
    "window-close-v1",
}
"""Meta-World draws goals along one axis here."""

SHAPES = [(2, 1), (4, 2), (5, 5), (40, 25), (997, 1)]
"""Those of 2 to 1000 tasks, and what a prime number of tasks comes to: a row."""


ASKED = 2
"""Times that Meta-World's reset asks for a task that it does not reject."""


def family_of(name: str) -> ML1:
    family = make_family(name)
    assert isinstance(family, ML1)
    return family


def rejected(name: str, tasks: FloatArray) -> int:
    """Count the tasks that Meta-World's own reset replaces by others; the physics of resets is left out."""
    accepted = benchmark_tasks(name.removesuffix("-v1"), 0)[0]
    upstream: Any = ALL_V3_ENVIRONMENTS[name.removesuffix("-v1") + "-v3"]

    class Asked(upstream):  # type: ignore[misc]
        asked, task = 0, accepted

        def _reset_hand(self, steps: int = 0) -> None:
            mujoco.mj_forward(self.model, self.data)
            super()._reset_hand(steps=0)

        def _get_state_rand_vec(self) -> FloatArray:
            self.asked += 1
            return self.task if self.asked <= ASKED else accepted

    environment = Asked()
    environment._set_task_called = True
    replaced = 0
    for task in tasks:
        environment.asked, environment.task = 0, task
        environment.reset()
        assert environment.asked >= ASKED
        replaced += environment.asked > ASKED
    return replaced


def assert_grids_are_accepted(name: str) -> None:
    family = family_of(name)
    for columns, rows in SHAPES:
        tasks = family.goal_grid(columns, rows)
        assert tasks.shape == (columns * rows, family.spec.task_size)
        assert len(np.unique(tasks, axis=0)) == len(tasks)
        assert (tasks[:, :-3] == tasks[0, :-3]).all()
        nearest = np.linalg.norm(tasks[:, :2] - tasks[:, -3:-1], axis=1).argsort(kind="stable")[:2]
        assert rejected(name, tasks[nearest]) == 0
    ends = family.goal_grid(4, 2)[[0, -1]]
    assert np.isfinite(family.simulation(2).reset(np.arange(2), ends, [np.random.default_rng(0)] * 2)).all()


@pytest.mark.parametrize(
    "name",
    ["reach-v1", "box-close-v1", "coffee-pull-v1", "coffee-push-v1", "disassemble-v1", "push-back-v1", *sorted(LINES)],
)
def test_every_task_of_a_grid_is_accepted_and_another(name: str) -> None:
    assert_grids_are_accepted(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_task_of_a_grid_is_accepted_everywhere(name: str) -> None:
    assert_grids_are_accepted(name)


def test_goals_stand_at_the_middles_of_cells() -> None:
    # reach: the object in [-0.1, 0.1] x [0.6, 0.7], goals in [-0.1, 0.1] x [0.8, 0.9].
    x, y = [-0.075, -0.025, 0.025, 0.075], [0.825, 0.875]
    expected = [[0.0, 0.65, 0.02, each, row, 0.175] for row in y for each in x]
    np.testing.assert_allclose(family_of("reach-v1").goal_grid(4, 2), expected, atol=1e-6)


def test_goals_that_are_too_close_make_room() -> None:
    # box-close: 0.25 m between the lid, in [-0.05, 0.05] x [0.5, 0.55], and its place, in [-0.1, 0.1] x [0.7, 0.8].
    expected = [[0.0, 0.5, 0.02, x, y, 0.133] for y in (0.7625, 0.7875) for x in (-0.075, -0.025, 0.025, 0.075)]
    np.testing.assert_allclose(family_of("box-close-v1").goal_grid(4, 2), expected, atol=1e-6)
    # coffee-pull: 0.15 m; the mug in [-0.05, 0.05] x [0.7, 0.75], its place nearer, in [-0.1, 0.1] x [0.55, 0.65].
    np.testing.assert_allclose(
        family_of("coffee-pull-v1").goal_grid(2, 1),
        [[0.0, 0.75, 0.0, -0.05, 0.575, 0.0], [0.0, 0.75, 0.0, 0.05, 0.575, 0.0]],
        atol=1e-6,
    )


@pytest.mark.parametrize("name", sorted(LINES))
def test_goals_of_a_line_stand_along_it(name: str) -> None:
    tasks = family_of(name).goal_grid(4, 2)
    varying = np.flatnonzero(np.ptp(tasks, axis=0))
    assert len(varying) == 1
    steps = np.diff(tasks[:, varying[0]])
    np.testing.assert_allclose(steps, steps[0])


def test_grids_that_are_accepted_anyhow_are_not_narrowed() -> None:
    # push-back: of 4 x 2 goals none is too close, of 5 x 5 some are.
    np.testing.assert_allclose(family_of("push-back-v1").goal_grid(4, 2)[0], [0, 0.825, 0.02, -0.075, 0.625, 0.02])
    assert family_of("push-back-v1").goal_grid(5, 5)[0, 1] == pytest.approx(0.85)
