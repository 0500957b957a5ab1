"""Settings of MAML-TRPO, and where published implementations differ from the description.

Sizes and schedules: garage's ML1 example (examples/torch/maml_trpo_metaworld_ml1_push.py); those of the MuJoCo Controls
are in presets/maml-trpo.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from algorithms.declaration import Count, Declaration, Fraction, Problem, UnitInterval, Widths

Difference = Literal[
    "advantages-over-variance",  # garage torch/algos/vpg.py:374-377: centred, then divided by the variance
    "vpg-outer-loss",  # garage torch/algos/maml_trpo.py:79, vpg.py:456: the outer loss has no likelihood ratio
    "untrained-baseline",  # garage torch/algos/maml.py:67, :165: no optimiser owns the weights that are trained
    "values-of-padding",  # garage torch/_functions.py:101: what follows an early end is V of zeros, not nothing
    "kl-over-padding",  # garage torch/algos/vpg.py:384-409: the mean divergence counts what follows an early end
    "shared-deviation",  # garage 2021.3.0 torch/modules/gaussian_mlp_module.py:128, :302: one for all actions
    "small-ridge",  # ProMP's and garage's LinearFeatureBaseline: a ridge of 1e-5, however few the rows
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
        }
    ),
    "promp": frozenset({"small-ridge"}),
}


@dataclass(frozen=True)
class MAMLTRPOSettings:
    """Settings of MAML-TRPO; the defaults are those of garage's ML1 example."""

    hidden_sizes: Widths = (100, 100)
    """garage's example; tanh between the layers."""
    meta_batch: Count = 20
    """garage's example :27, tasks an iteration."""
    rollouts: Count = 10
    """garage's example :26, episodes a task, before each inner step and after the last."""
    inner_rate: Fraction = 0.1
    """alpha; garage's example :82."""
    inner_steps: Count = 1
    """garage's example :83. At meta-test every step uses all exploration episodes."""
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


class MAMLTRPODeclaration(Declaration):
    """MAML with a policy-gradient step inside and a trust-region step outside."""

    implementation: ClassVar[str] = "algorithms.maml_trpo:MAMLTRPO"
    name: ClassVar[str] = "maml-trpo"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = MAMLTRPOSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED

    @classmethod
    def first_iteration_steps(cls, settings: MAMLTRPOSettings, problem: Problem) -> int:
        """Rollouts of every task in the batch, before each inner step and after the last."""
        return settings.meta_batch * settings.rollouts * (settings.inner_steps + 1) * problem.horizon
