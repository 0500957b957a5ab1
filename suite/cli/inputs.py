"""The parts that several commands need: a store, what of it is reported, a device, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


def existing(results: Path, option: str = "--results ", *, snapshots: bool = True) -> Store:
    """Return the store in a folder, which must be there.

    Parameters
    ----------
    snapshots : whether it is only read, and may be the name of a snapshot that came with the suite.
    """
    from suite.store.published import located, shipped_snapshots
    from suite.store.runs import Store

    found = located(results) if snapshots else results
    if not found.is_dir():
        if results == RESULTS:
            raise UsageError(nothing_there(results))
        shipped = ", ".join(shipped_snapshots()) if snapshots else ""
        offered = f"; snapshots that came with the suite: {shipped}" if shipped else ""
        raise UsageError(f"{option}{results}: there is no such folder{offered}")
    return Store(found)


class Reported(NamedTuple):
    """The part of a store that is reported, and for which benchmark."""

    title: str
    specs: Sequence[RunSpec] | None = None
    """None: everything there is."""
    comparisons: Sequence[Comparison] | None = None
    """The benchmark that decides how many seeds they have; None: that of the snapshot, where the store is one."""
    description: str = ""
    papers: Sequence[str] | None = None
    """Those that are judged; None: those with claims about these runs."""
    pairs: Sequence[tuple[str, str]] = ()
    """The entries that are compared first."""


def reported(benchmark: str | None, store: Store, trust: bool) -> Reported:
    """Return what of a store is reported: a benchmark's runs, or all there are."""
    if benchmark is None:
        if not store.is_snapshot:
            return Reported("All runs")
        background = store.snapshots[0].background
        return Reported(
            background.name, None, None, background.description, background.papers, background.compare or ()
        )
    from suite.analysis.sequential import planned
    from suite.plan.benchmark import load_benchmark

    definition = load_benchmark(benchmark, trusted=trust)
    return Reported(
        definition.name,
        planned(definition, store)[0],
        definition.comparisons(),
        definition.description,
        definition.papers,
        definition.compare,
    )


def device() -> torch.device:
    """Return the device that agents are looked at on."""
    import torch

    from suite.training.threads import limit_threads

    limit_threads(1)  # as runs do: small networks, and the same numbers
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
