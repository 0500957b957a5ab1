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
    (put("colour", to="red"), r"paper\.yaml: key 'colour' is unknown; allowed: authors"),
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
        r"audit\.yaml: x\.measurement\.recomputed: is missing",
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
        r"audit\.yaml: x\.measurement: .*measurement 'os\.system' is unknown; .*allowed: distance-exponent",
    ),
]


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [("paper.yaml", *case) for case in ABOUT] + [("audit.yaml", *case) for case in CHECKS],
)
def test_what_is_wrong_in_a_file_is_named(
    paper: Path, file: str, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    made.audited(str(paper))
    edit(paper / file, change)
    with pytest.raises(UsageError, match=message) as caught:
        made.audited(str(paper))
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
        made.audited(str(paper))


@pytest.mark.parametrize("file", ["paper.yaml", "audit.yaml"])
def test_a_missing_file_is_named(paper: Path, file: str) -> None:
    (paper / file).unlink()
    with pytest.raises(UsageError, match=rf"paper file .*my-paper/{file}: there is no such file"):
        made.audited(str(paper))


@pytest.mark.parametrize("file", ["paper.yaml", "audit.yaml", "tables/times.csv", "tables"])
def test_links_do_not_lead_out_of_the_folder(paper: Path, tmp_path: Path, file: str) -> None:
    outside = tmp_path / "outside"
    (paper / file).rename(outside)
    (paper / file).symlink_to(outside)
    with pytest.raises(UsageError, match="leads out of the paper's folder"):
        made.audited(str(paper))


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


CLAIM: dict[str, Any] = {
    "statement": "better",
    "where": "page 1",
    "published": "1",
    "statistic": "share better",
    "entries": ["oracle-sac", "blind-sac"],
    "environments": ["point-goal-2d"],
    "side": "above",
}
SETTINGS: dict[str, Any] = {
    "settings": [
        {
            "entries": ["oracle-sac", "blind-sac"],
            "printed": {
                "page 2": {
                    "network_sizes": [8],
                    "batch": 8,
                    "updates": 1,
                    "tasks_per_iteration": 4,
                    "steps_per_task": 20,
                    "warmup_steps": 20,
                    "learning_rate": 0.001,
                    "reward_scale": 1,
                    "discount": 0.99,
                    "target_rate": 0.005,
                    "standardise": False,
                }
            },
        }
    ]
}
PROTOCOL = [{"ours": {"not printed": {"budget": 3000}}}]
STEPS = {"statistic": "ratio of steps", "times": 20, "level": 0.9}


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    tables = {"scores": [["place", "oracle-sac", "best"], ["point-goal-2d", "1.0", "oracle-sac"]]}
    return made.write_paper(tmp_path / "my-paper", tables, {}, {"x": CLAIM}, SETTINGS, protocol=PROTOCOL)


def all_of(*changes: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda value: [change(value) for change in changes] and None


def row(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["settings"][0]["printed"]["page 2"].update({name: value})


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["settings"][0]["printed"]["page 2"].pop(name)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("claims.yaml", put("x", "statistic", to="vibes"), r"claims\.yaml: x: .*'vibes'.*'share better'"),
        ("claims.yaml", put("x", "side", to="left"), r"claims\.yaml: x\.share better\.side: \"left\": .*'above'"),
        ("claims.yaml", put("x", "published", to=0.5), r"claims\.yaml: x\.share better\.published: 0\.5: .*string"),
        ("claims.yaml", put("x", "environments", to="ml1-99"), r"claims\.yaml: x: .*set 'ml1-99' is unknown; .*ml1-50"),
        ("claims.yaml", put("x", "environments", to=["moon"]), r"claims\.yaml: x: environment 'moon' is unknown"),
        ("claims.yaml", put("x", "environments", to=[]), r"claims\.yaml: x\.share better\.environments.*: \[\]"),
        ("claims.yaml", put("x", "entries", to=["oracle-sac"]), r"claims\.yaml: x\.share better: .*takes 2 different"),
        ("claims.yaml", put("x", "entries", to=["blind-sac"] * 2), r"claims\.yaml: x\.share better: .*different"),
        ("claims.yaml", put("x", "entries", to=["mine", "blind-sac"]), r"settings\.yaml: mine on .*has no settings"),
        ("claims.yaml", put("x", "table", to="table9"), r"claims\.yaml: x: table 'table9' is unknown; .*scores"),
        (
            "claims.yaml",
            put("x", "table", to="scores"),
            r"claims\.yaml: x: entries: Table scores has none of 'blind-sac'",
        ),
        ("claims.yaml", put("x", "edge", to=3), r"claims\.yaml: x\.share better: key 'edge' is unknown"),
        (
            "claims.yaml",
            all_of(put("x", "statistic", to="gain"), put("x", "average", to="mode"), put("x", "definition", to="d")),
            r"claims\.yaml: x\.gain\.average: \"mode\": .*'median'",
        ),
        (
            "claims.yaml",
            all_of(put("x", "statistic", to="gain"), put("x", "average", to="mean"), put("x", "definition", to="mine")),
            r"claims\.yaml: x\.gain: .*definition 'mine' is unknown",
        ),
        (
            "claims.yaml",
            lambda file: file["x"].update(STEPS, times="20"),
            r"x\.ratio of steps\.times: \"20\": .*number",
        ),
        ("claims.yaml", lambda file: file["x"].update(STEPS, level=2), r"x\.ratio of steps\.level: 2: .*less than"),
        ("settings.yaml", row("batch", "many"), r"settings\.yaml: oracle-sac on point-goal-2d: .*batch: \"many\""),
        ("settings.yaml", row("flavour", 1), r"settings\.yaml: oracle-sac on .*'flavour' is unknown; .*batch"),
        ("settings.yaml", without("batch"), r"settings\.yaml: oracle-sac on .*: batch: has no row"),
        (
            "settings.yaml",
            put("algorithms", to={"oracle-sac": "ours"}),
            r"settings\.yaml: .*algorithm 'ours' is unknown",
        ),
        ("settings.yaml", put("settings", to=3), r"settings\.yaml: settings: 3: .*array"),
        ("settings.yaml", put("variants", to=[{"ending": "A b", "entries": ["x"]}]), r"variants\.0\.ending: \"A b\""),
        ("paper.yaml", put("protocol", to=[]), r"protocol: oracle-sac on point-goal-2d: budget: is missing"),
        ("paper.yaml", put("protocol", to=[{"ours": {"w": {"budget": "1e6"}}}]), r"budget: '1e6'; must be a whole"),
        ("paper.yaml", put("protocol", to=[{"ours": {"w": {"budget": 5, "tea": 1}}}]), r"protocol: .*'tea' is unknown"),
        (
            "paper.yaml",
            put("protocol", to=[{"ours": {"w": {"budget": 5, "environment_options": {"reward": "v9"}}}}]),
            r"environment option 'reward' is unknown",
        ),
        ("paper.yaml", put("seeds", to=0), r"paper\.yaml: seeds: 0: "),
        ("paper.yaml", put("window", to=1.5), r"paper\.yaml: window: 1\.5: "),
        ("paper.yaml", put("units", to={"mars": {"divide": 3, "name": "x"}}), r"units: kind of task family 'mars'"),
        ("paper.yaml", put("units", to={"toy": {"divide": 0, "name": "x"}}), r"units\.toy\.divide: 0: .*greater"),
        (
            "paper.yaml",
            put("environments", to={"mine": ["moon"]}),
            r"environments\.mine: environment 'moon' is unknown",
        ),
        (
            "paper.yaml",
            put("clusters", to={"table": "t", "environment": "e", "within": "w", "between": "b"}),
            r"paper\.yaml: clusters: table 't' is unknown",
        ),
        (
            "paper.yaml",
            put("tables", "scores", "groups", to={"column": "best", "ours": "a", "baseline": "b", "failure": 1}),
            r"scores\.csv: column 'a' is unknown",
        ),
    ],
)
def test_what_is_wrong_with_claims_and_settings_is_named(
    judged: Path, file: str, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    read_paper(str(judged))
    edit(judged / file, change)
    with pytest.raises(UsageError, match=message) as caught:
        read_paper(str(judged))
    assert "\n" not in str(caught.value)
    assert str(judged) in str(caught.value)


HEADING = "source,entry,environment,environment_steps,return,seeds,protocol,comparable,why\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"other\.csv: columns a, b: must be source, entry"),
        (HEADING + "s,pearl,moon,1,1,1,p,yes,w\n", r"line 2: environment 'moon' is unknown"),
        (HEADING + "s,pearl,ant-fb,many,1,1,p,yes,w\n", r"line 2: environment_steps: 'many': must be a whole number"),
        (HEADING + "s,pearl,ant-fb,1,high,1,p,yes,w\n", r"line 2: return: 'high': must be a number"),
        (HEADING + "s,pearl,ant-fb,1,1,-3,p,yes,w\n", r"line 2: seeds: '-3': must be a whole number"),
        (HEADING + "s,pearl,ant-fb,1,1,1,p,maybe,w\n", r"line 2: comparable 'maybe' is unknown; .*partly"),
        (HEADING + "s,pearl,ant-fb,1,1,1,p,yes\n", r"line 2: 8 cells, the heading has 9"),
    ],
)
def test_what_is_wrong_with_external_results_is_named(judged: Path, text: str, message: str) -> None:
    (judged / "reference").mkdir()
    (judged / "reference" / "other.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_paper(str(judged))


@pytest.mark.parametrize("file", ["claims.yaml", "settings.yaml", "audit.yaml"])
def test_every_file_is_needed_and_stays_inside(judged: Path, tmp_path: Path, file: str) -> None:
    outside = tmp_path / "outside.yaml"
    (judged / file).rename(outside)
    with pytest.raises(UsageError, match=rf"{file}: there is no such file"):
        read_paper(str(judged))
    (judged / file).symlink_to(outside)
    with pytest.raises(UsageError, match=r"leads out of the paper's folder"):
        read_paper(str(judged))


def test_a_paper_without_claims_needs_no_settings(judged: Path) -> None:
    for file in ("claims.yaml", "settings.yaml"):
        (judged / file).unlink()
    paper = read_paper(str(judged))
    assert paper.claims == []
    assert len(audit(paper, paper.checks)) == len(json.loads((judged / "audit.yaml").read_text()))


def test_a_report_of_a_bad_folder_is_one_line(judged: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edit(judged / "claims.yaml", put("x", "statistic", to="vibes"))
    (tmp_path / "results").mkdir()
    assert suite("report", "--paper", judged, "--results", tmp_path / "results") == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: paper file {judged}/claims.yaml: x: ")
