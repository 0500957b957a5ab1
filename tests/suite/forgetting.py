"""Tests that take up user modules leave the others without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium

from algorithms import ALGORITHMS
from environments import registry
from suite.plan import user_modules


@contextmanager
def forgetting() -> Iterator[None]:
    """Let what is taken up meanwhile be known meanwhile alone, as in a process of its own."""
    registers: list[dict[Any, Any]] = [
        ALGORITHMS,
        registry._ENTRIES,
        user_modules._loaded,
        user_modules._fingerprints,
        user_modules._plots,
        gymnasium.registry,
    ]
    before = [dict(register) for register in registers]
    try:
        yield
    finally:
        for register, content in zip(registers, before, strict=True):
            register.clear()
            register.update(content)
