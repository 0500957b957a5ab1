from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite.tiny import TINY


@pytest.fixture
def benchmark_file(tmp_path: Path) -> Path:
    """A file of two runs of a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path
