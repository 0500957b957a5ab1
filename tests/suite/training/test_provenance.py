from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from suite.training import provenance
from tests.suite.stores import make_spec


def test_where_there_is_no_git_a_file_says_the_commit(tmp_path: Path) -> None:
    assert provenance.commit(tmp_path) is None
    (tmp_path / "COMMIT").write_text("\n")
    assert provenance.commit(tmp_path) is None
    (tmp_path / "COMMIT").write_text("abc\n")
    assert provenance.commit(tmp_path) == "abc"


def test_git_knows_better_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "empty"], check=True)
    (tmp_path / "COMMIT").write_text("abc\n")
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert provenance.commit(tmp_path) == head


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*command, "init", "--quiet"], check=True)
    subprocess.run([*command, "commit", "--quiet", "--allow-empty", "--message", "empty"], check=True)
    return command


@pytest.mark.parametrize(
    ("environment", "modules", "said"),
    [("cheetah-vel", ("mine.py",), False), ("reach-v1", ("mine.py",), None), ("cheetah-vel", (), None)],
)
def test_a_family_of_ones_own_says_that_it_defines_no_success(
    environment: str, modules: tuple[str, ...], said: bool | None
) -> None:
    spec = make_spec(environment=environment, modules=modules, settings={})
    assert provenance.provenance(spec, torch.device("cpu"), {"seconds_total": 1.0}).get("success_defined") is said


@pytest.mark.parametrize(
    ("worked", "threads", "foreign", "said"),
    [(2.0, 1, {}, 2.0), (2.0, 1, {"garage": "1"}, None), (float("nan"), 1, {}, None), (2.0, 2, {}, None)],
)
def test_processor_seconds_are_told_where_they_are_known_and_of_one_thread(
    worked: float, threads: int, foreign: dict[str, str], said: float | None
) -> None:
    spent = {"seconds_total": 3.0, "processor_seconds": worked}
    found = provenance.provenance(make_spec(settings={}, threads=threads), torch.device("cpu"), spent, foreign)
    assert (found["seconds_total"], found.get("processor_seconds")) == (3.0, said)


def test_the_repository_around_an_unpacked_archive_says_nothing(git: list[str], tmp_path: Path) -> None:
    unpacked = tmp_path / "archive"
    unpacked.mkdir()
    assert provenance.commit(tmp_path) is not None
    assert provenance.commit(unpacked) is None
    assert provenance.changed_files(unpacked) is None
    (unpacked / "COMMIT").write_text("abc\n")
    assert provenance.commit(unpacked) == "abc"


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"])
def test_a_variable_that_points_git_elsewhere_changes_nothing(
    name: str, git: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = provenance.commit(tmp_path)
    monkeypatch.setenv(name, str(Path(provenance.ROOT, ".git")))
    assert before is not None
    assert provenance.commit(tmp_path) == before
    assert provenance.changed_files(tmp_path) == []


def test_what_changed_is_named(git: list[str], tmp_path: Path) -> None:
    for name in ("kept.py", "größe 1.py"):
        (tmp_path / name).write_text("1")
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "files"], check=True)
    assert provenance.changed_files(tmp_path) == []
    (tmp_path / "größe 1.py").write_text("2")
    (tmp_path / "new.py").touch()
    assert provenance.changed_files(tmp_path) == ["größe 1.py", "new.py"]
