"""Numbers in the words of a folder, beside its data: what a copying error changes is told, and nothing else."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from suite.papers import folder, wording
from suite.papers.folder import shipped_papers
from suite.papers.paper import read_paper
from suite.papers.wording import Data, said
from tests.suite.papers import made
from tests.suite.trained_runs import suite


def doubts(path: str) -> list[str]:
    paper = read_paper(path)
    return wording.doubts(paper, paper.checks, paper.claims)


@pytest.mark.parametrize("name", shipped_papers())
def test_words_and_data_of_the_shipped_papers_agree(name: str) -> None:
    assert doubts(name) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("in 44 of 50 environments, 1,000 pulls", ["44", "50", "1000"]),
        ("half-cheetah-2 on 2D navigation by RL2, top-5, v1, A.2, 5-way 1-shot", []),
        ("one million steps, twenty thousand pulls, the third", ["1000000", "20000", "3"]),
        ("Table 4, Tables 1, 2 and 3, Figure 5's, section 5.2.2, appendix A.2 to A.4, in 2019: 0.10", ["0.1"]),
        ("-11.68 to -3.33, 20–100 %", ["-11.68", "-3.33", "20", "100"]),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, numbers: list[str]) -> None:
    assert [number.value for number in said(text)] == numbers


@pytest.mark.parametrize(
    ("paper", "file", "old", "new", "told"),
    [
        (
            "tcl-pearl",
            "audit.yaml",
            "44 of 50",
            "45 of 50",
            "table1_groups: claim: says 45, and its data 15 or 35",
        ),
        ("tcl-pearl", "audit.yaml", "44 of 50", "44 of 60", "table1_groups: claim: says 60, and its data 50"),
        ("tcl-pearl", "audit.yaml", "in 17 and", "in 71 and", "figure5_pairwise: claim: says 71, and its data 17"),
        ("tcl-pearl", "audit.yaml", "wins on 25", "wins on 52", "table3_wins: claim: says 52, and its data 25"),
        ("tcl-pearl", "audit.yaml", "50 epochs", "30 epochs", "table7_schedule: claim: says 30, and its data 50"),
        ("tcl-pearl", "audit.yaml", "in 4 of 6", "in 6 of 6", "controls_oracle: claim: says 6, and its data 4"),
        ("tcl-pearl", "audit.yaml", "in 4 of 6", "in 4 of 7", "controls_oracle: claim: says 7, and its data 6"),
        (
            "tcl-pearl",
            "claims.yaml",
            "the 25 env",
            "the 35 env",
            "statement: says 35, and its data 25",
        ),
        ("tcl-pearl", "claims.yaml", "of five", "of seven", "table3_wins: statement: says 7, and its data 4 or 5"),
        ("pearl", "audit.yaml", "are 50 to", "are 60 to", "final_returns: claim: says 60, and its data 50"),
        ("pearl", "audit.yaml", "t: 50 to", "t: 70 to", "final_returns: claim: says 50, and its data 70"),
        ("pearl", "audit.yaml", "five of", "four of", "final_returns: claim: says 4, and its data 5"),
        ("mql", "claims.yaml", "published: most", "published: few", "says most, and 'few' is published"),
        ("maml", "audit.yaml", '2D navigation: "500"', '2D navigation: "501"', "says 500, and 501 is published"),
        ("maml", "audit.yaml", "of 0.1 in", "of 0.3 in", "inner_rate_in_code: claim: says 0.3, and its data 0.1"),
        ("maml", "audit.yaml", '{samples: "40"}', '{samples: "20"}', "forty_samples: claim: says 40, and its data 20"),
        ("maml", "audit.yaml", "(second)", "(fourth)", "second_step: claim: says 4, and its data 1 or 2"),
        ("maml", "audit.yaml", "in one grad", "in two grad", "says 2, and its data 1"),
        ("maml", "audit.yaml", "0 to 3 grad", "0 to 4 grad", "table4: claim: says 4, and its data 0 or 1 or 2 or 3"),
        ("maml", "claims.yaml", "with a second", "with a fourth", "improves_2: statement: says 4, and its data 1 or 2"),
        (
            "maml",
            "claims.yaml",
            "after three",
            "after one",
            "statement: says 1, and its data 3",
        ),
        ("rl2", "audit.yaml", "of 50 arms than", "of 60 arms than", "says 60, and its data "),
        ("rl2", "audit.yaml", "arms than of 10", "arms than of 16", "says 16, and its data "),
    ],
)
def test_a_number_that_is_copied_wrong_is_told(
    paper: str, file: str, old: str, new: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.papers.paper._check_settings", lambda *_: None)
    there = Path(shutil.copytree(folder.shipped_folders()[paper], tmp_path / "paper"))
    text = (there / file).read_text()
    assert old in text
    (there / file).write_text(text.replace(old, new, 1))
    found = doubts(str(there))
    assert any(each.startswith(f"{file}: ") and told in each for each in found), found


@pytest.mark.parametrize(
    ("words", "published"),
    [
        ("5-way 1-shot accuracy", ["98.7"]),
        ("return after 2 gradient steps", ["5"]),
        ("trained for 100 iterations of 200 steps", ["100"]),
        ("hours for 10 million steps", ["10.16"]),
        ("mean over 10 seeds", ["12.5", "30"]),
        ("success after 20 episodes", ["80"]),
        ("in 3 of 5 seeds A beats B", ["12"]),
        ("better in 4 of 120 tasks", ["4"]),
        ("A wins 5 environments, the most", ["5", "3", "4"]),
        ("two algorithms win 11 tasks", ["11", "12"]),
        ("half of the 50 environments, median 4.3 of 42", ["26", "4.3"]),
        ("95 % confidence; error below 5 %", ["4.9"]),
    ],
)
def test_numbers_that_no_data_have_are_left_alone(words: str, published: list[str]) -> None:
    data = Data(published, Counter(), totals={wording.ENVIRONMENTS: {"50"}})
    assert list(wording._compared(words, data)) == []


@pytest.mark.parametrize(
    ("statement", "published", "differ"),
    [
        ("better in most tasks", "most", False),
        ("better in most tasks", "all tasks", False),
        ("better in most tasks", "significantly better", False),
        ("worse in some", "some", False),
        ("better in most tasks", "few", True),
        ("better in few tasks", "most", True),
    ],
)
def test_most_is_not_few(statement: str, published: str, differ: bool) -> None:
    assert bool(list(wording._quantifiers(statement, published))) == differ


def test_the_command_tells_it_and_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tables = made.make_tables(0)
    audit = made.make_audit(tables)
    audit["schedule"]["claim"] = "50 rounds"
    path = made.write_paper(tmp_path / "mine", tables, audit)
    assert suite("audit", path) == 0
    assert capfd.readouterr().err == ""
    audit["schedule"]["claim"] = "40 rounds"
    path = made.write_paper(tmp_path / "other", tables, audit)
    assert suite("audit", path) == 0
    assert capfd.readouterr().err == f"{path}/audit.yaml: schedule: claim: says 40, and its data 50\n"
