"""Each tutorial is followed from its first line to its last, in an empty folder."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.suite.forgetting import forgetting
from tests.suite.trained_runs import suite

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

PRINTS = {
    "first-benchmark.md": (r"\| point-goal-2d \|.*\| better \|", r"clip: .*oracle-sac.*-task0\.mp4", r"curves\.csv"),
    "judge-a-paper.md": ("holds", "contradicted", "not derivable", r"reports/index\.html"),
    "add-an-algorithm.md": (r"\| point-goal-2d \|.*\| inconclusive \|",),
}
"""Page -> what a reader is told to see, and sees."""


def followed(page: Path, folder: Path) -> None:
    """Write the files and type the commands of a page."""
    for language, name, text in FENCE.findall(page.read_text()):
        if name:
            (folder / name).write_text(text)
        elif language == "sh":
            for line in text.splitlines():
                command, *words = shlex.split(line, comments=True)
                if command == "cp":
                    shutil.copy(ROOT / words[0], folder / words[1])
                else:
                    assert command == "suite"
                    assert suite(*words) == 0, line


@pytest.mark.parametrize("name", PRINTS)
def test_a_tutorial_can_be_followed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "published").symlink_to(ROOT / "results" / "published")
    monkeypatch.chdir(tmp_path)
    with forgetting():
        followed(TUTORIALS / name, tmp_path)
    printed = capfd.readouterr().out
    assert [pattern for pattern in PRINTS[name] if not re.search(pattern, printed)] == []


def test_every_tutorial_is_followed() -> None:
    assert {page.name for page in TUTORIALS.glob("*.md")} == set(PRINTS)
