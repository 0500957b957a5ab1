"""Settings of MAML-TRPO, and where published implementations differ from the description.

Sizes and schedules: garage's ML1 example (examples/torch/maml_trpo_metaworld_ml1_push.py); those of the MuJoCo Controls
are in presets/maml-trpo.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from algorithms.declaration import (
    DISCOUNTS,
    Between,
    Count,
    CountOrNone,
    Declaration,
    Fraction,
    Problem,
    Range,
    UnitInterval,
    Widths,
    added,
)

Difference = Literal[
    "advantages-over-variance",  # garage torch/algos/vpg.py:374-377: centred, then divided by the variance
    "vpg-outer-loss",  # garage torch/algos/maml_trpo.py:79, vpg.py:456: the outer loss has no likelihood ratio
    "untrained-baseline",  # garage torch/algos/maml.py:67, :165: no optimiser owns the weights that are trained
    "values-of-padding",  # garage torch/_functions.py:101: what follows an early end is V of zeros, not nothing
    "kl-over-padding",  # garage torch/algos/vpg.py:384-409: the mean divergence counts what follows an early end
    "shared-deviation",  # garage 2021.3.0 torch/modules/gaussian_mlp_module.py:128, :302: one for all actions
    "small-ridge",  # ProMP's and garage's LinearFeatureBaseline: a ridge of 1e-5, however few the rows
    "absolute-residual",  # garage conjugate_gradient_optimizer.py:69, `step`: 1e-10 and 1e-8 in the gradient's units
    "curvature-by-differences",  # maml_rl conjugate_gradient_optimizer.py:59-112: of gradients 1 / |theta| away
]

PUBLISHED: dict[str, frozenset[str]] = {
    "garage": frozenset(
        {
            "advantages-over-variance",
            "vpg-outer-loss",
            "untrained-baseline",
            "values-of-padding",
            "kl-over-padding",
            "shared-deviation",
            "absolute-residual",
        }
    ),
    "promp": frozenset({"small-ridge", "absolute-residual"}),
    "maml_rl": frozenset({"small-ridge", "absolute-residual", "curvature-by-differences"}),
}


@dataclass(frozen=True)
class MAMLTRPOSettings:
    """Settings of MAML-TRPO; the defaults are those of garage's ML1 example."""

    hidden_sizes: Widths = (100, 100)
    """garage's example."""
    meta_batch: Count = 20
    """garage's example :27, tasks an iteration."""
    rollouts: Count = 10
    """garage's example :26, episodes a task, before each inner step and after the last."""
    inner_rate: Fraction = 0.1
    """alpha; garage's example :82."""
    inner_steps: CountOrNone = 1
    """garage's example :83. At meta-test every step uses all exploration episodes. 0: TRPO on the batch of tasks."""
    discount: UnitInterval = 0.99
    """garage's example :80."""
    gae_decay: UnitInterval = 1.0
    """garage's example :81, gae_lambda."""
    max_kl: Fraction = 0.01
    """garage torch/algos/maml_trpo.py:60."""
    conjugate_gradient_steps: Count = 10
    """garage torch/optimizers/conjugate_gradient_optimizer.py:127."""
    damping: UnitInterval = 1e-5
    """Added to the Hessian; garage conjugate_gradient_optimizer.py:131."""
    backtracks: Count = 15
    """garage conjugate_gradient_optimizer.py:129."""
    backtrack_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    """garage conjugate_gradient_optimizer.py:130."""
    as_published: frozenset[Difference] = frozenset()
    """Ways in which a code base differs from the defaults; see `PUBLISHED` and docs/algorithms/maml-trpo.md."""
    activation: Literal["tanh", "relu"] = added("tanh")
    """Between the layers of the policy; tanh is garage's (torch/policies/gaussian_mlp_policy.py)."""
    batch_steps: CountOrNone = added(0)
    """Environment steps of a task, in whole episodes, that are sampled instead of `rollouts`; 0: the latter."""
    iterations: Annotated[int, Field(ge=0, le=10_000_000)] | None = added(None)
    """Iterations after which meta-training ends though the budget has steps left; None: no such number."""
    test_rates: Annotated[tuple[Fraction, ...], Field(max_length=100)] = added(())
    """Step sizes alpha of a meta-test that adapts step by step, the last one's of all further; empty: `inner_rate`."""
    outer_optimiser: Literal["trpo", "adam"] = added("trpo")
    """The optimiser of the outer step: TRPO, or Adam by one step along the same gradient, without a bound."""
    outer_rate: Fraction = added(1e-3)
    """Learning rate of Adam; maml_rl sandbox/rocky/tf/optimizers/first_order_optimizer.py:43."""
    common_baseline: bool = added(default=False)
    """Fit one baseline to an iteration's tasks and standardise their advantages together; without inner steps only."""

    def __post_init__(self) -> None:
        """Refuse what cannot be joined."""
        if self.common_baseline and self.inner_steps:
            raise ValueError(
                "common_baseline: needs inner_steps 0: an inner step is taken on the task's own advantages"
            )
        if self.batch_steps and "kl-over-padding" in self.as_published:
            raise ValueError("batch_steps: cannot be joined with kl-over-padding, which counts episodes of one length")


class MAMLTRPODeclaration(Declaration):
    """MAML with a policy-gradient step inside and a trust-region step outside."""

    implementation: ClassVar[str] = "algorithms.maml_trpo:MAMLTRPO"
    name: ClassVar[str] = "maml-trpo"
    revision: ClassVar[int] = 5
    Settings: ClassVar[type[Any]] = MAMLTRPOSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    ranges: ClassVar[Mapping[str, Range]] = {
        "inner_rate": Between(0.03, 0.3, log=True),
        "max_kl": Between(0.003, 0.1, log=True),
        "discount": DISCOUNTS,
        "gae_decay": (0.9, 0.95, 1.0),
    }

    adapts_stepwise: ClassVar[bool] = True

    @classmethod
    def most_gradient_steps(cls, settings: MAMLTRPOSettings) -> int | None:
        """One in each of the iterations that were asked for."""
        return settings.iterations

    @classmethod
    def task_steps(cls, settings: MAMLTRPOSettings, problem: Problem) -> int:
        """The most that one task can take in an iteration: before each inner step, and after the last."""
        steps = settings.rollouts * problem.horizon
        if settings.batch_steps:
            steps = settings.batch_steps + problem.horizon - 1
        return steps * (settings.inner_steps + 1)

    @classmethod
    def first_iteration_steps(cls, settings: MAMLTRPOSettings, problem: Problem) -> int:
        """The share of every task of the batch."""
        return settings.meta_batch * cls.task_steps(settings, problem)
