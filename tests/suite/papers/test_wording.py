"""Numbers in a folder's sentences: those that look like copying errors are doubted, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from suite.papers import folder, wording
from suite.papers.folder import shipped_papers
from suite.papers.paper import read_paper
from suite.papers.wording import doubtful_published, doubtful_steps, doubtful_total
from tests.suite.papers import made
from tests.suite.trained_runs import suite


def doubts(path: str | Path) -> list[str]:
    paper = read_paper(str(path))
    return wording.doubts(paper, paper.checks, paper.claims)


@pytest.mark.parametrize("name", shipped_papers())
def test_words_and_data_of_the_shipped_papers_agree(name: str) -> None:
    assert doubts(name) == []


@pytest.mark.parametrize(
    ("sentence", "published", "known", "doubted"),
    [
        (
            "above PEARL in 71 and all in 7 of 25",
            {"pearl": "17", "all": "7"},
            {"25"},
            "says 71; the data beside it have 17",
        ),
        ("mean 4.2", {"mean": "4.3"}, (), "says 4.2; the data beside it have 4.3"),
        ("for 53 epochs", {"epochs": "52"}, (), "says 53; the data beside it have 52"),
        ("fifty-three epochs", {"epochs": "52"}, (), "says 53; the data beside it have 52"),
        ("2,018 in all", {"": "2019"}, (), "says 2018; the data beside it have 2019"),
        ("costs 1.306", {"": "1.305"}, (), "says 1.306; the data beside it have 1.305"),
        ("mean 4.2", {"mean": "4.3"}, {"4.2"}, ""),
        ("PEARL with a batch size of 64", {"pearl": "62"}, (), ""),
        ("better with seeds 21 to 24", {"": "25"}, (), ""),
        ("better with a discount of 0.99", {"": "0.89"}, (), ""),
        ("mean 4.2 of 4.3", {"mean": "4.3"}, (), ""),
        ("4.2 and 1.3", {"mean": "4.3", "median": "1.4"}, (), ""),
        ("30 epochs", {"epochs": "50"}, (), ""),
        ("in 7", {"": "5"}, (), ""),
        ("for 53 rounds", {"epochs": "52"}, (), ""),
        ("over 90 % success, trained on 35 tasks", {"success": "95"}, (), ""),
        ("trained on 35 tasks", {"": "95"}, (), ""),
        ("about 1,300 s", {"seconds": "1310"}, (), ""),
        ("about 1,320", {"seconds": "1310"}, (), ""),
        ("12 hours on 15 machines", {"tasks": "17"}, (), ""),
        ("12 hours on 15 machines", {"": "17"}, (), ""),
        ("at least 53 % better", {"": "58"}, (), ""),
        ("more than 53", {"": "58"}, (), ""),
    ],
)
def test_a_number_beside_the_one_published_number_that_is_missing(
    sentence: str, published: dict[str, str], known: set[str], doubted: str
) -> None:
    found = list(doubtful_published(sentence, published, known))
    assert found == ([f"{doubted}: a copying error?"] if doubted else [])


@pytest.mark.parametrize(
    ("sentence", "there", "doubted"),
    [
        ("better in 44 of 60 environments", {50}, "says 60; the data beside it have 50"),
        ("in 44 out of the 55 environments", {100, 65, 50}, "says 55; the data beside it have 50 or 65"),
        ("in five of the seven environments", {6}, "says 7; the data beside it have 6"),
        ("better in 44 of 50 environments", {50}, ""),
        ("better in 44 of 60 environments that end early", {50}, ""),
        ("better in 44 of 60 unseen environments", {50}, ""),
        ("better in 44 of 61 environments", {50}, ""),
        ("better in 2 of 4 environments, those that end early", {6}, ""),
        ("of the 60 environments", {50}, ""),
        ("in most of 5 further environments", {6}, ""),
        ("in the three locomotion environments", {6}, ""),
        ("in two of 3 environments", {1}, ""),
        ("in two of 3 environments", (), ""),
        ("in 4 of 6 tasks", {5}, ""),
    ],
)
def test_how_many_environments_there_are(sentence: str, there: set[int], doubted: str) -> None:
    found = list(doubtful_total(sentence, {"environments": there}))
    assert found == ([f"{doubted}: a copying error?"] if doubted else [])


@pytest.mark.parametrize(
    ("sentence", "steps", "doubted"),
    [
        ("after two gradient steps", {"3"}, ["says 2; the data beside it have 3"]),
        ("with a fourth gradient update", {"10", "2", "1"}, ["says 4; the data beside it have 1 or 2"]),
        ("after 12 adaptation steps", {"2", "11", "10"}, ["says 12; the data beside it have 10 or 11"]),
        ("after two gradient updates of 800 environment steps each", {"2"}, []),
        ("after 0 to 3 gradient steps, each of 4,000 environment steps", {"0", "1", "2", "3"}, []),
        ("after ten million environment steps and one update", {"2"}, []),
        ("and 500 training steps, three steps, a second step", {"2"}, []),
        ("A second important point", {"1"}, []),
        ("after two gradient updates better than after one gradient update", {"2"}, []),
        ("after two gradient updates", (), []),
        ("two additional gradient updates", {"3"}, []),
        ("2000 gradient steps an iteration", {"3"}, []),
    ],
)
def test_gradient_steps_are_those_of_the_entries(sentence: str, steps: set[str], doubted: list[str]) -> None:
    assert list(doubtful_steps(sentence, steps)) == [f"{doubt}: a copying error?" for doubt in doubted]


def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paper: str, file: str, old: str, new: str) -> list[str]:
    """Return the doubts of a copy of a shipped paper with another sentence."""
    monkeypatch.setattr("suite.papers.paper._check_settings", lambda *_: None)
    there = Path(shutil.copytree(folder.shipped_folders()[paper], tmp_path / "paper"))
    text = (there / file).read_text()
    assert old in text
    (there / file).write_text(text.replace(old, new, 1))
    return doubts(there)


@pytest.mark.parametrize(
    ("paper", "file", "old", "new", "told"),
    [
        (
            "tcl-pearl",
            "audit.yaml",
            "44 of 50",
            "44 of 60",
            "table1_groups: claim: says 60; the data beside it have 50",
        ),
        ("tcl-pearl", "audit.yaml", "in 17 and", "in 71 and", "pairwise: claim: says 71; the data beside it have 17"),
        ("tcl-pearl", "claims.yaml", "of the 25 env", "in 18 of the 35 env", "says 35; the data beside it have 25"),
        ("tcl-pearl", "claims.yaml", "costs time", "costs 1.306", "says 1.306; the data beside it have 1.305"),
        ("maml", "audit.yaml", "in one gradient", "in two gradient", "says 2; the data beside it have 1"),
        ("maml", "claims.yaml", "a second gradient", "a fourth gradient", "says 4; the data beside it have 1 or 2"),
        ("maml", "claims.yaml", "after three gradient", "after one gradient", "says 1; the data beside it have 3"),
    ],
)
def test_a_number_that_is_copied_wrong_is_told(
    paper: str, file: str, old: str, new: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = changed(tmp_path, monkeypatch, paper, file, old, new)
    assert found.startswith(f"{file}: ")
    assert found.endswith(f"{told}: a copying error?")


UPDATES = "after two gradient updates, MAML is better than a pretrained policy"
RETURN = "return of MAML after two gradient updates"
COMPARABLE = "no adaptation is comparable to PEARL in most MuJoCo Controls"
ONCE = "after one gradient update, MAML is better than a randomly initialised policy"
HALF = "final returns at least 50 % better than MAML-TRPO's in most MuJoCo Controls"


@pytest.mark.parametrize(
    ("paper", "file", "old", "new"),
    [
        ("maml", "claims.yaml", UPDATES, "MAML is better after two gradient updates of 800 environment steps each"),
        ("maml", "claims.yaml", RETURN, "return after ten million environment steps and one update"),
        ("maml", "claims.yaml", RETURN, "return of MAML after two gradient updates and 500 training steps"),
        ("maml", "claims.yaml", RETURN, "A second important point"),
        ("maml", "claims.yaml", ONCE, "MAML is better, in the simplest of 3 environments"),
        ("maml", "claims.yaml", ONCE, "MAML is better than 3 other methods"),
        ("maml", "claims.yaml", ONCE, "MAML is better in one of 3 environments"),
        ("maml", "audit.yaml", "0 to 3 gradient steps", "0 to 3 gradient steps, each of 4,000 environment steps"),
        ("mql", "claims.yaml", COMPARABLE, "at few-shot adaptation TD3 is comparable to PEARL"),
        ("mql", "claims.yaml", COMPARABLE, "TD3 is worse than PEARL in few MuJoCo Controls"),
        ("mql", "claims.yaml", COMPARABLE, "TD3 is comparable to PEARL in most of 5 further environments"),
        ("mql", "claims.yaml", COMPARABLE, "TD3 is comparable to PEARL in at most all of them"),
        ("pearl", "claims.yaml", HALF, "half better than MAML-TRPO, the best of 5 other methods"),
        ("pearl", "claims.yaml", HALF, "half better than MAML-TRPO in the three locomotion environments"),
        ("tcl-pearl", "audit.yaml", "in 44 of 50 environments", "in 44; of the 25 environments of Table 3, in 18"),
    ],
)
def test_legal_sentences_are_not_doubted(
    paper: str, file: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(tmp_path, monkeypatch, paper, file, old, f'"{new}"' if new[0].isupper() or ";" in new else new) == []


def test_a_percentage_beside_a_published_one_is_not_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = '"0.83"\n  audited: [final_returns, domains]'
    assert changed(tmp_path, monkeypatch, "pearl", "claims.yaml", old, '"58"') == []


def test_a_number_that_the_statement_tests_is_not_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = '"0.83"\n  audited: [final_returns, domains]'
    there = Path(shutil.copytree(folder.shipped_folders()["pearl"], tmp_path / "copy"))
    monkeypatch.setattr(folder, "shipped_folders", lambda: {"pearl": there})
    text = (there / "claims.yaml").read_text()
    (there / "claims.yaml").write_text(text.replace(HALF, "half better, or 150 to 100", 1))
    assert changed(tmp_path, monkeypatch, "pearl", "claims.yaml", old, '"152"') == []


def written(tmp_path: Path, claim: str, **check: Any) -> list[str]:
    """Return the doubts of a small folder with one check of a table."""
    rows = [[f"place-{at}", str(at)] for at in range(check.pop("rows", 10))]
    rows += [["average", "4"]] * check.pop("average", 0)
    tables = {"table": [["place", "score"], *rows]}
    plain = {"check": "not derivable", "needs": "data"} if check else {"check": "distinct", "table": "table"}
    plain |= {} if check else {"columns": ["score"]}  # type: ignore[dict-item]
    return doubts(
        made.write_paper(tmp_path / "made", tables, {"x": {"claim": claim, "where": "text", **plain, **check}})
    )


@pytest.mark.parametrize(
    ("claim", "check"),
    [
        ("success over 90 %, trained on 35 tasks", {"published": {"success": "95"}}),
        ("about 1,300 s", {"published": {"seconds": "1310"}}),
        ("12 hours on 15 machines", {"published": {"tasks": "17"}}),
        ("positive in 10 places", {"average": 1}),
        ("positive in 4 of 10 places", {"average": 1}),
        ("positive in all of 30 unseen places", {"rows": 20}),
        ("positive in 4 of 30 unseen places", {"rows": 20}),
    ],
)
def test_legal_sentences_of_small_folders_are_not_doubted(claim: str, check: dict[str, Any], tmp_path: Path) -> None:
    assert written(tmp_path, claim, **check) == []


def test_rows_are_counted_by_what_they_are_called(tmp_path: Path) -> None:
    (found,) = written(tmp_path, "positive in 4 of 30 places", rows=20)
    assert found == "audit.yaml: x: claim: says 30; the data beside it have 20: a copying error?"


def test_the_command_tells_it_and_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tables = made.make_tables(0)
    audit = made.make_audit(tables)
    printed = audit["hours"]["published"]["ours"]
    audit["hours"]["claim"] = f"{printed} and {audit['hours']['published']['theirs']} hours"
    path = made.write_paper(tmp_path / "mine", tables, audit)
    assert suite("audit", path) == 0
    assert capfd.readouterr().err == ""
    wrong = str(int(printed[0]) % 9 + 1) + printed[1:]
    audit["hours"]["claim"] = audit["hours"]["claim"].replace(printed, wrong)
    path = made.write_paper(tmp_path / "other", tables, audit)
    assert suite("audit", path) == 0
    told = rf"{re.escape(str(path))}/audit\.yaml: hours: claim: says {wrong}; the data beside it have {printed}: .*\n"
    assert re.fullmatch(told, capfd.readouterr().err)
