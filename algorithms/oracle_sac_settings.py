"""Settings of the oracle and of the control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from algorithms.declaration import (
    DISCOUNTS,
    TARGET_RATES,
    ArithmeticSettings,
    Between,
    Count,
    CountOrNone,
    Declaration,
    Fraction,
    Problem,
    Range,
    Scale,
    Widths,
    added,
)

Difference = Literal[
    "xavier-initialisation",  # garage mlp_module.py:48, tanh_gaussian_mlp_policy.py
    "bounded-density",  # garage tanh_normal.py:56: log(1 - a^2 + 1e-6)
    "temperature-by-last-input",  # garage mtsac.py:181-189 with num_tasks=1: log alpha times what the policy reads last
]

PUBLISHED: dict[str, frozenset[str]] = {
    "garage": frozenset({"xavier-initialisation", "bounded-density", "temperature-by-last-input"}),
}


@dataclass(frozen=True)
class OracleSACSettings(ArithmeticSettings):
    """Settings of multi-task SAC; the defaults are garage's (examples/torch/mtsac_metaworld_mt1_pick_place.py)."""

    network_sizes: Widths = (400, 400, 400)
    """Policy and critics; example :60-75."""
    batch: Count = 1280
    """Transitions an update, each of a task drawn with replacement; example :95."""
    updates: Count = 150
    """Gradient steps an iteration; example :60-100."""
    tasks_per_iteration: Count = 50
    """One episode each: 50 episodes between updates; example :60-100."""
    steps_per_task: Count = 200
    """Environment steps a sampled task and iteration: one episode of the paper's horizon."""
    warmup_steps: Count = 200
    """Environment steps a training task before the first update; garage waits for 1,500 transitions in all."""
    reward_scale: Scale = 1.0
    """garage torch/algos/mtsac.py."""
    discount: Fraction = 0.99
    """gamma; garage torch/algos/mtsac.py."""
    target_rate: Fraction = 0.005
    """tau, of the soft update of the target critics; garage torch/algos/mtsac.py."""
    learning_rate: Fraction = 3e-4
    """Learning rate of policy, critics and temperature; garage torch/algos/mtsac.py."""
    standardise: bool = False
    """Shift and scale observations by the warm-up data's mean and std, and task vectors by the train tasks'."""
    replay_size: CountOrNone = added(0)
    """Rows of replay memory of each training task, as PEARL's; 0 keeps everything."""
    as_published: frozenset[Difference] = added(frozenset())
    """Ways in which garage's MTSAC differs, as its single-environment example runs it; see `PUBLISHED`."""


class OracleSACDeclaration(Declaration):
    """SAC on observation and task vector."""

    implementation: ClassVar[str] = "algorithms.oracle_sac:OracleSAC"
    name: ClassVar[str] = "oracle-sac"
    revision: ClassVar[int] = 3
    Settings: ClassVar[type[Any]] = OracleSACSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    ranges: ClassVar[Mapping[str, Range]] = {
        "learning_rate": Between(3e-4, 3e-3, log=True),
        "reward_scale": Between(0.01, 20.0, log=True),
        "discount": DISCOUNTS,
        "target_rate": TARGET_RATES,
    }
    adapts: ClassVar[bool] = False
    reads_task_vectors: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: OracleSACSettings, problem: Problem) -> int:
        """Warm-up of every training task, and the sampled tasks' steps."""
        return settings.warmup_steps * problem.train_tasks + settings.tasks_per_iteration * settings.steps_per_task


class BlindSACDeclaration(OracleSACDeclaration):
    """The oracle with its task vector zeroed."""

    implementation: ClassVar[str] = "algorithms.oracle_sac:BlindSAC"
    name: ClassVar[str] = "blind-sac"
    host: ClassVar[str | None] = "oracle-sac"
    reads_task_vectors: ClassVar[bool] = False
