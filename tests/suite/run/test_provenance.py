from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from suite.run import provenance


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
