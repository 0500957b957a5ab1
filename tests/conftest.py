"""Shared set-up of the tests."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import settings

LONG = {"test_smoke.py", "test_scheduler.py", "test_registry.py", "test_tutorials.py"}
"""Files of few tests that take long: begun last, they would leave one of two workers alone."""

# Tests run side by side; more BLAS threads than cores only wait for each other.
torch.set_num_threads(1)

# No test depends on how fast the machine is.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; workers take files in this order (`--no-loadscope-reorder`)."""
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONG, -counts[item.path]))
