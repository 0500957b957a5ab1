"""A peer as an algorithm: it trains by its own code, while every environment step is taken and counted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from algorithms.declaration import Problem
from algorithms.interface import (
    Algorithm,
    Episodes,
    MetaTestAgent,
    Metrics,
    State,
    Stateful,
    Streams,
    Tasks,
)
from algorithms.peers import garage
from algorithms.peers.declarations import (
    GarageMAMLDeclaration,
    GarageMTSACDeclaration,
    GaragePEARLDeclaration,
    GarageRL2Declaration,
    PeerDeclaration,
)
from algorithms.peers.process import PeerError, PeerProcess
from environments import BoolArray, FloatArray, IntArray, Step


class PeerAlgorithm(PeerDeclaration, Algorithm):
    """An algorithm of garage's, in a process of its own.

    What it learns lives there: it is asked for when a run ends, and its optimisers, replay and random streams never
    leave it. A run that is cut off therefore starts again.
    """

    def __init__(self, settings: Any, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        self.process = PeerProcess("garage", garage.command())
        sizes = ("observation_size", "action_size", "task_size", "horizon", "train_tasks", "budget")
        creation = {
            "algorithm": self.peer,
            "settings": asdict(settings),
            "problem": {name: getattr(problem, name) for name in sizes},
            "seed": int(self.exploration.integers(2**31)),
        }
        vectors = {} if problem.task_vectors is None else {"task_vectors": problem.task_vectors}
        self.foreign_versions = self.process.ask("create", "created", creation, vectors).values["versions"]

    # Meta-training

    @property
    def next_iteration_steps(self) -> int:
        """Those of the first iteration, then those of a later one."""
        steps = self.later_iteration_steps if self.gradient_steps else self.first_iteration_steps
        return steps(self.settings, self.problem)

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Let the peer run one of its iterations, and take every step that it asks for."""
        self.process.send("train")
        message = self.process.receive()
        while message.kind != "trained":
            if message.kind == "reset":
                observation = tasks.reset(np.array([message.values["task"]]))[0]
                self.process.send("observation", arrays={"observation": observation})
            elif message.kind == "step":
                step = tasks.step(message.arrays["action"][None].clip(-1.0, 1.0), np.ones(1, dtype=np.bool_))
                outcome = {"reward": float(step.rewards[0]), "terminated": bool(step.terminated[0])}
                self.process.send("stepped", outcome, {"observation": step.observations[0]})
            elif message.kind == "updated":
                self.gradient_steps += message.values["gradient_steps"]
            else:
                raise PeerError("peer", f"garage: {message.kind!r} is not what an iteration consists of")
            message = self.process.receive()
        metrics: Metrics = message.values["metrics"]
        return metrics

    # Meta-testing

    def meta_test(self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None) -> PeerAgent:
        """Make an agent of the peer's, whose draws follow from the generators together."""
        seed = np.random.default_rng([int(generator.integers(2**31)) for generator in generators]).integers(2**31)
        vectors = {} if task_vectors is None else {"task_vectors": task_vectors}
        self.process.ask("agent", "done", {"tasks": len(generators), "seed": int(seed)}, vectors)
        return PeerAgent(self.process, reads_rewards=self.reads_evaluation_rewards)

    @property
    def parts(self) -> Mapping[str, Stateful]:
        """The learnt agent, ready to be meta-tested."""
        return {"learnt": Learnt(self.process)}


class GaragePEARL(GaragePEARLDeclaration, PeerAlgorithm):
    """garage's PEARL."""


class GarageMAMLTRPO(GarageMAMLDeclaration, PeerAlgorithm):
    """garage's MAML-TRPO."""


class GarageRL2PPO(GarageRL2Declaration, PeerAlgorithm):
    """garage's RL2-PPO."""


class GarageMTSAC(GarageMTSACDeclaration, PeerAlgorithm):
    """garage's MTSAC."""


class Learnt:
    """A peer's parameters, by its own names for them."""

    def __init__(self, process: PeerProcess) -> None:
        self.process = process

    def state(self) -> State:
        """Ask for them."""
        found = self.process.ask("parameters", "parameters").arrays
        return {name: torch.from_numpy(values) for name, values in found.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Give them back."""
        self.process.ask("load", "done", arrays={name: values.numpy() for name, values in state.items()})


class PeerAgent(MetaTestAgent):
    """Passes on what the runner shows and what the peer does."""

    def __init__(self, process: PeerProcess, *, reads_rewards: bool) -> None:
        self.process, self.reads_rewards = process, reads_rewards

    def begin_episode(self) -> None:
        """Announce an episode in every copy."""
        self.process.ask("begin", "done")

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        actions = self.process.ask("act", "actions", arrays={"observations": observations}).arrays["actions"]
        clipped: FloatArray = actions.clip(-1.0, 1.0)
        return clipped

    def observe(self, step: Step, active: BoolArray) -> None:
        """Show rewards to those that read them while they act."""
        if self.reads_rewards:
            seen = {"rewards": step.rewards, "terminated": step.terminated, "active": active}
            self.process.ask("observe", "done", arrays=seen)

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Show the exploration episodes."""
        if exploration:
            self.process.ask("adapt", "done", arrays=side_by_side(exploration))


def side_by_side(exploration: Sequence[Episodes]) -> dict[str, FloatArray | IntArray]:
    """Put episodes of several rounds into arrays (rounds, copies, time, ...), as long as the longest."""
    time = max(episodes.rewards.shape[1] for episodes in exploration)

    def padded(values: FloatArray, length: int) -> FloatArray:
        padding = [(0, 0), (0, length - values.shape[1]), *([(0, 0)] * (values.ndim - 2))]
        return np.pad(values, padding)

    return {
        "observations": np.stack([padded(episodes.observations, time + 1) for episodes in exploration]),
        "actions": np.stack([padded(episodes.actions, time) for episodes in exploration]),
        "rewards": np.stack([padded(episodes.rewards, time) for episodes in exploration]),
        "lengths": np.stack([episodes.lengths for episodes in exploration]),
    }
