"""Runs as the statistics take them; imports no SciPy, since plans read it."""

from __future__ import annotations

from collections.abc import Sequence

from environments import FloatArray

Samples = Sequence[FloatArray]
"""An entry's runs: for each environment one array, a number a seed; minus infinity where a run diverged."""
