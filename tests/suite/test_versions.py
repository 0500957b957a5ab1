from __future__ import annotations

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
