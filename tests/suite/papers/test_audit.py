from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.papers import paper
from suite.papers.audit import AuditRow, agrees, audit


@pytest.fixture
def rows() -> dict[tuple[str, str], AuditRow]:
    return {(row["claim"], row["where"]): row for row in audit()}


def row(rows: dict[tuple[str, str], AuditRow], words: str) -> AuditRow:
    found = [row for row in rows.values() if words in f"{row['where']}: {row['claim']}"]
    assert len(found) == 1, words
    return found[0]


@pytest.mark.parametrize(
    ("words", "verdict", "recomputed"),
    [
        ("wins on 25", "holds", "4 / 6 / 3 / 4 / 7 with ties to nobody"),
        ("44 of 50", "holds", "35 / 9 / 6; 44 of 50"),
        ("gain of TCL-PEARL over PEARL on ML1", "holds", "4.290 / 1.409"),
        ("Figure 5", "holds", "17 and 7 of 25"),
        ("Table 9, last row", "holds", "tcl-pearl 24305.93, pearl 18623.79"),
        ("A.2", "holds", "tcl-pearl 6.75, pearl 5.17"),
        ("Table 9, caption", "contradicted", "tcl-pearl 6.75, pearl 5.17"),
        ("50 epochs", "contradicted", "1,400,000 environment steps in 50 epochs; one million at epoch 33.3"),
        ("gain of TCL-PEARL over PEARL on MuJoCo", "not derivable", "–"),
        ("5 of 6", "not derivable", "–"),
        ("4 of 6", "not derivable", "–"),
        ("walker", "contradicted", "= 65"),
        ("momentum", "contradicted", "1.005 updates as printed"),
        ("learning rate", "contradicted", "0.0008"),
        ("Figure 4", "not derivable", "pearl 1.16, tcl-pearl 2.58"),
    ],
)
def test_verdicts(rows: dict[tuple[str, str], AuditRow], words: str, verdict: str, recomputed: str) -> None:
    found = row(rows, words)
    assert found["verdict"] == verdict
    assert recomputed in found["recomputed"]


def test_conditions_under_which_claims_hold_are_named(rows: dict[tuple[str, str], AuditRow]) -> None:
    assert "pick-out-of-hole-v1 to mql" in row(rows, "wins on 25")["rule"]
    assert "[2.53, 18.81)" in row(rows, "44 of 50")["explanation"]
    assert "1.363 / 1.159" in row(rows, "over PEARL on ML1")["recomputed"]
    assert "5.005 / 1.628" in row(rows, "over PEARL on ML1")["recomputed"]
    assert "1.305 times" in row(rows, "Table 9, last row")["explanation"]


def test_rows_are_json_with_the_fixed_keys() -> None:
    keys = {"claim", "where", "published", "recomputed", "rule", "verdict", "explanation"}
    decoded = json.loads(json.dumps(audit()))
    assert len(decoded) == 15
    assert all(set(row) == keys and all(isinstance(value, str) for value in row.values()) for row in decoded)


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the paper's tables that a test may change."""
    folder = tmp_path / "paper"
    shutil.copytree(paper.FOLDER, folder)
    monkeypatch.setattr(paper, "FOLDER", folder)
    for read in (paper.table, paper.document):
        read.cache_clear()
    yield folder
    for read in (paper.table, paper.document):
        read.cache_clear()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("table3_ml1_25.csv", "reach-v1,35.91,66.06,106.42", "reach-v1,350.91,66.06,106.42", "wins on 25"),
        ("table3_ml1_25.csv", "3.46,-0.07,0.09,4.96", "3.46,-0.07,5.09,4.96", "Figure 5"),
        ("table1_ml1_50.csv", "4.6,4.58", "4.6,4.61", "44 of 50"),
        ("table1_ml1_50.csv", "101.55,227.21", "101.55,2270.21", "over PEARL on ML1"),
        ("table9_wall_clock.csv", "24792.06", "24892.06", "Table 9, last row"),
        ("table9_wall_clock.csv", "24792.06", "34792.06", "A.2"),
    ],
)
def test_other_numbers_would_contradict(altered: Path, file: str, old: str, new: str, words: str) -> None:
    path = altered / "tables" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert row({(row["claim"], row["where"]): row for row in audit()}, words)["verdict"] == "contradicted"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('epochs: "50", environment_steps: "1000000"', 'epochs: "50", environment_steps: "1400000"', "50 epochs"),
        ('parameters: "67"', 'parameters: "65"', "walker"),
        ('momentum: "0.005"', 'momentum: "0.995"', "momentum"),
        ('learning_rate: "0.008"', 'learning_rate: "0.0008"', "learning rate"),
        ('"10.16", pearl: "7.97"', '"6.8", pearl: "5.2"', "Table 9, caption"),
    ],
)
def test_other_claims_would_hold(altered: Path, old: str, new: str, words: str) -> None:
    path = altered / "printed_claims.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert row({(row["claim"], row["where"]): row for row in audit()}, words)["verdict"] == "holds"


@pytest.mark.parametrize(
    ("printed", "value", "same"),
    [("4.3", 4.290, True), ("4.3", 4.36, False), ("1.4", 1.409, True), ("65", 65, True), ("6.75", 6.7551, False)],
)
def test_agreement_is_at_the_printed_precision(printed: str, value: float, same: bool) -> None:
    assert agrees(printed, value) is same
