"""One integer seed, spread into named random streams."""

from __future__ import annotations

import numpy as np

from algorithms.interface import Streams

STREAMS = (
    "environment",  # initial states of training episodes, by (task, episode)
    "exploration",  # the algorithm's choice of tasks and its action noise
    "initialisation",  # network weights
    "replay",  # minibatches and latent samples
    "evaluation environment",  # initial states of test episodes, by (task, episode)
    "evaluation",  # what the agent draws at meta-test, by task
    "clusters",  # windows of rollouts whose encodings are clustered
)
"""Their order is part of every number: append, never insert. Tasks are drawn by the family from the seed itself."""


def stream(seed: int, name: str, *key: int) -> np.random.Generator:
    """Return the generator of a named stream, or of one member of it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS.index(name), *key)))


def algorithm_streams(seed: int) -> Streams:
    """Return the streams that an algorithm owns."""
    return Streams(
        initialisation=stream(seed, "initialisation"),
        exploration=stream(seed, "exploration"),
        replay=stream(seed, "replay"),
    )
