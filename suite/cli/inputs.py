"""The parts that several commands need: a store, what of it is reported, a device, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.spec import RunSpec

if TYPE_CHECKING:
    import torch

    from suite.plan.seeds import Comparison
    from suite.store.runs import Store


def existing(results: Path, option: str = "--results ") -> Store:
    """Return the store in a folder, which must be there."""
    from suite.store.runs import Store

    if not results.is_dir():
        raise UsageError(f"{option}{results}: there is no such folder")
    return Store(results)


def reported(
    benchmark: str | None, store: Store, trust: bool
) -> tuple[str, Sequence[RunSpec] | None, Sequence[Comparison] | None]:
    """Return a title for what of a store is reported, its runs, and what decides how many seeds they have.

    None: everything there is, and what a store that is a snapshot says of itself.
    """
    if benchmark is None:
        return store.snapshots[0].background.name if store.is_snapshot else "All runs", None, None
    from suite.analysis.sequential import planned
    from suite.plan.benchmark import load_benchmark

    definition = load_benchmark(benchmark, trusted=trust)
    return definition.name, planned(definition, store)[0], definition.comparisons()


def device() -> torch.device:
    """Return the device that agents are looked at on."""
    import torch

    from suite.training.threads import limit_threads

    limit_threads(1)  # as runs do: small networks, and the same numbers
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
