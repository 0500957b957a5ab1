"""Shared set-up of the tests."""

from __future__ import annotations

import torch

# Tests run side by side; more BLAS threads than cores only wait for each other.
torch.set_num_threads(1)
