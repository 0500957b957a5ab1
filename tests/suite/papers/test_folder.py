"""A paper's folder is other people's input: what is wrong with it is one line, exit code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.errors import UsageError
from suite.papers.audit import audit
from suite.papers.folder import shipped_papers
from suite.papers.paper import read_paper
from tests.suite.papers import made
from tests.suite.trained_runs import suite


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    tables = made.make_tables(0)
    return made.write_paper(tmp_path / "my-paper", tables, made.make_audit(tables))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def put(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(value: dict[str, Any]) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = to

    return change


def test_a_folder_by_its_path_is_audited_as_one_that_ships(paper: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("audit", paper, "--json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert {row["paper"] for row in rows} == {"my-paper"}
    assert len(rows) == len(made.make_audit(made.make_tables(0)))
    assert {row["verdict"] for row in rows} == {"holds"}


def test_every_shipped_paper_is_audited_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("audit", "--json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["paper"] for row in rows] == sorted(
        (row["paper"] for row in rows), key=lambda name: shipped_papers().index(name)
    )
    assert {row["paper"] for row in rows} == set(shipped_papers())
    assert suite("audit", "tcl-pearl") == 0
    assert "TCL-PEARL against its own tables" in capfd.readouterr().out


TOO_LONG = (
    "a: &a ["
    + ", ".join(["x" * 1000] * 20)
    + "]\nb: &b ["
    + ", ".join(["*a"] * 30)
    + "]\nc: ["
    + ", ".join(["*b"] * 30)
    + "]"
)

ABOUT: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (put("year", to="2000"), r"paper\.yaml: year: \"2000\": Input should be a valid integer"),
    (put("authors", to=[]), r"paper\.yaml: authors: \[\]: .*at least 1"),
    (put("colour", to="red"), r"paper\.yaml: colour: \"red\": Extra inputs are not permitted"),
    (put("tables", "scores", "file", to="../../secret.csv"), r"tables\.scores\.file: \"\.\./\.\./secret\.csv\""),
    (put("tables", "scores", "file", to="/etc/passwd"), r"tables\.scores\.file: \"/etc/passwd\""),
    (put("tables", "scores", "file", to="none.csv"), r"tables/none\.csv: there is no such file"),
    (put("tables", "scores", "rows", to="name"), r"scores\.csv: first column: 'place': must be 'name'"),
    (put("tables", "scores", "texts", to=["marks"]), r"scores\.csv: column 'marks' is unknown; .*ours"),
    (put("tables", "scores", "columns", to={"mine": "ours"}), r"scores\.csv: column 'mine' is unknown"),
    (put("tables", "scores", "columns", to={"ours": "theirs"}), r"scores\.csv: column 'theirs' is there twice"),
    (put("tables", "times", "unit", to="fortnights"), r"tables\.times\.unit: \"fortnights\": .*'seconds'"),
]

CHECKS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (put("mean", "check", to="average"), r"audit\.yaml: mean: .*'average'.*'aggregate'"),
    (put("mean", "of", to="mode"), r"audit\.yaml: mean\.aggregate\.of: \"mode\": .*'median'"),
    (put("mean", "table", to="table9"), r"audit\.yaml: mean: table 'table9' is unknown; allowed: .*scores"),
    (put("mean", "published", "ours", to=4.5), r"audit\.yaml: mean\.aggregate\.published\.ours: 4\.5: .*string"),
    (put("mean", "published", "ours", to="four"), r"published\.ours: \"four\": .*must be a number as it is printed"),
    (put("mean", "published", "ours", to="nan"), r"published\.ours: \"nan\": .*must be a number"),
    (put("mean", "published", "ours", to="1e400000000"), r"published\.ours: .*must be a number"),
    (put("mean", "published", to={"nobody": "4"}), r"audit\.yaml: mean: .*column 'nobody' is unknown; .*ours"),
    (put("mean", "unit", to="hours"), r"audit\.yaml: mean: .*unit: None: does not convert to hours"),
    (put("mean", "rule", to="{sum}"), r"audit\.yaml: mean: value in words 'sum' is unknown"),
    (put("mean", "explanation", to={"proven": "so"}), r"audit\.yaml: mean\.aggregate\.explanation.*\"proven\""),
    (put("count", "counts", to={}), r"audit\.yaml: count\.count\.counts: \{\}"),
    (put("count", "published", to={"above theirs": "4"}), r"audit\.yaml: count\.count: .*'above fifty' must be both"),
    (put("count", "counts", "above theirs", "than", to="nobody"), r"audit\.yaml: count: .*column 'nobody' is unknown"),
    (put("count", "counts", "above theirs", "relation", to="near"), r"counts\.above theirs\.relation: \"near\""),
    (put("ratio", "of", to={"table": "scores"}), r"audit\.yaml: ratio\.ratio\.of: .*takes either row, or of"),
    (put("ratio", "to", to={"number": "0", "where": "p. 1"}), r"audit\.yaml: ratio: p\. 1: 0: is what .* divided by"),
    (put("ratio", "of", to={"table": "scores", "row": "nowhere"}), r"audit\.yaml: ratio: .*row 'nowhere' is unknown"),
    (put("schedule", "rounds", to="laps"), r"audit\.yaml: schedule\.schedule: .*published number 'laps' is unknown"),
    (put("schedule", "each", to=[["laps"]]), r"audit\.yaml: schedule\.schedule: .*number 'laps' is unknown"),
    (put("marks", "marked", to="stars"), r"audit\.yaml: marks: .*column 'stars' is unknown"),
    (put("marks", "columns", to=["ours", "best"]), r"audit\.yaml: marks: .*column 'best' is unknown"),
    (put("same", "tables", to={"scores": ["ours"]}), r"audit\.yaml: same\.same: .*at least two"),
    (put("same", "tables", to={"scores": ["ours"], "schedule": ["value"]}), r"audit\.yaml: same: .*share no row"),
    (
        put("x", to={"claim": "c", "where": "w", "check": "measurement"}),
        r"audit\.yaml: x\.measurement\.recomputed: .*required",
    ),
    (
        put(
            "x",
            to={
                "claim": "c",
                "where": "w",
                "check": "measurement",
                "measurement": "os.system",
                "recomputed": "r",
                "rule": "r",
                "explanation": "e",
            },
        ),
        r"audit\.yaml: x\.measurement: .*measurement 'os\.system' is unknown; .*allowed: momentum-memory",
    ),
]


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [("paper.yaml", *case) for case in ABOUT] + [("audit.yaml", *case) for case in CHECKS],
)
def test_what_is_wrong_in_a_file_is_named(
    paper: Path, file: str, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    audit(read_paper(str(paper)))
    edit(paper / file, change)
    with pytest.raises(UsageError, match=message) as caught:
        audit(read_paper(str(paper)))
    assert "\n" not in str(caught.value)
    assert file.partition(".")[0] in str(caught.value) or "tables/" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("place,ours,theirs\nplace-0,1,ten\n", r"times\.csv: place-0\.theirs: 'ten': must be a number"),
        ("place,ours,theirs\nplace-0,1,\n", r"times\.csv: place-0\.theirs: '': must be a number"),
        ("place,ours,theirs\nplace-0,1,inf\n", r"times\.csv: place-0\.theirs: 'inf': must be a number"),
        ("place,ours,theirs\nplace-0,1,٣\n", r"times\.csv: place-0\.theirs: '٣': must be a number"),
        ("place,ours,theirs\nplace-0,1\n", r"times\.csv: line 2: 2 cells, the heading has 3"),
        ("place,ours,theirs\n", r"times\.csv: holds no row under its heading"),
        ("", r"times\.csv: holds no row under its heading"),
        ("place,ours,ours\nplace-0,1,2\n", r"times\.csv: column 'ours' is there twice"),
        ("place,ours,theirs\nplace-0,1,2\nplace-0,1,2\n", r"times\.csv: row 'place-0' is there twice"),
        ('place,ours,theirs\n"place-0,1,2\n', r"times\.csv: unexpected end of data"),
        ("\x00", r"times\.csv: .*NUL|times\.csv: holds no row"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(paper: Path, text: str, message: str) -> None:
    (paper / "tables" / "times.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_paper(str(paper))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("paper.yaml", "!!python/object/apply:os.system ['true']", "tag .* is not allowed"),
        ("audit.yaml", "!!python/object/apply:os.system ['true']", "tag .* is not allowed"),
        ("audit.yaml", "[1, 2]", "holds list, must hold a mapping"),
        ("audit.yaml", "a: 1\na: 2", "'a' is given twice"),
        ("audit.yaml", "a: [" * 60, "nested more than 50 levels"),
        ("audit.yaml", TOO_LONG, "is longer than 10,000,000 characters"),
        ("paper.yaml", "\x80", "special characters are not allowed"),
    ],
    ids=["apply", "apply-audit", "list", "twice", "deep", "long", "control"],
)
def test_yaml_stays_safe(paper: Path, file: str, text: str, message: str) -> None:
    (paper / file).write_text(text)
    with pytest.raises(UsageError, match=message):
        audit(read_paper(str(paper)))


@pytest.mark.parametrize("file", ["paper.yaml", "audit.yaml"])
def test_a_missing_file_is_named(paper: Path, file: str) -> None:
    (paper / file).unlink()
    with pytest.raises(UsageError, match=rf"paper file .*my-paper/{file}: there is no such file"):
        audit(read_paper(str(paper)))


@pytest.mark.parametrize("file", ["paper.yaml", "audit.yaml", "tables/times.csv", "tables"])
def test_links_do_not_lead_out_of_the_folder(paper: Path, tmp_path: Path, file: str) -> None:
    outside = tmp_path / "outside"
    (paper / file).rename(outside)
    (paper / file).symlink_to(outside)
    with pytest.raises(UsageError, match="leads out of the paper's folder"):
        audit(read_paper(str(paper)))


@pytest.mark.parametrize("name", ["nobody-2020", "../tcl_pearl", "/", "setup.py"])
def test_an_unknown_paper_is_named_with_those_that_ship(name: str) -> None:
    with pytest.raises(UsageError, match=r"paper|there is no such file"):
        read_paper(name)


def test_the_command_says_it_in_one_line(paper: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edit(paper / "audit.yaml", put("mean", "table", to="table9"))
    assert suite("audit", paper) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: paper file {paper}/audit.yaml: mean: table 'table9' is unknown")
    assert suite("audit", "nobody") == 2
    assert "paper 'nobody' is unknown" in capfd.readouterr().err
