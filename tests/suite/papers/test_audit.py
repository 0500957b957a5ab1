from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from suite.errors import UsageError
from suite.papers import folder
from suite.papers.audit import AuditRow, said
from suite.papers.folder import agrees, shipped_papers
from tests.suite.papers import made

GOLDEN = Path(__file__).parents[2] / "golden"
"""The verdicts, word by word: those of TCL-PEARL as they were when each was a function of its own."""


@pytest.mark.parametrize("name", shipped_papers())
def test_the_verdicts_are_as_they_were(name: str) -> None:
    golden = json.loads((GOLDEN / f"audit_{name.replace('-', '_')}.json").read_text())
    found = made.audited(name)
    assert [row for row in golden if row not in found] == []
    assert len(found) >= len(golden) >= 2


@pytest.mark.parametrize("name", shipped_papers())
def test_rows_are_json_with_the_fixed_keys(name: str) -> None:
    keys = {"claim", "where", "published", "recomputed", "rule", "verdict", "explanation"}
    decoded = json.loads(json.dumps(made.audited(name)))
    assert decoded
    assert all(set(row) == keys and all(isinstance(text, str) and text for text in row.values()) for row in decoded)


@pytest.fixture
def altered(tmp_path: Path) -> Path:
    """A copy of a shipped paper that a test may change, with nothing in it that says a number twice."""
    copy = Path(shutil.copytree(folder.SHIPPED / "tcl_pearl", tmp_path / "paper"))
    for name in ("claims.yaml", "settings.yaml"):
        (copy / name).unlink()
    checks = copy / "audit.yaml"
    checks.write_text(re.sub(r"\n  (cells|settings): \{.*\}", "", checks.read_text()))
    return copy


def change(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def row(path: Path, words: str) -> AuditRow:
    found = [row for row in made.audited(str(path)) if words in f"{row['where']}: {row['claim']}"]
    assert len(found) == 1, words
    return found[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("table3_ml1_25.csv", "reach-v1,35.91,66.06,106.42", "reach-v1,350.91,66.06,106.42", "wins on 25"),
        ("table3_ml1_25.csv", "3.46,-0.07,0.09,4.96", "3.46,-0.07,5.09,4.96", "Figure 5"),
        ("table1_ml1_50.csv", "4.6,4.58", "4.6,4.61", "44 of 50"),
        ("table1_ml1_50.csv", "101.55,227.21", "101.55,2270.21", "over PEARL on ML1"),
        ("table1_ml1_50.csv", "4.6,4.58", "4.6,4.59", "Tables 1 and 3 share"),
        ("table9_wall_clock.csv", "24792.06", "24892.06", "Table 9, last row"),
        ("table9_wall_clock.csv", "24792.06", "34792.06", "A.2"),
    ],
)
def test_other_numbers_would_contradict(altered: Path, file: str, old: str, new: str, words: str) -> None:
    assert row(altered, words)["verdict"] == "holds"
    change(altered / "tables" / file, old, new)
    assert row(altered, words)["verdict"] == "contradicted"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('epochs: "50", environment steps: "1000000"', 'epochs: "50", environment steps: "1400000"', "50 epochs"),
        ('parameters: "67"', 'parameters: "65"', "walker"),
        ('published: {momentum: "0.005"}', 'published: {momentum: "0.995"}', "momentum"),
        ('published: {learning rate: "0.008"}', 'published: {learning rate: "0.0008"}', "learning rate"),
        ('"10.16", pearl: "7.97"', '"6.8", pearl: "5.2"', "Table 9, caption"),
    ],
)
def test_other_claims_would_hold(altered: Path, old: str, new: str, words: str) -> None:
    assert row(altered, words)["verdict"] == "contradicted"
    change(altered / "audit.yaml", old, new)
    assert row(altered, words)["verdict"] == "holds"


@pytest.mark.parametrize(
    ("printed", "value", "same"),
    [
        ("4.3", 4.290, True),
        ("4.3", 4.36, False),
        ("1.4", 1.409, True),
        ("65", 65, True),
        ("6.75", 6.7551, False),
        ("0.1", 0.15, True),
        ("0.1", 0.1500001, False),
        ("1", float("nan"), False),
        ("1", float("inf"), False),
    ],
)
def test_agreement_is_at_the_printed_precision(printed: str, value: float, same: bool) -> None:
    assert agrees(printed, value) is same


def test_texts_may_insert_values_and_nothing_else() -> None:
    values: dict[str, Any] = {"total": 1400000, "ratio": 1.305, "name": "pearl"}
    assert said("{total:,} and {ratio:.2f} for {name}, {0.__class__:x} {{}", values) == (
        "1,400,000 and 1.30 for pearl, {0.__class__:x} {{}"
    )
    with pytest.raises(UsageError, match=r"value in words 'other' is unknown; .*allowed: name, ratio, total"):
        said("{other}", values)
    with pytest.raises(UsageError, match=r"value in words 'name\.__class__' is unknown"):
        said("{name.__class__}", values)
    with pytest.raises(UsageError, match=r"'pearl': cannot be written as '\.2f'"):
        said("{name:.2f}", values)
    assert said("{total:999999999d}", values) == "{total:999999999d}"
