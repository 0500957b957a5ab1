"""garage's environment. Where there is none, what needs it is skipped, and says so."""

from __future__ import annotations

import pytest

from algorithms.peers import garage
from algorithms.peers.process import PeerError


@pytest.fixture(scope="session", autouse=True)
def environment() -> None:
    try:
        garage.installed()
    except PeerError as error:
        pytest.skip(f"NOTHING ABOUT PEERS IS TESTED: {error}")
