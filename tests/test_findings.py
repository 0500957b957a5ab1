"""The page of findings says what the published runs say, and nothing else."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from studies.findings import FIGURE, FIGURES, LINES, PROOFS, drawn, proof
from tests.findings import Row, faults, rows_of, sections, undecided, unfounded, with_printed_lines
from tests.suite.trained_runs import suite

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "findings.md"
PUBLISHED = ROOT / "results" / "published"
SUMMARIES = (
    ("README.md", "## What was found"),
    ("docs/peers.md", "# Peers: published implementations compared with ours"),
    ("docs/peers.md", "## The benchmark"),
)
"""Pages that sum the findings up, and their sections."""
IN_WORDS = [
    "none",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
]

GOOD = """# What was found

## One

Two entries on point-goal-2d and reach-v1, 1,234 runs at 0.5 each (see `3 lines` and [there](x-9.md)).

```sh
suite report
```

```text
| 1234 | 0.5 |
# 7
```

## Two

Nothing.
"""
OUTPUT = "head\n| 1234 | 0.5 |\nbetween\n# 7\n"


@cache
def printed(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "suite", command
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert suite(*words[1:]) == 0
    return output.getvalue()


def test_findings_are_what_the_snapshot_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = with_printed_lines(PAGE.read_text(), lambda name: (PAGE.parent / name).read_text())
    assert faults(page, printed) == []


@pytest.mark.parametrize("name", PROOFS)
def test_printed_lines_are_those_that_the_study_keeps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (LINES / f"{name}.txt").read_text() == proof(name, printed)


@pytest.mark.parametrize("name", FIGURE)
def test_figures_show_the_printed_lines(name: str) -> None:
    """But for the last digits of coordinates, which another processor may round otherwise."""
    committed = (FIGURES / f"findings-{name}.svg").read_text()
    again = drawn(name, (LINES / f"{name}.txt").read_text())
    decimals = re.compile(r"-?\d+\.\d+")
    assert decimals.sub("", again) == decimals.sub("", committed)
    numbers = [[float(number) for number in decimals.findall(figure)] for figure in (again, committed)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.01)


def test_every_file_of_printed_lines_belongs_to_a_section() -> None:
    assert {path.stem for path in LINES.iterdir()} == set(PROOFS)
    assert all(f"(findings/{name}.txt)" in PAGE.read_text() for name in PROOFS)


def test_there_are_findings_only_of_what_is_published() -> None:
    named = set(re.findall(r"results/published/([\w-]+)", PAGE.read_text()))
    assert all((PUBLISHED / name / "snapshot.json").exists() for name in named)


def test_a_page_that_says_what_is_printed_has_no_fault() -> None:
    assert faults(GOOD, lambda command: OUTPUT) == []
    assert len(list(sections(GOOD))) == 3


def test_the_name_of_a_claim_decides_nothing() -> None:
    rows = [Row(("TCL is better in most", "inconclusive")), Row(("reach-v1", "worse"))]
    assert undecided("*TCL is better\nin most* is inconclusive.", rows) == []
    assert undecided("TCL is better.", rows) == ["'better' is decided by no row there: TCL is better."]


def test_groups_of_means_decide_nothing() -> None:
    lines = ["| environment | pearl, measured | group, measured |", "| reach-v1 | 2 | better |"]
    assert rows_of("suite report", lines) == [Row(("reach-v1", "2"))]


def test_linked_lines_count_as_printed() -> None:
    page = "# One\n\nSeven is 7 ([printed lines](findings/one.txt)).\n"
    lines = "$ suite report\n| 7 |\n"
    assert faults(with_printed_lines(page, lambda name: lines), lambda command: "| 7 |\n") == []
    assert faults(with_printed_lines(page, lambda name: lines), lambda command: "| 8 |\n") == [
        "suite report: does not print '| 7 |', or not there"
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("1,234 runs", "1,235 runs", "## One: 1235 is printed by no command there"),
        ("at 0.5", "at 0.52", "## One: 0.52 is printed by no command there"),
        ("at 0.5", "at -0.5", "## One: -0.5 is printed by no command there"),
        ("Nothing.", "All 7 of them.", "## Two: 7 is printed by no command there"),
        ("| 1234 | 0.5 |\n# 7", "# 7\n| 1234 | 0.5 |", "suite report: does not print '| 1234 | 0.5 |', or not there"),
        ("| 1234 | 0.5 |", "| 1234 | 0.50 |", "suite report: does not print '| 1234 | 0.50 |', or not there"),
    ],
)
def test_a_number_that_is_not_printed_is_found(old: str, new: str, fault: str) -> None:
    assert fault in faults(GOOD.replace(old, new), lambda command: OUTPUT)


def check_decisions(sentence: str, rows: list[Row], wrong: str) -> None:
    """Hold that rows decide what a sentence says, but for the word or name that is wrong, if any."""
    found = undecided(sentence, rows)
    assert bool(found) == bool(wrong)
    assert all(each.startswith(repr(wrong)) for each in found)


ROWS = [
    Row(("ant-fb †", "better")),
    Row(("reach-v1", "inconclusive")),
    Row(("push-v1", "better, yet equivalent")),
    Row(("door-open-v1", "worse")),
    Row(("MAML learns", "not reproduced")),
    Row(("PEARL learns", "reproduced")),
]


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("A is better on ant-fb.", ""),
        ("A is better on reach-v1.", "better"),
        ("A is better.", ""),
        ("A is worse on ant-fb.", "worse"),
        ("A is better on door-open-v1.", "better"),
        ("A is worse on door-open-v1.", ""),
        ("A beats B on reach-v1.", "beats"),
        ("A is better on ant-fb and reach-v1.", "reach-v1"),
        ("A is better on ant-fb, and inconclusive on reach-v1.", ""),
        ("A is not better on ant-fb.", "better"),
        ("A is not better on reach-v1.", "better"),
        ("A is not better on door-open-v1.", ""),
        ("A is no worse on push-v1.", ""),
        ("Both are equivalent on ant-fb.", "equivalent"),
        ("Both are equivalent on push-v1.", ""),
        ("They differ on ant-fb.", ""),
        ("They do not differ on reach-v1.", "differ"),
        ("They do not differ on ant-fb.", "differ"),
        ("They do not differ on push-v1.", ""),
        ("That MAML learns is reproduced.", "reproduced"),
        ("That MAML learns is not reproduced.", ""),
        ("That PEARL learns is not reproduced.", "reproduced"),
        ("Whether A is better on reach-v1 remains open.", ""),
        ("A is better on reach-v1, and whether it stays so is open.", "better"),
        ("On reach-v1 it is inconclusive.", ""),
        ("On ant-fb it is inconclusive.", "inconclusive"),
        ("Is A better on reach-v1?", ""),
        ("## A is better on reach-v1", ""),
    ],
)
def test_a_word_that_decides_stands_beside_a_row_that_decides_so(sentence: str, wrong: str) -> None:
    check_decisions(sentence, ROWS, wrong)


COMPARED = rows_of("suite compare maml-trpo garage-maml", ["| environment | decision |", "| ant-fb | better |"])
COMPARED += rows_of("suite compare pearl garage-pearl", ["| environment | decision |", "| ant-fb | inconclusive |"])


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("On ant-fb one is better.", ""),
        ("On ant-fb MAML-TRPO is better.", ""),
        ("On ant-fb PEARL is better.", "better"),
        ("MAML and PEARL are better.", "pearl"),
        ("| PEARL | 3.2 | inconclusive |", ""),
        ("| MAML | 3.2 | inconclusive |", "inconclusive"),
    ],
)
def test_of_several_comparisons_that_one_decides_whose_entry_is_named(sentence: str, wrong: str) -> None:
    found = undecided(sentence, COMPARED)
    assert bool(found) == bool(wrong)
    assert any(each.startswith(repr(wrong)) for each in found) == bool(wrong)


PAIRS = rows_of(
    "suite report",
    [
        "| entry | against | decision |",
        "| pearl | rl2-ppo | better |",
        "| pearl | mql † | inconclusive |",
        "| rl2-ppo | pearl | worse |",
        "| rl2-ppo | mql † | inconclusive |",
    ],
)


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("PEARL is better than RL2-PPO.", ""),
        ("RL2-PPO is worse than PEARL.", ""),
        ("RL2-PPO is better than PEARL.", "better"),
        ("PEARL is worse than RL2-PPO.", "worse"),
        ("PEARL is better than MQL.", "better"),
        ("PEARL is better than RL2-PPO and MQL.", "mql"),
        ("PEARL and MQL are inconclusive.", ""),
        ("| RL2-PPO | PEARL | better |", "better"),
    ],
)
def test_of_a_table_of_pairs_the_row_of_the_entry_that_is_named_first_decides(sentence: str, wrong: str) -> None:
    check_decisions(sentence, PAIRS, wrong)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("**Inconclusive**, on each of three", "**Worse**, on each of three", "'Worse' is decided by no row"),
        ("is better than garage's by 6.06", "is worse than garage's by 6.06", "'worse' is decided by no row"),
        ("MAML-TRPO as in its paper is better", "PEARL as in its paper is better", "'better' is decided by no row"),
        ("is equivalent to garage's", "is better than garage's", "'better' is decided by no row"),
        (
            "On cheetah-fb, cheetah-vel and point-goal-2d, adaptation",
            "On reach-v1, adaptation",
            "'helps' is decided by",
        ),
        ("On cheetah-vel all four are inconclusive", "On cheetah-vel all four match", "'match' is decided by no row"),
    ],
)
def test_a_false_sentence_on_the_page_is_found(old: str, new: str, fault: str) -> None:
    page = PAGE.read_text()
    assert old in page
    read = with_printed_lines(page.replace(old, new, 1), lambda name: (PAGE.parent / name).read_text())
    assert any(fault in each for each in faults(read, lambda command: read))


def every_printed_line() -> list[str]:
    return [path.read_text() for path in sorted(LINES.iterdir())]


@pytest.mark.parametrize(("page", "heading"), SUMMARIES)
def test_summaries_decide_what_a_printed_line_decides(page: str, heading: str) -> None:
    assert unfounded((ROOT / page).read_text(), heading, every_printed_line()) == []


@pytest.mark.parametrize(
    ("variants", "question"),
    [
        (["0.1"], "at the inner rate that the paper prints"),
        (["curvature"], "at the rate and curvature of its authors' code"),
        ([None, "trpo"], "at the rate of its authors' code with exact curvature"),
    ],
)
def test_readme_counts_the_verdicts_on_maml(variants: list[str | None], question: str) -> None:
    rows = rows_of("suite report", (LINES / "navigation.txt").read_text().splitlines())
    claims = [row for row in rows if len(row.cells) > 10 and variant_of(row.place) in variants]
    verdicts = Counter(row.cells[1] for row in claims)
    fit = verdicts["compatible"]
    counts = {
        "of {}": verdicts.total(),
        "{} are reproduced": verdicts["reproduced"],
        "{} are undecided": verdicts["not enough runs"] + verdicts["cannot tell"],
    }
    if fit:
        counts["{} printed number" + "s" * (fit > 1)] = fit
    if verdicts["not compatible"]:
        counts["{} do" + "es" * (verdicts["not compatible"] == 1) + " not"] = verdicts["not compatible"]
    answer = next(line for line in (ROOT / "README.md").read_text().splitlines() if question in line)
    for words, count in counts.items():
        assert re.search(rf"\b{words.format(IN_WORDS[count])}\b", answer), (words, count)


def variant_of(claim: str) -> str | None:
    """Return the variant that the name of a claim ends with, in brackets."""
    found = re.search(r" \(([^)]+)\)$", claim)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("summary", "old", "new", "fault"),
    [
        (0, "inconclusive on three environments", "it is better on reach-v1", "'better' is decided by no row"),
        (0, "five are reproduced", "five are not reproduced", "'reproduced' is decided by no row"),
        (1, "no\nsignificant difference was found", "RL2-PPO\nis better", "'better' is decided by no row"),
        (2, "PEARL and RL2-PPO are inconclusive", "PEARL and RL2-PPO are better", "'better' is decided by no row"),
        (2, "MAML-TRPO ends 6.06 [4.09, 8.02] above", "MAML-TRPO is worse than", "'worse' is decided by no row"),
    ],
)
def test_a_false_sentence_of_a_summary_is_found(summary: int, old: str, new: str, fault: str) -> None:
    page, heading = SUMMARIES[summary]
    text = (ROOT / page).read_text()
    assert old in text
    assert any(fault in each for each in unfounded(text.replace(old, new, 1), heading, every_printed_line()))


@pytest.mark.parametrize(
    ("command", "sentence", "wrong"),
    [
        ("suite report", "PEARL is better on ant-fb.", False),
        ("suite report", "PEARL is worse on ant-fb.", True),
        ("suite report", "PEARL is better on reach-v1.", True),
        ("suite report", "PEARL is worse on reach-v1.", False),
        ("suite compare mql pearl", "MQL is worse on ant-fb.", False),
        ("suite compare mql pearl", "MQL is better on ant-fb.", True),
    ],
)
def test_the_entry_that_tends_to_be_higher_is_the_better_one(command: str, sentence: str, wrong: bool) -> None:
    rows = rows_of(
        command,
        [
            "| ant-fb | pearl | mql | 6 | pearl tends to be higher |",
            "| reach-v1 | pearl | mql | 6 | mql tends to be higher |",
        ],
    )
    assert bool(undecided(sentence, rows)) == wrong
