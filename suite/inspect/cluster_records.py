"""The result of the post-run step `clusters`, as a value: kept in the run's folder, read by the report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from suite.inspect.step import StepRecord

STATISTICS = ("to_centroid", "between_centroids", "ratio", "silhouette")
"""See `suite.inspect.clusters.statistics`."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Statistics(_Value):
    """Statistics of the clusters in one space."""

    to_centroid: Finite
    between_centroids: Finite
    ratio: Finite | None
    silhouette: Finite


class TSNE(_Value):
    """The settings that make the projection again."""

    seed: int
    perplexity: float
    initialisation: str
    iterations: int
    kl_divergence: float
    scikit_learn: str


class Points(_Value):
    """The projected windows."""

    task: tuple[Annotated[int, Field(ge=0)], ...]
    x: tuple[Finite, ...]
    y: tuple[Finite, ...]

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Points:
        if not len(self.task) == len(self.x) == len(self.y):
            raise ValueError(f"{len(self.task)} tasks, {len(self.x)} x and {len(self.y)} y")
        return self


class ClusterRecord(StepRecord):
    """The settings, the statistics of both spaces, and the projected points."""

    label: str
    run_seed: int
    environment: str
    environment_options: dict[str, Any]
    goals: Literal["grid", "test tasks"]
    task_vectors: tuple[tuple[float, ...], ...]
    exploration_episodes: int
    rollouts: int
    window: int
    window_rows: tuple[int, int]
    """Fewest and most transitions that a window got."""
    seed: int
    tsne_settings: TSNE
    mean_returns: tuple[float, ...]
    tsne: Statistics
    latent: Statistics
    points: Points

    @property
    def summary(self) -> str:
        """The number of embedded rollouts, and the distance between the clusters."""
        ratio = "none" if self.latent.ratio is None else f"{self.latent.ratio:.3g}"
        return f"{self.rollouts} rollouts a task embedded, ratio {ratio}"

    def without_points(self) -> dict[str, Any]:
        """Return it as its file holds it, but for the points."""
        return self.model_dump(mode="json", by_alias=True, exclude={"points"})


def frame(points: Points) -> pd.DataFrame:
    """Return projected windows as a table: `task`, `x`, `y`."""
    return pd.DataFrame({"task": points.task, "x": points.x, "y": points.y})
