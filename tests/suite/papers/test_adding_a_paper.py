"""The paper of docs/adding-a-paper.md, added by its folder alone, up to the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from suite.papers.paper import read_paper
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store
from tests.suite.stores import finish, linear
from tests.suite.trained_runs import suite

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-paper.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page, written where it says."""
    files = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(files) == 7
    for name, text in files:
        path = tmp_path / "my-paper" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "my-paper"


def test_its_numbers_are_audited(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("audit", folder, "--json") == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    rows = json.loads(printed.out)
    assert [row["verdict"] for row in rows] == ["holds", "contradicted", "not derivable"]
    assert rows[1]["recomputed"] == "oracle-sac -10.4"


@pytest.mark.parametrize(("told", "verdict"), [(-10.0, "reproduced"), (-40.0, "not reproduced")])
def test_its_claim_is_judged_on_the_page(folder: Path, tmp_path: Path, told: float, verdict: str) -> None:
    store = Store(tmp_path / "results")
    benchmark = folder / "benchmarks" / "toy.yaml"
    paper = read_paper(str(folder))
    for spec in load_benchmark(str(benchmark)).plan():
        assert paper.settings.speaks(spec)
        end = told if spec.label == "oracle-sac" else -26.0
        finish(store, spec, linear(-50.0, end + 0.1 * spec.seed))
    command = ("report", benchmark, "--paper", folder, "--results", tmp_path / "results")
    assert suite(*command, "--reports", tmp_path / "reports") == 0
    html = (tmp_path / "reports" / "index.html").read_text()
    claim = re.search(r'<ul class="claims">.*?</ul>', html, re.DOTALL)
    assert claim is not None
    text = " ".join(re.sub(r"<[^>]+>", " ", claim[0]).split())
    # One environment and three seeds of each: one in twenty ways to deal the runs out is as clear.
    assert text.startswith(f"{verdict} better when told the task paper 1, ours {1 if verdict == 'reproduced' else 0}")
    assert "Toy against its own tables" in html
    assert "Table 1 of Toy: final scores" in html
    assert "External results" in html
    assert "TCL-PEARL" not in html


def test_it_ships_by_lying_among_the_papers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.papers.folder.SHIPPED", folder.parent)
    assert read_paper("my-paper").about.short == "Toy"
