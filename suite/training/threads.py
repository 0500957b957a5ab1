"""The number of threads that this process computes with: the order of sums, and so the last bits, depend on it."""

from __future__ import annotations

import os

import torch
from threadpoolctl import threadpool_limits

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by a library when it is loaded."""


def limit_threads(count: int) -> None:
    """Have torch, and the libraries of numpy, SciPy and scikit-learn, compute with so many threads from now on.

    Whoever started this process, and with which environment: those that are loaded are told, those to come find it in
    the environment.
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    threadpool_limits(limits=count)
    torch.set_num_threads(count)
