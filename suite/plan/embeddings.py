"""The runs whose context embeddings are judged as clusters, and how: no part of their identity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from algorithms import ENTRANTS
from environments import family_spec
from suite.errors import UsageError
from suite.plan.requests import Request, StepSettings
from suite.spec import RunSpec


class ClusterSettings(StepSettings):
    """The collection of windows and their projection; the defaults are the paper's where it prints one."""

    tasks: Annotated[int, Field(ge=2, le=1000)] = 8
    """Number of tasks; the default is as printed."""
    rollouts: Annotated[int, Field(ge=2, le=100_000)] = 200
    """A task; as printed."""
    window: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Transitions encoded of each rollout; not printed for this figure."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of initial states, draws of the agent, windows and t-SNE, whose seeds end there."""
    perplexity: Annotated[float, Field(ge=1.0, allow_inf_nan=False)] = 30.0
    """Perplexity of t-SNE; not printed, scikit-learn's default."""

    def check(self, spec: RunSpec) -> None:
        """Make sure that a run's contexts can be embedded like this; raises as `check_embeddable`."""
        check_embeddable(spec, self)


class Embedding(Request, ClusterSettings):
    """An item of a benchmark's `clusters:`."""

    how = ClusterSettings


def check_embeddable(spec: RunSpec, settings: ClusterSettings) -> None:
    """Make sure, before any rollout, that a run's contexts can be embedded like this.

    Raises
    ------
    UsageError
        If its algorithm has no encoder, its latent a single dimension, its environment too few test tasks, or if the
        perplexity is not below the number of windows.
    """
    run = f"run {spec.run}"
    if not ENTRANTS[spec.algorithm].encodes:
        raise UsageError(f"{run}: {spec.algorithm} has no context encoder, so there are no clusters to judge")
    if spec.settings.get("latent_size") == 1:
        raise UsageError(f"{run}: its latent has one dimension (latent_size 1); a projection to the plane needs two")
    windows = settings.tasks * settings.rollouts
    if settings.perplexity >= windows:
        raise UsageError(f"perplexity {settings.perplexity:g}: must be less than the number of windows, {windows}")
    family = family_spec(spec.environment, **spec.protocol)
    if family.kind != "ml1" and settings.tasks > family.test_tasks:  # on ML1, goals are put on a grid
        raise UsageError(f"tasks {settings.tasks}: {spec.environment} has {family.test_tasks} test tasks")
