"""Statistics of how well a context encoder distinguishes tasks, for any context-based agent.

Windows of the adapted agent's rollouts in a few tasks are encoded to their posterior means; these, and their t-SNE
projection, are judged as clusters, one a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

import numpy as np
import sklearn.manifold
import sklearn.metrics
import torch
from threadpoolctl import threadpool_limits

from algorithms import Episodes
from algorithms.gaussian import DiagonalNormal
from algorithms.tcl import window_and_starts
from environments import BoolArray, FloatArray, IntArray, family_options, make_family
from suite.errors import UsageError
from suite.inspect.cluster_records import TSNE, ClusterRecord, Points, Statistics
from suite.inspect.step import Tick
from suite.plan.embeddings import ClusterSettings, check_embeddable
from suite.training.protocol import CountedTasks, adapted, evaluation_episodes
from suite.training.streams import stream
from suite.training.trainer import Trainer


@runtime_checkable
class ContextBased(Protocol):
    """An algorithm that infers a posterior over a latent task variable from transitions."""

    def encode(self, exploration: Sequence[Episodes]) -> DiagonalNormal:
        """Infer each copy's posterior, (copies, latent_size), from all its transitions."""


@runtime_checkable
class GoalGrid(Protocol):
    """A family whose goals can be put on a grid, everything else alike."""

    def goal_grid(self, columns: int, rows: int) -> FloatArray:
        """Return (columns * rows, task_size) task vectors."""


def embed(trainer: Trainer, settings: ClusterSettings, tick: Tick = lambda done, of: None) -> ClusterRecord:
    """Collect rollouts with a trained agent, encode a window of each, and judge the clusters.

    The agent adapts to every task as at meta-test, and then acts as in evaluation episodes.

    Parameters
    ----------
    trainer : of `suite.inspect.trained.trained`.
    tick : called after every round of rollouts, one in each task, with how many there were, and of how many.

    Raises
    ------
    UsageError
        As `check_embeddable`, or if all windows are encoded alike.
    """
    spec, algorithm = trainer.spec, trainer.algorithm
    check_embeddable(spec, settings)
    assert isinstance(algorithm, ContextBased)  # noqa: S101 - for the type checker
    tasks, grid = cluster_tasks(trainer, settings)
    indices = np.arange(settings.tasks)
    generator = stream(settings.seed, "clusters")
    means, returns, rows = [], [], []
    try:
        agent = adapted(algorithm, tasks, spec.exploration_episodes, indices)
        for done in range(1, settings.rollouts + 1):
            episodes = evaluation_episodes(algorithm, agent, tasks, indices)
            windows = crop(episodes, settings.window, generator)
            encoded = algorithm.encode([windows]).means
            precision = torch.finfo(encoded.dtype).eps
            means.append(encoded.double().cpu().numpy())
            returns.append(episodes.rewards.sum(axis=1))
            rows.append(windows.lengths)
            tick(done, settings.rollouts)
    finally:
        tasks.close()
    latent = np.concatenate(means)  # (rollouts * tasks, latent_size)
    labels = np.tile(indices, settings.rollouts)
    if latent.shape[1] < 2:
        raise UsageError(f"run {spec.run}: its latent has one dimension; a projection to the plane needs two")
    # A posterior is a sum over a window's rows: it is known to as many roundings.
    if not np.isfinite(latent).all() or not varies(latent, precision * np.max(rows)).any():
        raise UsageError(f"run {spec.run}: its encoder gives every window the same posterior; there are no clusters")
    projected, projection = project(latent, settings)
    return ClusterRecord(
        schema=ClusterRecord.SCHEMA,
        settings=settings.model_dump(mode="json"),
        run=spec.run,
        label=spec.label,
        run_seed=spec.seed,
        environment=spec.environment,
        environment_options=tasks_options(spec.environment, spec.environment_options),
        goals="grid" if grid else "test tasks",
        task_vectors=tasks.vectors.tolist(),
        exploration_episodes=spec.exploration_episodes,
        rollouts=settings.rollouts,
        window=settings.window,
        window_rows=(int(np.min(rows)), int(np.max(rows))),
        seed=settings.seed,
        tsne_settings=projection,
        mean_returns=np.mean(returns, axis=0).tolist(),
        tsne=statistics(projected, labels),
        latent=statistics(latent, labels),
        points=Points(task=labels.tolist(), x=projected[:, 0].tolist(), y=projected[:, 1].tolist()),
    )


