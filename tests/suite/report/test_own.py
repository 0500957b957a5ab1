"""Figures and tables of user modules: on the page by a file beside the benchmark, on trust, and never in its way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suite.analysis.results import read_results
from suite.plan.benchmark import load_benchmark
from suite.report.own import section
from suite.store.runs import Store
from tests.suite.forgetting import forgetting
from tests.suite.stores import finish, linear
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite

ROOT = Path(__file__).parents[3]
BROKEN = """

@suite.plot("Broken <b>")
def broken(results):
    raise KeyError("no such thing")


@suite.plot("Nothing")
def nothing(results):
    return 3
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A benchmark whose two runs are done, beside the document's own module and what goes wrong."""
    page = (ROOT / "docs" / "report.md").read_text().partition("## A figure of your own")[2]
    (tmp_path / "plots.py").write_text(page.partition("```python\n")[2].partition("```")[0] + BROKEN)
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{TINY}\nmodules: [plots.py]\n")
    with forgetting():
        for number, spec in enumerate(load_benchmark(str(path), trusted=True).plan()):
            finish(Store(tmp_path / "results"), spec, linear(0.0, 5.0 + number))
    return path


def report(tiny: Path, *words: object) -> int:
    with forgetting():
        where = ("--results", tiny.parent / "results", "--reports", tiny.parent / "reports")
        return suite("report", tiny, *where, *words)


def test_they_have_a_section_of_the_page(tiny: Path) -> None:
    assert report(tiny, "--trust") == 0
    html = (tiny.parent / "reports" / "index.html").read_text()
    own = html.partition('id="own-section"')[2]
    assert "Score and seconds of each run" in own
    assert len(re.findall("<svg", own)) == 1
    assert re.search(r"<td[^>]*>blind-sac</td>\s*<td[^>]*>2</td>", own)
    assert "Broken &lt;b&gt;: could not be made: KeyError" in own
    assert (
        "Nothing: could not be made: TypeError: must return a matplotlib Figure, a DataFrame or a Table, not a int"
        in own
    )


def test_nothing_is_executed_without_trust(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tiny) == 2
    assert "plots.py: a user module, which is executed only with --trust" in capsys.readouterr().err


def test_a_benchmark_has_its_own_and_those_of_what_it_includes(tiny: Path) -> None:
    outer = tiny.parent / "outer.yaml"
    outer.write_text("name: outer\ndescription: includes\ninclude: [tiny.yaml]\n")
    with forgetting():
        plots = load_benchmark(str(outer), trusted=True).plots()
        assert [plot.title for plot in plots] == [
            "Score and seconds of each run",
            "Seeds of each entry",
            "Broken <b>",
            "Nothing",
        ]
        assert load_benchmark("smoke").plots() == []
        found = section(plots, read_results(Store(tiny.parent / "results")))
    assert found is not None
    assert [table.rows for table in found.tables] == [(("blind-sac", 2),)]
