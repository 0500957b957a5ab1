"""Synthetic run stores: what a finished run leaves behind, without running anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from environments import family_spec
from suite.failures import Kind
from suite.inspect.cluster_records import ClusterRecord
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.folder import RunFolder
from suite.store.runs import Store

CLUSTERS, CLUSTERS_WANTED, CLUSTERS_FAILED = "clusters.json", "clusters.wanted.json", "clusters.failed.json"

SETTINGS = {"batch_size": 256, "latent_size": 7}


def make_spec(
    label: str = "pearl", environment: str = "reach-v1", seed: int = 0, budget: int = 1_000_000, **changes: Any
) -> RunSpec:
    values: dict[str, Any] = {
        "label": label,
        "algorithm": label.removesuffix("-garage"),
        "algorithm_revision": 1,
        "settings": SETTINGS | ({"as_published": ["sampled-test-actions"]} if label.endswith("-garage") else {}),
        "environment": environment,
        "environment_revision": 1,
        "environment_options": {},
        "exploration_episodes": family_spec(environment).exploration_episodes,
        "seed": seed,
        "budget": budget,
        "evaluations": 10,
        "versions": {"numpy": "2.4.6"},
    }
    return RunSpec(**(values | changes))


def linear(start: float, end: float) -> Callable[[float], float]:
    """A learning curve: from `start` to `end`, reached at 80 % of the budget."""
    return lambda share: start + (end - start) * min(1.0, share / 0.8)


def prepared(results: Path, spec: RunSpec) -> RunFolder:
    """Return the folder of a pending run, in a store that is ready to be written."""
    store = Store(results)
    store.prepare()
    folder = store.folder(spec.run)
    folder.prepare(spec)
    return folder


def finish(
    store: Store,
    spec: RunSpec,
    curve: Callable[[float], float],
    *,
    tasks: int = 3,
    seconds: Sequence[float] = (30.0, 60.0, 10.0),
    provenance: dict[str, Any] | None = None,
    state: bytes | None = None,
) -> RunFolder:
    """Write a done run whose mean return at each share of its budget is `curve(share)`, and its final state."""
    shares = np.linspace(0, 1, spec.evaluations + 1)
    steps = (shares * spec.budget).astype(int)
    spread = np.arange(tasks) - (tasks - 1) / 2  # averages to zero
    evaluations = pd.DataFrame(
        [
            {
                "environment_steps": step,
                "gradient_steps": step // 10,
                "task": task,
                "episode": 0,
                "return": curve(share) + spread[task],
                "success": bool(share > 0.5),
            }
            for share, step in zip(shares, steps, strict=True)
            for task in range(tasks)
        ]
    )
    training = pd.DataFrame(
        {
            "environment_steps": steps,
            "gradient_steps": steps // 10,
            "meta_test_steps": (1000 * np.arange(len(steps))),
            "seconds_sampling": seconds[0] * shares,
            "seconds_updating": seconds[1] * shares,
            "seconds_evaluating": seconds[2] * shares,
        }
    )
    folder = store.folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    folder.write("evaluations.parquet", evaluations.to_parquet(index=False))
    folder.write("training.parquet", training.to_parquet(index=False))
    default = {
        "versions": spec.versions,
        "commit": "0123abc",
        "dirty": False,
        "machine": {"processor": "test"},
        "device": "cpu",
        "printed_settings": SETTINGS,
        "used_settings": SETTINGS,
        "command": f"suite exec {spec.run} --again",
        "seconds_total": float(sum(seconds)),
    }
    write_json(folder.path / "provenance.json", default if provenance is None else provenance)
    if state is not None:
        folder.write("state.safetensors", state)
    folder.commit()
    folder.release()
    return folder


def fail(store: Store, spec: RunSpec, reason: str, log: str = "", kind: Kind = "error") -> RunFolder:
    folder = store.folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    (folder.path / "log.txt").write_text(log)
    folder.fail(reason, kind)
    folder.release()
    return folder


def embed(store: Store, spec: RunSpec, tasks: int = 8, rollouts: int = 5, width: float = 1.0) -> ClusterRecord:
    """Leave statistics of a done run's context embeddings in its folder, of tasks on a circle.

    The statistics are fixed, not those of the points.
    """
    task = np.tile(np.arange(tasks), rollouts)
    spread = width * np.random.default_rng(0).normal(size=(2, len(task)))
    angle = 2 * np.pi * task / tasks
    statistics = {"to_centroid": 1.25, "between_centroids": 5.0, "ratio": 4.0, "silhouette": 0.5}
    record = ClusterRecord.model_validate(
        {
            "schema": 1,
            "run": spec.run,
            "label": spec.label,
            "run_seed": spec.seed,
            "environment": spec.environment,
            "environment_options": {"hand_start": "random"},
            "goals": "grid",
            "task_vectors": [[0.0, float(index)] for index in range(tasks)],
            "exploration_episodes": 2,
            "rollouts": rollouts,
            "window": 64,
            "window_rows": [64, 64],
            "seed": 0,
            "tsne_settings": {
                "seed": 0,
                "perplexity": 30.0,
                "initialisation": "pca",
                "iterations": 1000,
                "kl_divergence": 0.5,
                "scikit_learn": "1.0",
            },
            "mean_returns": [1.0] * tasks,
            "tsne": statistics,
            "latent": {**statistics, "ratio": None},
            "points": {
                "task": task.tolist(),
                "x": (10 * np.cos(angle) + spread[0]).tolist(),
                "y": (10 * np.sin(angle) + spread[1]).tolist(),
            },
        }
    )
    write_json(store.folder(spec.run).path / CLUSTERS, record.plain())
    return record


def make_store(path: Path, ends: dict[tuple[str, str], Sequence[float]], start: float = 0.0, **changes: Any) -> Store:
    """Write a store of done runs: for each (label, environment), the end value of each seed."""
    store = Store(path)
    for (label, environment), values in ends.items():
        for seed, end in enumerate(values):
            finish(store, make_spec(label, environment, seed, **changes), linear(start, end))
    return store