def cluster_tasks(trainer: Trainer, settings: ClusterSettings) -> tuple[CountedTasks, bool]:
    """Return the tasks to distinguish, and whether their goals stand on a grid.

    Goals on a grid as nearly square as it gets, the hand's start drawn anew in every episode, goal and object fixed;
    where the family has no such thing, the run's first test tasks.
    """
    spec = trainer.spec
    family = make_family(spec.environment, **spec.protocol, **tasks_options(spec.environment, spec.environment_options))
    grid = isinstance(family, GoalGrid)
    if isinstance(family, GoalGrid):
        rows = max(n for n in range(1, settings.tasks + 1) if settings.tasks % n == 0 and n * n <= settings.tasks)
        vectors = family.goal_grid(settings.tasks // rows, rows)
    else:
        vectors = trainer.test.vectors[: settings.tasks]
    return CountedTasks(family, vectors, settings.seed, "evaluation environment"), grid


def tasks_options(environment: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's environment options, with the hand's start randomised where there is a hand."""
    randomised = {"hand_start": "random"} if "hand_start" in family_options(environment) else {}
    return {**options, **randomised}


def crop(episodes: Episodes, size: int, generator: np.random.Generator) -> Episodes:
    """Cut one window out of every episode, by the rule of `algorithms.tcl.window_and_starts`.


    Parameters
    ----------
    size : W, transitions.
    """
    lengths, starting = window_and_starts(episodes.lengths, size)  # (copies,) each
    starts = generator.integers(starting)
    offsets = np.arange(lengths.max() + 1)
    rows = starts[:, None] + np.minimum(offsets, lengths[:, None])  # (copies, time + 1), the last one repeated
    beyond = offsets[:-1] >= lengths[:, None]  # (copies, time)
    steps = np.minimum(rows[:, :-1], episodes.rewards.shape[1] - 1)
    copies = np.arange(len(rows))[:, None]
    return replace(
        episodes,
        observations=episodes.observations[copies, rows],
        actions=np.where(beyond[..., None], 0.0, episodes.actions[copies, steps]),
        rewards=np.where(beyond, 0.0, episodes.rewards[copies, steps]),
        lengths=lengths,
    )


def project(latent: FloatArray, settings: ClusterSettings) -> tuple[FloatArray, TSNE]:
    """Project points to the plane by scikit-learn's t-SNE; return them, and what makes them again.

    On one thread: sums that threads share would come out differently from time to time.
    """
    tsne = sklearn.manifold.TSNE(n_components=2, perplexity=settings.perplexity, init="pca", random_state=settings.seed)
    with threadpool_limits(limits=1):
        projected: FloatArray = tsne.fit_transform(latent).astype(np.float64)
    return projected, TSNE(
        seed=settings.seed,
        perplexity=settings.perplexity,
        initialisation="pca",
        iterations=int(tsne.n_iter_),
        kl_divergence=float(tsne.kl_divergence_),
        scikit_learn=version("scikit-learn"),
    )


def varies(values: FloatArray, precision: float) -> BoolArray:
    """Say of each column (rows, columns) whether its values differ by more than they are known to.

    Parameters
    ----------
    precision : relative; what sums of floating-point numbers are known to.
    """
    different: BoolArray = np.ptp(values, axis=0) > precision * np.abs(values).max(axis=0)
    return different


def statistics(points: FloatArray, labels: IntArray) -> Statistics:
    """Judge how tight and how far apart labelled clusters are.

    Parameters
    ----------
    points : (n, dimensions)
    labels : (n,) cluster of each point; at least two clusters.

    Returns
    -------
    `to_centroid`, the mean distance of a point to its cluster's centroid, and `between_centroids`, the mean distance of
    two centroids; `ratio`, the second over the first, which no scaling changes (None where all points are at
    their centroids, as far as numbers can tell); `silhouette`, the mean silhouette coefficient (Rousseeuw 1987).
    """
    names = np.unique(labels)
    centroids = np.stack([points[labels == name].mean(axis=0) for name in names])  # (clusters, dimensions)
    within = float(np.linalg.norm(points - centroids[np.searchsorted(names, labels)], axis=1).mean())
    first, second = np.triu_indices(len(names), k=1)
    between = float(np.linalg.norm(centroids[first] - centroids[second], axis=1).mean())
    return Statistics(
        to_centroid=within,
        between_centroids=between,
        ratio=between / within if within > np.finfo(np.float64).eps * len(points) * np.abs(points).max() else None,
        silhouette=float(sklearn.metrics.silhouette_score(points, labels)),
    )
