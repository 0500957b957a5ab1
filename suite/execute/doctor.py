"""The checks of whether runs could be executed here, and what to do where they could not."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

from algorithms.peers import garage
from algorithms.peers.process import PeerError
from suite.errors import UsageError
from suite.execute.executor import Check, Request, Verdict
from suite.execute.machine import this_machine
from suite.execute.registry import DEFAULT, all_executors, make_executor
from suite.store import sharing
from suite.store.runs import Store
from suite.versions import ROOT, is_checkout, numeric_versions, suite_version

RUN_DISK_BYTES = 2 * 2**30
"""Bytes on the disk that a run is assumed to need: two checkpoints of networks, and the replay of a million steps."""


def examine(store: Store, executor: str | None, request: Request) -> Iterator[Check]:
    """Yield one check after the other.

    Parameters
    ----------
    executor : whose needs are looked at; None for all, where what only others than the default need is never worse than
        a warning.
    request : its options.
    """
    yield _installation()
    try:
        store.prepare()
    except UsageError as error:
        yield Check("store", "failed", str(error))
        return
    yield Check("store", "ok", f"{store.results.resolve()} can be written")
    machine = this_machine()
    free = shutil.disk_usage(store.results).free
    verdict: Verdict = "ok" if free > RUN_DISK_BYTES * machine.cores else "warning"
    yield Check("disk", verdict, f"{free / 2**30:.0f} GiB free; allow {RUN_DISK_BYTES >> 30} GiB for each run at once")
    yield Check("machine", "ok", machine.describe())
    yield _garage()
    if executor is not None:
        yield from make_executor(executor, store, request).check()
        return
    for name, each in all_executors(store):
        for check in each.check():
            is_needed = check.verdict != "failed" or name == DEFAULT
            yield check if is_needed else check._replace(verdict="warning")


def examine_store(store: Store, executor: str, request: Request) -> Iterator[Check]:
    """Yield whether the store's file system keeps what leases need, as two processes see it.

    The other one runs where the executor has runs executed.
    """
    elsewhere = make_executor(executor, store, request).elsewhere()
    try:
        store.prepare()
        for finding in sharing.examine(store.runs_path.resolve() / sharing.name(), elsewhere):
            yield Check(finding.what, "ok" if finding.holds else "failed", finding.found)
    except UsageError as error:
        yield Check("store", "failed", str(error))
    except OSError as error:
        yield Check("store", "failed", f"{store.results}: {error.strerror}")


def _installation() -> Check:
    """Look at what runs record of the suite and of the packages that make their numbers."""
    try:
        where = f"checkout {ROOT}" if is_checkout() else str(ROOT)
        found = f"suite {suite_version()} ({where}), Python {platform.python_version()}"
        numeric = ", ".join(f"{package} {number}" for package, number in numeric_versions().items())
    except PackageNotFoundError as error:
        return Check("packages", "failed", f"{error.name} is not installed; to install all: pip install {ROOT}")
    return Check("packages", "ok", f"{found}; {numeric}")


def _garage() -> Check:
    """Look at the environment that only peers need: without it, everything else works."""
    try:
        versions = garage.installed()
    except PeerError as error:
        return Check("peers", "warning", f"{error}; all other algorithms work without it")
    return Check("peers", "ok", ", ".join(f"{package} {found}" for package, found in versions.items()))
