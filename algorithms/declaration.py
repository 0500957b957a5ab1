"""Declarations of algorithms, known before any is loaded: plans and lists need them, without waiting for torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from environments import FloatArray

# Ranges of settings: what lies beyond them cannot be meant.
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
"""In (0, 1]: a discount (gamma), the rate of a target's average (tau), a learning rate of Adam."""
UnitInterval = Annotated[float, Field(ge=0.0, le=1.0)]
"""In [0, 1]: lambda of generalised advantage estimation, the std of noise on actions in [-1, 1]."""
Scale = Annotated[float, Field(gt=0.0, le=1e6)]
"""A factor that may not vanish: a reward scale, a temperature."""
Weight = Annotated[float, Field(ge=0.0, le=1e6)]
"""A coefficient of a loss; 0 leaves the term out."""
Count = Annotated[int, Field(ge=1, le=10_000_000)]
"""A number of at least one: updates, steps, tasks, rows of a batch."""
CountOrNone = Annotated[int, Field(ge=0, le=10_000_000)]
"""A number, possibly zero."""
Width = Annotated[int, Field(ge=1, le=65_536)]
"""Units of a layer."""
Widths = Annotated[tuple[Width, ...], Field(max_length=16)]
"""Units of each hidden layer."""
Precision = Literal["float32", "bf16"]
"""Arithmetic of matrix products: bfloat16 has 8 bits of precision, and is faster where the processor has it."""


@dataclass(frozen=True)
class Between:
    """The numbers from `low` to `high`, both included; whole numbers if both ends are."""

    low: float
    high: float
    log: bool = False
    """Equal ratios are equally likely, and not equal differences."""


Range = Between | tuple[Any, ...]
"""The values that a search may give a setting: numbers between two, or one of those listed."""

DISCOUNTS = (0.9, 0.95, 0.99)
TARGET_RATES = (0.005, 0.01, 0.02)
"""Ranges that several algorithms share."""


def added(default: Any) -> Any:
    """Declare a setting that came after runs were stored: at its default it stays out of a run's identity."""
    return field(default=default, metadata={"added": True})


@dataclass(frozen=True)
class GradientSettings:
    """Settings of how gradients are computed, which every algorithm of ReLU networks has."""

    plain_autograd: bool = added(default=False)
    """Leave the gradients of whole networks to autograd; see docs/performance.md."""


@dataclass(frozen=True)
class ArithmeticSettings(GradientSettings):
    """Settings of how networks are computed."""

    precision: Precision = added("float32")
    """Arithmetic of matrix products; weights, reductions, losses and targets are in float32."""


@dataclass(frozen=True)
class Problem:
    """All that an algorithm knows of the task family it is trained on."""

    observation_size: int
    action_size: int
    task_size: int
    horizon: int
    train_tasks: int
    budget: int
    """Environment steps that meta-training may spend; replay memory is sized by it."""
    task_vectors: FloatArray | None = None
    """(train_tasks, task_size); given only to algorithms that declare `reads_task_vectors`."""

    @property
    def replay_rows(self) -> int:
        """Rows that a replay memory of the whole budget takes: transitions, and each episode's final observation."""
        return self.budget + self.budget // self.horizon + 1


class Declaration:
    """The declaration of an algorithm; its docstring says in a line what the algorithm is.

    The algorithms here have one in a module of their own, which imports no torch; `algorithms.registry` lists it. An
    algorithm of a user module may be its own: `Algorithm` is a declaration.
    """

    implementation: ClassVar[str]
    """The algorithm's class, as `module:class`; not set by a class that is the algorithm itself."""
    name: ClassVar[str]
    revision: ClassVar[int]
    """Raised by hand whenever the same settings and seed give different numbers."""
    Settings: ClassVar[type[Any]]
    """A frozen dataclass whose every default cites its source."""
    published: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Presets of the setting `as_published`: the differences of each published implementation."""
    metrics: ClassVar[Mapping[str, str]] = {}
    """Names of what `meta_train` or `measured` return that curves, tables and exports show, each with words for it."""
    ranges: ClassVar[Mapping[str, Range]] = {}
    """Ranges that `suite tune` searches, by setting, unless a benchmark has its own."""
    host: ClassVar[str | None] = None
    """The algorithm that it extends, and whose found settings it is given where both are in a benchmark."""
    adapts: ClassVar[bool] = True
    """False: meta-test skips the exploration episodes, whose outcome such an algorithm would ignore."""
    reads_task_vectors: ClassVar[bool] = False
    """True only for oracles."""
    reads_evaluation_rewards: ClassVar[bool] = False
    """True for recurrent policies that go on reading rewards inside the evaluation episode."""
    adapts_on_replay: ClassVar[bool] = False
    """True if adaptation also reads what was collected in meta-training: the final state alone cannot adapt."""
    adapts_stepwise: ClassVar[bool] = False
    """True if its agents are `StepwiseAgent`s, which can adapt several times, each time on fresh episodes."""
    encodes: ClassVar[bool] = False
    """True if it has a context encoder, `encode`, whose posteriors can be looked at."""
    resumes: ClassVar[bool] = True
    """False: the state is fit to be meta-tested, not to be trained further; a run that was cut off starts again."""
    image: ClassVar[str | None] = None
    """The image that the docker executor needs beside the suite's own: NAME of containers/NAME.Dockerfile."""

    @classmethod
    def most_gradient_steps(cls, settings: Any) -> int | None:
        """The gradient steps after which meta-training is over, whatever is left of its budget; by default never."""
        return None

    @classmethod
    def first_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """The most environment steps that the first whole iteration can spend; 0 if that is not known beforehand."""
        return 0

    @classmethod
    def later_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """The most environment steps of an iteration that is not the first."""
        return cls.first_iteration_steps(settings, problem)
