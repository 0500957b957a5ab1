"""Tasks of ML1 whose goals stand on a grid, everything else alike."""

from __future__ import annotations

import numpy as np

from environments.ml1.resets import reset_recorder
from environments.simulation import FloatArray

SEPARATION = {"box-close": 0.25} | dict.fromkeys(
    ("assembly", "disassemble", "peg-insert-side", "shelf-place", "stick-pull", "stick-push"), 0.1
)
"""Metres in the plane that Meta-World wants between object and goal, or it draws the task again (`reset_model`)."""
USUAL_SEPARATION = 0.15


def goal_grid(environment: str, reward: str, columns: int, rows: int) -> FloatArray:
    """Return tasks whose goals stand at the middles of a grid's cells; see `ML1.goal_grid`."""
    space = reset_recorder(environment, reward).sibling._random_reset_space
    low, high = space.low.copy(), space.high.copy()
    tasks = _grid(low, high, columns, rows)
    apart = SEPARATION.get(environment, USUAL_SEPARATION)
    if low.size == 6 and (np.linalg.norm(tasks[:, :2] - tasks[:, 3:5], axis=1) < apart).any():
        tasks = _grid(*_separated(low, high, apart), columns, rows)
    return tasks


def _grid(low: FloatArray, high: FloatArray, columns: int, rows: int) -> FloatArray:
    width, depth = (high - low)[-3:-1]
    if width == 0.0 or depth == 0.0:  # goals lie on a line
        columns, rows = (columns * rows, 1) if width > 0.0 else (1, columns * rows)
    tasks = np.tile((low + high) / 2.0, (columns * rows, 1))
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    cells = np.stack([x.ravel(), y.ravel()], axis=1)
    tasks[:, -3:-1] = low[-3:-1] + cells * (high - low)[-3:-1]
    return tasks


def _separated(low: FloatArray, high: FloatArray, apart: float) -> tuple[FloatArray, FloatArray]:
    """Narrow the region: the object at the edge, in y, that is farthest from the goals; no goal too close to it."""
    object_y, goal_y = 1, 4
    low, high = low.copy(), high.copy()
    if (low + high)[goal_y] >= (low + high)[object_y]:
        high[object_y] = low[object_y]
        low[goal_y] = max(low[goal_y], low[object_y] + apart)
    else:
        low[object_y] = high[object_y]
        high[goal_y] = min(high[goal_y], high[object_y] - apart)
    return low, high
