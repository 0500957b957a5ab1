"""Shared set-up of the tests."""

from __future__ import annotations

import torch
from hypothesis import settings

# Tests run side by side; more BLAS threads than cores only wait for each other.
torch.set_num_threads(1)

# No test depends on how fast the machine is.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")
