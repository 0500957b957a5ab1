"""What `suite clusters` leaves in a run's folder, as a value: written by it, read by the report."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from suite.store.runs import CLUSTERS, CorruptRunError, NewerVersionError, RunFolder

SCHEMA = 1
STATISTICS = ("to_centroid", "between_centroids", "ratio", "silhouette")
"""See `suite.inspect.clusters.statistics`."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Statistics(_Value):
    """How tight and how far apart the clusters are in one space."""

    to_centroid: Finite
    between_centroids: Finite
    ratio: Finite | None
    silhouette: Finite


class TSNE(_Value):
    """What makes the projection again."""

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


class ClusterRecord(_Value):
    """What was done, the statistics of both spaces, and the projected points."""

    schema_version: int = Field(SCHEMA, alias="schema")
    settings: dict[str, Any] | None = None
    """What was asked for (`suite.plan.embeddings.ClusterSettings`); absent from records of earlier versions."""
    run: str
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

    def plain(self, points: bool = True) -> dict[str, Any]:
        """Return it as `clusters.json` holds it, with or without the points."""
        return self.model_dump(mode="json", by_alias=True, exclude=None if points else {"points"})


def read_clusters(folder: RunFolder) -> ClusterRecord | None:
    """Read a run's `clusters.json`; None if it has none.

    Raises
    ------
    CorruptRunError
        If it cannot be read, was written by a newer version, or is another run's.
    """
    path = folder.path / CLUSTERS
    if not folder.has(CLUSTERS):
        return None
    try:
        value = json.loads(folder.content(CLUSTERS))
        version = value.get("schema", 0)
        if isinstance(version, int) and version > SCHEMA:
            raise NewerVersionError(
                f"{path}: written by a newer version of the suite (schema {version}, this one reads {SCHEMA})"
            )
        record = ClusterRecord.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CorruptRunError(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise CorruptRunError(f"{path}: {error}") from error
    if record.run != folder.run:
        raise CorruptRunError(f"{path}: describes another run, {record.run}")
    return record


def frame(points: Points) -> pd.DataFrame:
    """Return projected windows as a table: `task`, `x`, `y`."""
    return pd.DataFrame({"task": points.task, "x": points.x, "y": points.y})
