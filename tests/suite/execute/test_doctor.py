"""The doctor's answers on the environment that peers need, and on executors."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from algorithms.peers import garage
from algorithms.peers.process import PeerError
from suite.execute import doctor, registry
from suite.execute.doctor import examine
from suite.execute.executor import Check, Request
from suite.store.runs import Store
from suite.versions import ROOT, suite_version
from tests.suite.instant import InstantExecutor


def peers(results: Path) -> Check:
    (check,) = (check for check in examine(Store(results), "slurm", Request()) if check.what == "peers")
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


def test_versions_of_an_installed_peer_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garage, "installed", lambda: {"garage": "2021.3.0", "numpy": "1.23.5"})
    assert peers(tmp_path) == Check("peers", "ok", "garage 2021.3.0, numpy 1.23.5")


class Needy(InstantExecutor):
    """Lacks something."""

    def check(self) -> list[Check]:
        return [Check("need", "failed", "is missing")]


@pytest.mark.parametrize(("asked", "verdict"), [("needy", "failed"), (None, "warning")])
def test_what_only_another_executor_lacks_is_a_warning(
    asked: str | None, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "EXECUTORS", {"local": registry.EXECUTORS["local"], "needy": f"{__name__}:Needy"})
    checks = list(examine(Store(tmp_path), asked, Request()))
    assert [check.verdict for check in checks if check.what == "need"] == [verdict]


def test_a_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def packages() -> Check:
        (check,) = (check for check in examine(Store(tmp_path), "needy", Request()) if check.what == "packages")
        return check

    monkeypatch.setattr(registry, "EXECUTORS", {"needy": f"{__name__}:Needy"})
    assert packages().verdict == "ok"
    assert f"suite {suite_version()} (checkout {ROOT})" in packages().found

    def missing() -> dict[str, str]:
        raise PackageNotFoundError("metaworld")

    monkeypatch.setattr(doctor, "numeric_versions", missing)
    assert packages() == Check("packages", "failed", f"metaworld is not installed; to install all: pip install {ROOT}")
