"""What the doctor says of the environment that peers need."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithms.peers import garage
from algorithms.peers.process import PeerError
from suite.execute.doctor import Check, examine
from suite.store.runs import Store


def peers(results: Path) -> Check:
    (check,) = (check for check in examine("slurm", Store(results), None) if check.what == "peers")
    return check


def test_a_missing_environment_is_no_more_than_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(garage.VARIABLE, str(tmp_path / "nowhere"))
    check = peers(tmp_path)
    assert check.verdict == "warning"
    assert "make it: tox -e garage" in check.found
    assert "all other algorithms work without it" in check.found


def test_an_environment_that_lacks_packages_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> dict[str, str]:
        raise PeerError("peer", "garage: python has not all of garage, torch")

    monkeypatch.setattr(garage, "installed", lacking)
    assert peers(tmp_path).verdict == "warning"


def test_what_is_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garage, "installed", lambda: {"garage": "2021.3.0", "numpy": "1.23.5"})
    assert peers(tmp_path) == Check("peers", "ok", "garage 2021.3.0, numpy 1.23.5")
