"""Settings of the oracle that is trained as MAML-TRPO is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms.declaration import Count, CountOrNone, Range, added
from algorithms.maml_trpo_settings import MAMLTRPODeclaration, MAMLTRPOSettings


@dataclass(frozen=True)
class OracleTRPOSettings(MAMLTRPOSettings):
    """Settings of MAML-TRPO, with the batch of maml_rl's oracle (maml_examples/trpo_point.py): 1,000 steps in all."""

    meta_batch: Count = 10
    """Tasks an iteration; the code draws one for each episode."""
    rollouts: Count = 1
    """Episodes a task."""
    inner_steps: CountOrNone = 0
    """None: the task is told."""
    common_baseline: bool = added(default=True)
    """The baseline as in the code, where it reads the goal too."""

    def __post_init__(self) -> None:
        """Refuse what an oracle does not do."""
        if self.inner_steps:
            raise ValueError(f"inner_steps: {self.inner_steps}: must be 0: the oracle is told the task")
        super().__post_init__()


class OracleTRPODeclaration(MAMLTRPODeclaration):
    """TRPO on observation and task vector."""

    implementation: ClassVar[str] = "algorithms.oracle_trpo:OracleTRPO"
    name: ClassVar[str] = "oracle-trpo"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = OracleTRPOSettings
    ranges: ClassVar[Mapping[str, Range]] = {
        name: values for name, values in MAMLTRPODeclaration.ranges.items() if name != "inner_rate"
    }
    adapts: ClassVar[bool] = False
    reads_task_vectors: ClassVar[bool] = True
