"""The costs of runs that come with the suite, for a machine that has measured nothing yet.

`reference.json` is made by `tox -e speed -- reference`. Its seconds are those of a processor that is as fast as
`pace` says: divided by the pace of the machine that measured them, and multiplied by that of the machine that asks.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from suite.execute.measured import Speed
from suite.spec import RunSpec

FILE = Path(__file__).with_name("reference.json")

ROUGH = 5.0
"""The factor either way by which a guess from the most similar kind of run of the same algorithm may be off.

So were 74 of 83 shipped kinds, each guessed from the others of its algorithm (`docs/reliability.md`).
"""


def pace(rounds: int = 5) -> float:
    """Return the processor seconds of a fixed piece of work, of the fastest round: half small arrays, half products."""
    draws = np.random.default_rng(0)
    small = [draws.standard_normal((64, 64), dtype=np.float32) for _ in range(3)]
    rows, weights = (draws.standard_normal(shape, dtype=np.float32) for shape in ((1024, 300), (300, 300)))
    taken = []
    with threadpool_limits(1):
        for _ in range(rounds):
            begun = time.thread_time()
            for _ in range(600):
                for each in small:
                    np.maximum(each[:8] @ each, 0.0).sum()
            for _ in range(8):
                np.maximum(rows @ weights, 0.0)
            taken.append(time.thread_time() - begun)
    return min(taken)


class Cost(NamedTuple):
    """The cost of a kind of run."""

    key: str
    """Name of the kind: the second of `known_by`."""
    budget: int
    """Environment steps that it was measured with."""
    speed: Speed
    """Speed on a machine whose `pace` is one second."""
    memory: int
    """Bytes of the process that measured it, which had collected hardly anything."""
    kept: int
    """Bytes of parameters and optimisers."""
    row: int
    """Bytes of an environment step in the replay; zero where there is none."""

    @property
    def algorithm(self) -> str:
        """Its name."""
        return self.key.partition(" ")[0]

    def memory_of(self, spec: RunSpec) -> int:
        """Return the bytes of memory of a run at its end."""
        return self.memory + self.row * spec.budget

    def checkpoint_of(self, spec: RunSpec) -> int:
        """Return the bytes of a run's checkpoints at its end: two of what is kept, and the replay once."""
        return 2 * self.kept + self.row * spec.budget


class Estimate(NamedTuple):
    """The time that a run takes, and its cost."""

    seconds: float
    low: float
    high: float
    """Seconds; as long as the first, but for a guess."""
    cost: Cost
    """Cost of its kind of run, or of the most similar one: for memory and disk."""
    source: Literal["measured", "shipped", "guess"]
    """Runs of its kind were measured here; or for the shipped costs; or neither."""


class Reference:
    """The shipped costs.

    Parameters
    ----------
    costs : of all kinds of runs.
    """

    def __init__(self, costs: Sequence[Cost]) -> None:
        self.costs = costs
        self._by_key = {cost.key: cost for cost in costs}
        self._estimates: dict[tuple[str, int, int], Estimate] = {}

    @cached_property
    def pace(self) -> float:
        """The pace of this machine, measured when it is first needed."""
        return pace()

    def cost(self, spec: RunSpec, key: str) -> Cost:
        """Return the cost of a run's kind, whose name this is, or else of the most similar one."""
        if key not in self._by_key:
            self._by_key[key] = min(self.costs, key=lambda cost: _distance(spec, key, cost))
        return self._by_key[key]

    def estimate(self, spec: RunSpec, key: str) -> Estimate:
        """Return how much a run takes on this machine, whose kind's name this is.

        A guess from the most similar kind of the same algorithm may be off by `ROUGH`. Of an unknown algorithm nothing
        is known but how long others take for the like: the range is theirs.
        """
        like = (key, spec.budget, spec.evaluations)
        if like not in self._estimates:
            self._estimates[like] = self._estimate(spec, key)
        return self._estimates[like]

    def _estimate(self, spec: RunSpec, key: str) -> Estimate:
        def seconds(cost: Cost) -> float:
            return self.pace * cost.speed.of(spec)

        if (known := self._by_key.get(key)) is not None and known.key == key:
            return Estimate(seconds(known), seconds(known), seconds(known), known, "shipped")
        nearest: dict[str, Cost] = {}
        for cost in sorted(self.costs, key=lambda cost: _distance(spec, key, cost)):
            nearest.setdefault(cost.algorithm, cost)
        if (own := nearest.get(spec.algorithm)) is not None:
            return Estimate(seconds(own), seconds(own) / ROUGH, seconds(own) * ROUGH, own, "guess")
        ordered = sorted(nearest.values(), key=seconds)
        middle = ordered[len(ordered) // 2]
        return Estimate(seconds(middle), seconds(ordered[0]), seconds(ordered[-1]), middle, "guess")


def read() -> list[Cost]:
    """Return the shipped costs of all kinds of runs."""
    return [
        Cost(entry["key"], entry["budget"], Speed.checked(*entry["speed"]), *entry["bytes"])
        for entry in json.loads(FILE.read_text(encoding="utf-8"))
    ]


def written(costs: Sequence[Cost]) -> str:
    """Return the text of the file of these costs."""
    entries = [
        {
            "key": cost.key,
            "budget": cost.budget,
            "speed": [float(f"{part:.4g}") for part in cost.speed],
            "bytes": [cost.memory, cost.kept, cost.row],
        }
        for cost in sorted(costs)
    ]
    return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n"


def _distance(spec: RunSpec, key: str, cost: Cost) -> float:
    """Return how different a run is from a kind of run: by how many times its sizes differ, and what else does."""
    (sizes, chosen), (others, other) = _parts(key), _parts(cost.key)
    far = _apart(spec.budget, cost.budget)
    far += sum(_apart(one, another) for one, another in zip(sizes, others, strict=True))
    return far + sum(_apart(chosen.get(name), other.get(name)) for name in chosen.keys() | other.keys())


@cache
def _parts(key: str) -> tuple[list[str | int], Mapping[str, Any]]:
    """Return the sizes in a kind's name, the first of which is a word, and its settings."""
    head, _, rest = key.partition(" [")
    kind, *sizes = head.split()[1:]
    return [kind, *map(int, sizes)], json.loads(f"[{rest}")[2]


def _apart(one: Any, other: Any) -> float:
    """Return how many times e a size is another, or 1 for what is no size; rates change no run's time."""
    if one == other or (isinstance(one, float) and isinstance(other, float)):
        return 0.0
    size, another = _size(one), _size(other)
    return abs(math.log(size / another)) if size and another else 1.0


def _size(value: Any) -> int:
    """Return a count, or the product of some; zero for what is none."""
    if isinstance(value, list):
        return math.prod(map(_size, value))
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0
