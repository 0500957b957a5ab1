"""The parts that several commands need: a store, what of it is reported, a device, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.spec import RunSpec

RESULTS = Path("results")
"""The store that commands mean by default; it need not be there yet."""

if TYPE_CHECKING:
    import torch

    from suite.plan.seeds import Comparison
    from suite.store.runs import Store


def nothing_there(results: Path) -> str:
    """Say what to do where a store holds no runs."""
    from suite.store.published import shipped_snapshots

    shipped = list(shipped_snapshots())
    seen = f"; published runs came with the suite: suite report --results {' or '.join(shipped)}" if shipped else ""
    return f"{results}: holds no runs yet; to make some: suite run quick{seen}"


def existing(results: Path, option: str = "--results ") -> Store:
    """Return the store in a folder, which must be there, or the snapshot of a name that came with the suite."""
    from suite.store.published import located
    from suite.store.runs import Store

    found = located(results)
    if not found.is_dir():
        if results == RESULTS:
            raise UsageError(nothing_there(results))
        raise UsageError(f"{option}{results}: there is no such folder")
    return Store(found)


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
