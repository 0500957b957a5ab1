"""docs/audit.md says of each paper what its audit says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.suite.papers import made

PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


def numbers(text: str) -> set[str]:
    return {number.replace(",", "").lstrip("+") for number in NUMBER.findall(text)}


@pytest.mark.parametrize(
    ("heading", "papers", "rows"),
    [("TCL-PEARL", ["tcl-pearl"], 14), ("MAML", ["maml"], 13), ("RL2 and SNAIL", ["rl2", "snail"], 7)],
)
def test_recomputed_numbers_and_verdicts_are_those_of_the_audit(heading: str, papers: list[str], rows: int) -> None:
    found = [row for paper in papers for row in made.audited(paper)]
    said = numbers(
        " ".join(f"{row['recomputed']} {row['explanation']} {row['published']} {row['claim']}" for row in found)
    )
    table = re.findall(
        r"^\| (?!claim)([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|$",
        PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0],
        re.M,
    )
    assert len(table) == rows
    verdicts = {row["verdict"] for row in found}
    for claim, _, recomputed, verdict in table:
        assert numbers(recomputed) <= said, claim
        assert any(verdict.strip().startswith(known) for known in verdicts), claim
