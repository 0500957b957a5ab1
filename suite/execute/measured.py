"""Speeds of a store's finished runs, kept beside it: no command reads again what an earlier one has read.

<results>/measured.json   groups of runs: a type of machine, the two names of `known_by`, and of each run when it was
                          committed and the parts of its speed
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from environments import family_spec
from suite.spec import RunSpec
from suite.store.files import read_regular, write_atomically
from suite.store.record import CorruptRunError, RunRecord
from suite.store.runs import Store

if TYPE_CHECKING:
    import pandas as pd

FILE = "measured.json"
SCHEMA = 1
"""Raised when `Speed` or `known_by` mean something else: then all runs are read again."""


class Speed(NamedTuple):
    """The parts of a run's time."""

    step: float
    """Seconds of an environment step of meta-training, with its share of updates."""
    evaluation: float
    """Seconds of an evaluation."""
    iteration: float = 1.0
    """Environment steps of an iteration on average, after which there is one evaluation at most."""

    def of(self, spec: RunSpec) -> float:
        """Return the seconds of a whole run."""
        evaluations = 1 + min(spec.evaluations, round(spec.budget / self.iteration))
        return spec.budget * self.step + evaluations * self.evaluation

    @classmethod
    def measured(cls, spec: RunSpec, seconds: float, training: pd.DataFrame) -> Speed:
        """Return the speed of a finished run."""
        steps, evaluating = (float(training[name].iloc[-1]) for name in ("environment_steps", "seconds_evaluating"))
        trained = len(training) - 1  # evaluations but the first, which was untrained
        iteration = steps / trained if trained < spec.evaluations else 1.0  # fewer than asked for: one an iteration
        return cls.checked((seconds - evaluating) / steps, evaluating / len(training), iteration)

    @classmethod
    def checked(cls, *parts: float) -> Speed:
        """Return a speed by which something can be forecast.

        Raises
        ------
        TypeError, ValueError
            If a part is no finite number, there are not as many as there should be, or an iteration takes no steps.
        """
        speed = cls(*map(float, parts))
        if not all(map(math.isfinite, speed)) or speed.iteration <= 0:
            raise ValueError(f"no speed: {speed}")
        return speed


class Measured(NamedTuple):
    """A finished run's speed."""

    committed: int
    """Nanoseconds of the clock at which the run was committed: a run that was executed again has another."""
    machine: str
    keys: tuple[str, str]
    """Keys of the machine, as `known_by` names them."""
    speed: Speed


def known_by(spec: RunSpec) -> tuple[str, str]:
    """Name what a run's speed depends on: its environment, or another of the same sizes."""
    family = family_spec(spec.environment, **spec.protocol)
    tasks = f"{family.train_tasks} {family.test_tasks} {family.exploration_episodes}"
    sizes = f"{family.kind} {family.observation_size} {family.action_size} {family.horizon} {tasks}"
    chosen = [spec.protocol, spec.environment_options, spec.settings, *([spec.threads] if spec.threads > 1 else [])]
    rest = json.dumps(chosen, sort_keys=True)
    return f"{spec.algorithm} {spec.environment} {rest}", f"{spec.algorithm} {sizes} {rest}"


def measured_speeds(store: Store) -> list[Measured]:
    """Return the speeds of a store's finished runs; read are those alone that were committed since the last time.

    What cannot be read is left out: whoever reads the results names it. A store that cannot be written, as a snapshot,
    is read whole each time.
    """
    known = {} if store.is_snapshot else _read(store)
    found: dict[str, Measured] = {}
    for record in store.records():
        if (committed := record.committed) is None:
            continue
        each = known.get(record.run)
        if each is None or each.committed != committed:
            each = _measured(record, committed)
        if each is not None:
            found[record.run] = each
    if found != known and not store.is_snapshot:
        with suppress(OSError):
            _write(store, found)
    return list(found.values())


def _measured(record: RunRecord, committed: int) -> Measured | None:
    try:
        origin = record.provenance()
        machine = f"{origin['machine']['processor']}, {origin['device']}"
        spec, seconds = record.spec(), float(origin["seconds_total"])
        return Measured(committed, machine, known_by(spec), Speed.measured(spec, seconds, record.training()))
    except (CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
        return None


def _read(store: Store) -> dict[str, Measured]:
    """Read what is kept; nothing if there is none, or it is damaged."""
    with suppress(OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError):
        kept = json.loads(read_regular(store.results / FILE))
        if kept["schema"] == SCHEMA:
            return {
                run: Measured(int(committed), machine, (str(own), str(alike)), Speed.checked(*speed))
                for machine, own, alike, runs in kept["groups"]
                for run, (committed, *speed) in runs.items()
            }
    return {}


def _write(store: Store, found: dict[str, Measured]) -> None:
    groups: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for run, each in found.items():
        groups.setdefault((each.machine, *each.keys), {})[run] = [each.committed, *each.speed]
    value = {"schema": SCHEMA, "groups": [[*group, runs] for group, runs in groups.items()]}
    write_atomically(store.results / FILE, json.dumps(value).encode(), durably=False)
