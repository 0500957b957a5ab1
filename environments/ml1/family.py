"""The fifty ML1 families, through one class."""

from __future__ import annotations

from environments.family import TaskFamily, TaskSplit
from environments.ml1.specs import ML1_SPECS
from environments.ml1.stock import StockSimulation
from environments.ml1.tasks import benchmark_tasks
from environments.simulation import Simulation


class ML1(TaskFamily):
    """One Meta-World environment with a hidden goal; a task is the vector that Meta-World draws at a reset.

    Parameters
    ----------
    name : for example "reach-v1", the paper's name; Meta-World's geometry is that of its "reach-v3".
    reward : "v1", the formula that the paper's returns are on, or "v2".
    """

    def __init__(self, name: str, *, reward: str = "v1") -> None:
        self.spec = ML1_SPECS[name]
        self._environment = name.removesuffix("-v1")
        self._reward = reward

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return the 50 train and the first 10 test tasks of Meta-World's benchmark with seed `2 * seed`.

        Meta-World's test tasks of a seed are its train tasks of the next one, hence the factor.
        """
        test = benchmark_tasks(self._environment, 2 * seed + 1)[: self.spec.test_tasks]
        return TaskSplit(benchmark_tasks(self._environment, 2 * seed).copy(), test.copy())

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation of `copies` robots."""
        return StockSimulation(self.spec, self._environment, copies, reward=self._reward)
