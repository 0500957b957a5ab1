"""The base of the four entrants: garage's own training loop, held between two iterations while the suite asks."""

from __future__ import annotations

import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from dowel import logger, tabular
from garage import EpisodeBatch
from garage.experiment import deterministic
from numpy.typing import NDArray

from .tasks import FloatArray, Tasks
from .wire import Message, Pipe

Parameters = dict[str, NDArray[np.float32]]


class Agent(ABC):
    """Several test tasks met at once, nothing of one seen in another."""

    def begin(self) -> None:  # noqa: B027 - optional
        """Begin an episode in every task."""

    @abstractmethod
    def act(self, observations: FloatArray) -> FloatArray:
        """Map (tasks, observation_size) to (tasks, action_size)."""

    def observe(  # noqa: B027 - optional
        self, rewards: FloatArray, terminated: NDArray[np.bool_], active: NDArray[np.bool_]
    ) -> None:
        """Read what the last actions led to."""

    def adapt(self, exploration: dict[str, NDArray[Any]]) -> None:  # noqa: B027 - optional
        """Learn from the exploration episodes.

        Parameters
        ----------
        exploration : `observations` (episodes, tasks, time + 1, observation_size), `actions` (episodes, tasks, time,
            action_size), `rewards` (episodes, tasks, time), `lengths` (episodes, tasks).
        """


class Entrant(ABC):
    """One algorithm of garage's; to garage it is the trainer, of which algorithms use these few members.

    Parameters
    ----------
    pipe : to the suite.
    creation : `settings`, `problem` and `seed`; `task_vectors` for an oracle.
    """

    algorithm: Any
    sampler: Any
    batch_size: int
    """Environment steps that garage's trainer asks the sampler for, where an algorithm does not say."""

    def __init__(self, pipe: Pipe, creation: Message) -> None:
        self.pipe = pipe
        self.settings: dict[str, Any] = creation.values["settings"]
        self.problem: dict[str, int] = creation.values["problem"]
        self.tasks = Tasks(pipe, self.problem, creation.arrays.get("task_vectors"))
        self.step_itr = 0
        self.step_episode: Any = None
        self.total_env_steps = 0
        self.agent: Agent | None = None
        self._random: tuple[Any, ...] | None = None
        deterministic.set_seed(creation.values["seed"])
        for log in (logger, tabular):
            log.disable_warnings()  # of having no file to write to

    def run(self) -> None:
        """Run garage's training loop; it ends with the pipe."""
        self.algorithm.train(self)

    def step_epochs(self) -> Iterator[int]:
        """Let an iteration pass each time that the suite asks for one."""
        while True:
            self._answer()
            yield self.step_itr
            logged = {name: float(value) for name, value in tabular.as_primitive_dict.items()}
            tabular.clear()
            self.pipe.send("trained", {"metrics": {name: v for name, v in logged.items() if np.isfinite(v)}})

    def obtain_episodes(
        self, itr: int, batch_size: int | None = None, agent_update: Any = None, env_update: Any = None
    ) -> EpisodeBatch:
        """Sample as garage's trainer does."""
        if agent_update is None:
            agent_update = self.algorithm.policy.get_param_values()
        return self.sampler.obtain_samples(itr, batch_size or self.batch_size, agent_update, env_update)

    def obtain_samples(
        self, itr: int, batch_size: int | None = None, agent_update: Any = None, env_update: Any = None
    ) -> list[dict[str, Any]]:
        """Sample as garage's trainer does."""
        paths: list[dict[str, Any]] = self.obtain_episodes(itr, batch_size, agent_update, env_update).to_list()
        return paths

    def updated(self, count: int = 1) -> None:
        """Tell the suite of gradient steps: it hears that this process lives."""
        self.pipe.send("updated", {"gradient_steps": count})

    @abstractmethod
    def agents(self, count: int, vectors: FloatArray | None) -> Agent:
        """Make what meets `count` test tasks."""

    @abstractmethod
    def parameters(self) -> Parameters:
        """Return all that is learnt, by name."""

    @abstractmethod
    def load(self, parameters: Parameters) -> None:
        """Replace what is learnt."""

    def update(self, given: Message) -> tuple[dict[str, float], Parameters]:
        """Make one update on given data and noise; return its losses, and its gradients by parameter."""
        raise NotImplementedError

    def _answer(self) -> None:
        """Answer the suite until it asks for an iteration."""
        while (asked := self.pipe.receive()).kind != "train":
            getattr(self, f"_{asked.kind}")(asked)
        if self._random is not None:
            _set_random_states(self._random)
            self._random = None

    def _agent(self, asked: Message) -> None:
        if self._random is None:  # training goes on as if nobody had looked
            self._random = _random_states()
        _seed(asked.values["seed"])
        self.agent = self.agents(asked.values["tasks"], asked.arrays.get("task_vectors"))
        self.pipe.send("done")

    def _begin(self, asked: Message) -> None:
        self._met().begin()
        self.pipe.send("done")

    def _act(self, asked: Message) -> None:
        actions = self._met().act(asked.arrays["observations"])
        self.pipe.send("actions", arrays={"actions": np.asarray(actions, np.float64)})

    def _observe(self, asked: Message) -> None:
        self._met().observe(**asked.arrays)
        self.pipe.send("done")

    def _adapt(self, asked: Message) -> None:
        self._met().adapt(asked.arrays)
        self.pipe.send("done")

    def _parameters(self, asked: Message) -> None:
        self.pipe.send("parameters", arrays=self.parameters())

    def _load(self, asked: Message) -> None:
        self.load(asked.arrays)
        self.pipe.send("done")

    def _update(self, asked: Message) -> None:
        losses, gradients = self.update(asked)
        self.pipe.send("outcome", {"losses": losses}, gradients)

    def _met(self) -> Agent:
        if self.agent is None:
            raise RuntimeError("no test tasks were met")
        return self.agent


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - garage draws from the global generator
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def _random_states() -> tuple[Any, ...]:
    torch = sys.modules.get("torch")
    return random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None  # noqa: NPY002


def _set_random_states(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    if states[2] is not None:
        sys.modules["torch"].set_rng_state(states[2])
