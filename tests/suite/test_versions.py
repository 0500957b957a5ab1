from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from suite import versions
from suite.versions import NUMERIC, code_hash


def test_the_code_hash_is_of_what_changes_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "ROOT", tmp_path)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def hashed() -> str:
        code_hash.cache_clear()
        return code_hash()

    for pattern in NUMERIC:
        write(pattern.replace("**/*", "a.py"), "a")
    try:
        first = hashed()
        write("suite/cli/app.py", "b")
        assert hashed() == first
        write("algorithms/a.py", "b")
        assert hashed() != first
    finally:
        code_hash.cache_clear()


@pytest.mark.parametrize("pattern", NUMERIC)
def test_sources_that_are_nowhere_are_missed(pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in set(NUMERIC) - {pattern}:
        path = tmp_path / other.replace("**/*", "a.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    code_hash.cache_clear()
    with pytest.raises(RuntimeError, match="there is no such source"):
        code_hash()


def test_a_checkout_says_its_version_whatever_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setattr(versions, "version", {"meta-rl-suite": "1.0"}.__getitem__)
    project = tmp_path / "pyproject.toml"
    assert (versions.suite_version(), versions.is_checkout()) == ("1.0", False)
    project.write_text('[project]\nname = "meta-rl-suite"\nversion = "2.0"\n')
    assert (versions.suite_version(), versions.is_checkout()) == ("2.0", True)
    for other in ('[project]\nname = "of somebody else"\nversion = "3.0"\n', "[project", "project = 1"):
        project.write_text(other)
        assert (versions.suite_version(), versions.is_checkout()) == ("1.0", False)


def test_the_version_is_the_one_that_is_packaged() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["name"] == versions.DISTRIBUTION
    assert versions.suite_version() == project["version"]
