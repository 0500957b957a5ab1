"""The fifty ML1 families, through one class."""

from __future__ import annotations

from typing import Self

from environments.family import TaskFamily, TaskSplit
from environments.ml1.grids import goal_grid
from environments.ml1.lean import LeanSimulation
from environments.ml1.specs import ML1_SPECS
from environments.ml1.stock import StockSimulation
from environments.ml1.tasks import benchmark_tasks
from environments.simulation import FloatArray, Simulation


class ML1(TaskFamily):
    """One Meta-World environment with a hidden goal; a task is the vector that Meta-World draws at a reset.

    Parameters
    ----------
    name : for example "reach-v1", the paper's name; Meta-World's geometry is that of its "reach-v3".
    reward : "v1", the formula that the paper's returns are on, or "v2".
    simulation : "lean", or "stock": Meta-World as installed. Their numbers are the same.
    hand_start : "fixed" as in Meta-World, or "random": goal and object stay where the task has them while each
        episode's generator places the hand, as in section 5.5 of the paper.
    """

    def __init__(self, name: str, *, reward: str = "v1", simulation: str = "lean", hand_start: str = "fixed") -> None:
        self.spec = ML1_SPECS[name]
        self._environment = name.removesuffix("-v1")
        self._reward = reward
        self._hand_start = hand_start
        self._simulation = {"lean": LeanSimulation, "stock": StockSimulation}[simulation]

    @classmethod
    def make(cls, name: str, **options: str) -> Self:
        """Make the family of one of Meta-World's environments."""
        return cls(name, **options)

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return the first train and the first test tasks, by default 50 and 10, of Meta-World's benchmark `2 * seed`.

        Meta-World's test tasks of a seed are its train tasks of the next one, hence the factor.
        """
        train = benchmark_tasks(self._environment, 2 * seed)[: self.spec.train_tasks]
        test = benchmark_tasks(self._environment, 2 * seed + 1)[: self.spec.test_tasks]
        return TaskSplit(train.copy(), test.copy())

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation of `copies` robots."""
        return self._simulation(self.spec, self._environment, copies, reward=self._reward, hand_start=self._hand_start)

    def goal_grid(self, columns: int, rows: int) -> FloatArray:
        """Return tasks whose goals stand at the middles of a grid's cells, all with the same object position.

        The object stands in the middle of the region from which it is drawn. Where Meta-World would reject one of these
        tasks, because object and goal are too close together, the object stands at the region's far edge, and the grid
        covers the part of the goals' region that is far enough away.

        Parameters
        ----------
        columns, rows : cells along x and along y of the region from which goals are drawn; where that is a line, all
            of them are cells of the line.

        Returns
        -------
        (columns * rows, task_size), row by row. Where a task is one position, that position stands on the grid.
        """
        return goal_grid(self._environment, self._reward, columns, rows)
