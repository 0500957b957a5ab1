"""Random streams that are named rather than numbered."""

from __future__ import annotations

import numpy as np


def task_stream(family: str, seed: int) -> np.random.Generator:
    """Return the generator from which a family draws the tasks of one seed."""
    return np.random.default_rng([seed, *family.encode()])
