"""The glossary on the page: that of the documents, linked from the notes."""

from __future__ import annotations

import re
from pathlib import Path

from suite.report.glossary import FILE, linked, terms
from tests.suite.report.test_page import report
from tests.suite.stores import make_store

DOCUMENT = Path(__file__).parents[3] / "docs" / "glossary.md"


def test_it_is_the_document_with_every_paragraph_that_explains() -> None:
    assert FILE.read_text() == DOCUMENT.read_text()
    assert len(terms()) == len(re.findall(r"^\*\*", DOCUMENT.read_text(), re.MULTILINE)) > 30
    found = {term.title: term for term in terms()}
    assert found["Return, score"].names == ("Return", "score")
    assert found["† (adaptive)"].names == ("†",)
    assert found["Store"].meaning == "The folder of runs, <code>results/runs/</code>."
    assert len({term.key for term in terms()}) == len(terms())


def test_the_first_mention_in_the_notes_of_a_section_is_linked_and_markup_is_left_alone() -> None:
    body = (
        '<h2>Score</h2><p class="note">Scores by entry: <code>entry</code>, <a href="#run-1">run</a>; '
        '<b title="lease">entries</b>, a sub-run. <i>Claims &amp; Leases</i></p><p>lease</p><p class="note">score</p>'
    )
    assert linked(body) == (
        '<h2>Score</h2><p class="note"><a class="term" href="#term-return">Scores</a> by '
        '<a class="term" href="#term-entry">entry</a>: <code>entry</code>, <a href="#run-1">run</a>; '
        '<b title="lease">entries</b>, a sub-run. <i><a class="term" href="#term-claim">Claims</a> &amp; '
        '<a class="term" href="#term-lease">Leases</a></i></p><p>lease</p><p class="note">score</p>'
    )


def test_the_page_holds_what_its_notes_link_to(tmp_path: Path) -> None:
    html, page = report(make_store(tmp_path / "results", {("pearl", "reach-v1"): [1.0, 2.0]}), tmp_path)
    anchors = re.findall(r'<a class="term" href="#([^"]+)">', html)
    assert len(anchors) > 10
    assert all(f'<dt id="{anchor}">' in html for anchor in anchors)
    assert "Return, score A return is the sum of an episode's rewards." in page.text
