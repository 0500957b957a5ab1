"""The commands of the documentation are typed here; what takes long is only parsed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
import typer
import yaml

import suite as package
from suite.cli import app
from suite.papers import statements
from suite.plan.benchmark import load_benchmark
from tests.suite.forgetting import forgetting
from tests.suite.trained_runs import suite, train

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]

FOLLOWED = set((ROOT / "docs" / "tutorials").glob("*.md"))
"""Their commands are typed one after the other: `tests/test_tutorials.py`."""

NEEDS_A_FILE = "--trust"
"""The options that execute a file of the reader's."""

QUICKLY_DONE = {"list", "show", "plan", "status", "report", "export", "audit", "gc", "--help", "--version"}
"""On an empty store, and wherever the page is read."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text.splitlines()[0]}"


def blocks(language: str) -> list[Block]:
    found = []
    for page in PAGES:
        for fence in re.finditer(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
            if fence[1] == language:
                found.append(Block(page, language, fence[2]))
    return found


def commands() -> list[str]:
    """Return every line, and every cell of the README's tables, that calls the `suite` command, once."""
    lines = [line.strip() for block in blocks("sh") if block.page not in FOLLOWED for line in block.text.splitlines()]
    lines += re.findall(r"\| `(suite [^`]+)`", (ROOT / "README.md").read_text())
    return sorted({line.partition("  #")[0].strip() for line in lines if line.startswith("suite ")})


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_works(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "published").symlink_to(ROOT / "results" / "published")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    if (words[0] in QUICKLY_DONE or "--help" in words) and NEEDS_A_FILE not in words:
        assert suite(*words) == 0
    else:
        group = typer.main.get_command(app)
        called = group.get_command(typer.Context(group), words[0])  # type: ignore[attr-defined]
        assert called is not None, f"no command {words[0]}"
        called.make_context(words[0], words[1:])


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_documented_program_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {}
    if re.search(r"\bRUN\b", block.text):  # as in commands: the name of a finished run
        (tmp_path / "results").mkdir()
        given["RUN"] = train(tmp_path / "results")["pearl"]
    exec(compile(block.text, str(block), "exec"), given)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_documented_benchmark_can_be_planned(block: Block, tmp_path: Path) -> None:
    if "groups" not in yaml.safe_load(block.text):
        pytest.skip("not a benchmark")
    path = tmp_path / "my.yaml"
    path.write_text(block.text)
    shutil.copy(ROOT / "examples" / "best_of_k.py", tmp_path)
    with forgetting():
        assert load_benchmark(str(path), trusted=True).plan()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target
    }
    assert [page for page in PAGES if page.name not in ("README.md",) and page not in linked] == []


def test_every_document_is_in_the_index() -> None:
    """From whose links the site's contents are made."""
    docs = ROOT / "docs"
    linked = {(docs / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", (docs / "index.md").read_text())}
    assert {page for page in docs.rglob("*.md") if page.name != "index.md" and "_build" not in page.parts} <= linked


def test_the_reference_lists_what_programs_may_import() -> None:
    listed = set(re.findall(r"^\| `([\w.]+)` \|", (ROOT / "docs" / "reference" / "api.md").read_text(), re.MULTILINE))
    assert {f"suite.{name}" for name in package.__all__} <= listed
    claimed = get_args(get_args(statements.AnyStatement)[0])
    assert claimed
    assert {f"suite.papers.statements.{kind.__name__}" for kind in claimed} <= listed
