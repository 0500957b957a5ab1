"""A peer without garage: `python fake_peer.py MODE` acts at random, and misbehaves as told."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).parents[3] / "algorithms" / "peers" / "garage_process" / "wire.py"
SPEC = importlib.util.spec_from_file_location("wire", PATH)
assert SPEC is not None
assert SPEC.loader is not None
wire = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wire)


class FakePeer:
    """Takes one episode an iteration, in task after task; what it has learnt is the last reward."""

    def __init__(self, pipe: Any, mode: str) -> None:
        self.pipe, self.mode = pipe, mode
        self.learnt = np.zeros(1, dtype=np.float32)
        self.iterations = 0

    def serve(self) -> None:
        while True:
            asked = self.pipe.receive()
            getattr(self, asked.kind)(asked)

    def create(self, asked: Any) -> None:
        self.problem, self.random = asked.values["problem"], np.random.default_rng(asked.values["seed"])
        self.pipe.send("created", {"versions": {"fake": "1.0"}})

    def train(self, asked: Any) -> None:
        task = self.iterations % self.problem["train_tasks"]
        self.iterations += 1
        self.pipe.send("reset", {"task": task})
        assert self.pipe.receive().arrays["observation"].shape == (self.problem["observation_size"],)
        for step in range(self.problem["horizon"]):
            if step == 3:
                self.misbehave()
            self.pipe.send("step", arrays={"action": self.random.normal(size=self.problem["action_size"])})
            stepped = self.pipe.receive()
            if stepped.kind != "stepped":
                raise RuntimeError(f"'step' is answered with {stepped.kind!r}")
            self.learnt[:] = stepped.values["reward"]
            if stepped.values["terminated"]:
                break
        self.pipe.send("updated", {"gradient_steps": 2})
        self.pipe.send("trained", {"metrics": {"reward": float(self.learnt[0])}})

    def misbehave(self) -> None:
        if self.mode == "raises":
            raise ValueError("so much for that")
        if self.mode == "exits":
            os._exit(3)
        if self.mode == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "dies-once" and not Path(os.environ["FAKE_PEER_DIED"]).exists():
            Path(os.environ["FAKE_PEER_DIED"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "hangs":
            time.sleep(3600)
        if self.mode == "babbles":
            os.write(self.pipe.writing, b"no frame at all")
            time.sleep(3600)
        if self.mode == "wanders":
            self.pipe.send("sing")

    def agent(self, asked: Any) -> None:
        self.tasks = asked.values["tasks"]
        self.test_random = np.random.default_rng(asked.values["seed"])
        self.pipe.send("done")

    def act(self, asked: Any) -> None:
        assert asked.arrays["observations"].shape == (self.tasks, self.problem["observation_size"])
        actions = self.test_random.normal(size=(self.tasks, self.problem["action_size"]))
        self.pipe.send("actions", arrays={"actions": 2.0 * actions})

    def adapt(self, asked: Any) -> None:
        episodes, tasks, time_, _ = asked.arrays["observations"].shape
        assert asked.arrays["rewards"].shape == (episodes, tasks, time_ - 1)
        self.pipe.send("done")

    def begin(self, asked: Any) -> None:
        self.pipe.send("done")

    observe = begin

    def parameters(self, asked: Any) -> None:
        self.pipe.send("parameters", arrays={"learnt": self.learnt})

    def load(self, asked: Any) -> None:
        self.learnt = asked.arrays["learnt"]
        self.pipe.send("done")


def main() -> None:
    pipe = wire.Pipe(os.dup(0), os.dup(1))
    try:
        FakePeer(pipe, sys.argv[1]).serve()
    except EOFError:
        return
    except Exception as error:
        print("a word for the log", file=sys.stderr)
        pipe.send("failed", {"traceback": f"Traceback\n{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
