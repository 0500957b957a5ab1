"""A run as a value: everything that is meant to change its numbers, and the identity made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, PositiveInt

from suite.schema import Strict

SCHEMA = 1
"""Version of the run folder's layout; a folder of a newer one is refused, not guessed at."""


NON_IDENTITY_FIELDS = {"label", "modules"}
"""Fields of a run that make it no other run."""


class StepwiseTest(Strict):
    """A meta-test of several adaptations, each on fresh episodes; what is recorded is the return before and after each.

    The episodes that an adaptation reads are the ones that the policy before it is scored by: as the agent explores.
    """

    adaptations: Annotated[int, Field(ge=0, le=1_000)]
    """The run's score is the return after the last; an algorithm that does not adapt has none."""
    steps: Annotated[int, Field(ge=1, le=10**9)]
    """Environment steps in a task, in whole episodes, before each adaptation and after the last."""


class RunSpec(Strict):
    """One run: an algorithm with all its settings, on one environment, with one seed and one budget.

    A field that comes later has a default, at which it stays out of the identity: no stored run becomes another.
    """

    schema_version: int = SCHEMA
    label: str
    """The name under which tables show the run; not part of its identity."""
    algorithm: str
    algorithm_revision: int
    settings: dict[str, Any]
    """Every field of the algorithm's settings, resolved."""
    environment: str
    environment_revision: int
    environment_options: dict[str, Any]
    exploration_episodes: NonNegativeInt
    seed: NonNegativeInt
    budget: PositiveInt
    """Environment steps of meta-training."""
    evaluations: PositiveInt
    """Evaluations after the first, which is made before any training, at equal shares of the budget."""
    versions: dict[str, str]
    """Versions of the numeric stack."""
    horizon: PositiveInt | None = None
    train_tasks: PositiveInt | None = None
    test_tasks: PositiveInt | None = None
    """None: the family's own."""
    stepwise_test: StepwiseTest | None = None
    """None: exploration episodes, one adaptation, and one evaluation episode."""
    threads: PositiveInt = 1
    """Threads of matrix products: the order of their sums depends on it, and so do the last bits."""

    modules: tuple[str, ...] = ()
    """User modules that the algorithm or the family is in; not part of the identity, as its revision is."""

    @property
    def protocol(self) -> dict[str, Any]:
        """The options that a family is made with to run under this run's protocol; see `environments.make_family`."""
        names = ("horizon", "exploration_episodes", "train_tasks", "test_tasks")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def run(self) -> str:
        """The run's name: readable, and unique through a hash of everything but `NON_IDENTITY_FIELDS`."""
        fields = self.model_dump(mode="json", exclude=NON_IDENTITY_FIELDS, exclude_defaults=True)
        identity = {"schema_version": self.schema_version, **fields}
        digest = sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return f"{self.algorithm}_{self.environment}_s{self.seed}_{digest[:12]}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values, and the name that is theirs."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("run", None)
        return copied


def most_threads(specs: Iterable[RunSpec]) -> int:
    """Return the threads of the run that has most."""
    return max((spec.threads for spec in specs), default=1)
