"""A wall clock that is set back and ahead: it takes nothing from the living, and keeps no dead lease alive."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time

import pytest

from suite.store.lease import LEASE_SECONDS, Lease, LostLeaseError, take
from tests.faults.conftest import Note, count
from tests.suite.store.test_lease import Time, elsewhere, held

pytestmark = pytest.mark.faults

JUMPS = (-10 * 365 * 86400, -86400, -3600, -90, 0, 90, 3600, 86400)
"""Seconds by which clocks are wrong, anew whenever they are read."""


def set_anew(draws: random.Random) -> float:
    """Read an injected wall clock."""
    return time() + draws.choice(JUMPS) + draws.random()


def stamp(lease: Lease, draws: random.Random) -> None:
    os.utime(lease.path, (set_anew(draws),) * 2)


def renewals(lease: Lease, draws: random.Random) -> Iterator[Callable[[], object]]:
    """Renew a lease every sixth of its term, as heartbeats do, while another looks 120 times a term."""
    while True:
        yield from [lambda: None] * 19
        yield lambda: (lease.renew(), stamp(lease, draws))


def test_clocks_set_back_and_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    draws = random.Random(0)
    monkeypatch.setattr("suite.store.lease.time.time", lambda: set_anew(draws))
    times = count(whole=1000, bounded=100)
    for turn in range(times):
        clock = Time()
        owner = held(tmp_path / str(turn), clock)
        stamp(owner, draws)
        lives = turn % 2 == 0
        if not lives or draws.random() < 0.5:
            elsewhere(owner)  # where only renewals tell whether it lives
            stamp(owner, draws)
        if lives:
            clock.meanwhile = renewals(owner, draws)
        begun = clock.now
        taken = take(tmp_path / str(turn), clock, clock.wait)
        if lives:
            assert taken is None
            owner.check()
        else:
            assert taken is not None
            assert LEASE_SECONDS <= clock.now - begun < LEASE_SECONDS + 1
            with pytest.raises(LostLeaseError):
                owner.check()
    note("clocks set back and ahead", times, "living owners keep their runs; a dead one's is free after one lease")
