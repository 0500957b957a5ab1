"""garage's side of a row, run by garage's Python: `garage_side.py ALGORITHM SETTINGS TASKS THREADS`; see `rounds`.

SETTINGS are JSON. Of PEARL and MTSAC an update is timed: the time from the first one's end to the last one's of an
iteration, divided by those between. What was sampled before them does not count. Of the others, a whole iteration.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[1] / "algorithms" / "peers"

sys.path[:0] = [str(HERE), str(PEERS)]
import garage_process  # type: ignore[import-not-found]  # noqa: E402, F401
import rounds  # type: ignore[import-not-found]  # noqa: E402

# From here on nothing of ours hides what others call the same.
sys.path[:] = [entry for entry in sys.path if Path(entry) not in (HERE, PEERS)]
from garage_process import entrant, serve, tasks  # noqa: E402
from garage_process.wire import Message  # type: ignore[import-not-found]  # noqa: E402


class Noise(tasks.Tasks):  # type: ignore[misc]
    """Tasks that show noise: nothing is spent on physics, nor on messages."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.generator = np.random.default_rng(0)

    def ask(self, kind: str, answer: str, **contents: Any) -> Message:
        """Answer in this process."""
        values = {"reward": float(self.generator.standard_normal()), "terminated": False}
        return Message(answer, values, {"observation": self.generator.standard_normal(rounds.OBSERVATIONS)})


class Stopwatch:
    """Stands in for the pipe to the suite: lets an iteration begin for each line, and answers with its time.

    Parameters
    ----------
    between : whether an update is timed, from one to the next; else a whole iteration.
    """

    def __init__(self, answers: rounds.Answers, *, between: bool) -> None:
        self.answers, self.between = answers, between
        self.begun = 0.0
        self.updates: list[float] = []
        self.answered = True

    def receive(self) -> Message:
        """Wait for a line, unless the last iteration only filled the replay."""
        if self.answered and not sys.stdin.readline():
            sys.exit()
        self.updates, self.answered, self.begun = [], False, time.perf_counter()
        return Message("train", {}, {})

    def send(self, kind: str, *contents: Any, **others: Any) -> None:
        """Note an update, or the end of an iteration."""
        now = time.perf_counter()
        if kind == "updated":
            self.updates.append(now)
        elif kind == "trained" and self.updates:
            first, last, count = self.updates[0], self.updates[-1], len(self.updates)
            self.answers.seconds((last - first) / (count - 1) if self.between else now - self.begun)
            self.answered = True


def main() -> None:
    """Time an algorithm for as long as somebody asks."""
    name, settings, count, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    watch = Stopwatch(rounds.Answers(), between=name in ("pearl", "mtsac"))
    entrant.Tasks = Noise
    problem = {
        "observation_size": rounds.OBSERVATIONS,
        "action_size": rounds.ACTIONS,
        "task_size": 1,
        "horizon": rounds.HORIZON,
        "train_tasks": count,
        "budget": 20_000,
    }
    arrays = {"task_vectors": np.zeros((count, 1))} if name == "mtsac" else {}
    creation = Message("create", {"algorithm": name, "settings": settings, "problem": problem, "seed": 0}, arrays)
    module, kind = serve.ENTRANTS[name]
    if name == "rl2-ppo":
        tf1 = import_module("tensorflow").compat.v1
        made = tf1.ConfigProto
        tf1.ConfigProto = lambda **_: made(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    made = getattr(import_module(f"garage_process.{module}"), kind)(watch, creation)
    if name != "rl2-ppo":
        import_module("torch").set_num_threads(threads)
    made.run()


if __name__ == "__main__":
    main()
