"""No source of the suite names one paper, or reads its tables: papers are data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suite.papers.folder import shipped_papers
from suite.plan.benchmark import SUITE

SOURCES = sorted(
    path
    for path in SUITE.rglob("*")
    if path.suffix in {".py", ".j2", ".js", ".css", ".yaml", ".csv"}
    and path.relative_to(SUITE).parts[:2] not in {("papers", name.replace("-", "_")) for name in shipped_papers()}
)
NAMES = re.compile(
    r"tcl|Trajectory Contrastive|2103\.06386|\bTable \d|\b[Ss]ection \d|[Aa]ppendix [A-Z]\b", re.IGNORECASE
)


def named(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix == ".yaml":
        text = re.sub(r"\btcl-(pearl|mql|rl2-ppo)\b", "", text)  # the algorithms, in benchmarks
    # A component of the algorithms that any agent with a context encoder may use.
    text = text.replace("algorithms.tcl", "")
    return NAMES.findall(text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SUITE)))
def test_no_source_names_a_paper(path: Path) -> None:
    assert named(path) == []


def test_no_other_paper_names_tcl() -> None:
    for name in set(shipped_papers()) - {"tcl-pearl"}:
        for path in (SUITE / "papers" / name.replace("-", "_")).rglob("*.*"):
            assert not re.search(r"tcl", path.read_text(), re.IGNORECASE), path


def test_a_paper_named_in_a_source_is_found() -> None:
    assert NAMES.findall("Do the claims of the TCL-PEARL paper hold? See Table 2 and section 5.5.") == [
        "TCL",
        "Table 2",
        "section 5",
    ]
