from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
import typer

from suite.cli import app
from suite.cli.help import INTERNAL, JUDGE, LOOK, PUBLISH, RUN, first_paragraph, in_words
from suite.cli.output import listing
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store, by_prefix
from suite.versions import suite_version
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite

PUBLISHED = Path(__file__).parents[2] / "results" / "published"


def test_run_resumes_by_default_and_names_the_report(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folders = ("--results", tmp_path / "results", "--reports", tmp_path / "reports")
    assert suite("run", benchmark_file, *folders) == 0
    printed = capfd.readouterr()
    assert printed.out.strip() == f"report: {tmp_path / 'reports' / 'index.html'}"
    assert (tmp_path / "reports" / "index.html").stat().st_size > 0
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "results").rglob("*.parquet")}
    assert len(stamps) == 4
    assert suite("run", benchmark_file, *folders) == 0
    assert "2 runs, 2 done" in capfd.readouterr().err
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "results").rglob("*.parquet")}
    for folder in Store(tmp_path / "results").folders():
        folder.verify()
        assert folder.provenance()["printed_settings"]["batch"] == 1280
        assert folder.provenance()["used_settings"]["batch"] == 8


def test_plan_and_status_speak_json(benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("plan", benchmark_file, "--results", tmp_path, "--json") == 0
    runs = json.loads(capfd.readouterr().out)["runs"]
    assert [run["state"] for run in runs] == ["pending", "pending"]
    assert runs[0].keys() == {"run", "algorithm", "environment", "seed", "state"}
    assert suite("status", "--results", tmp_path, "--json") == 0
    assert json.loads(capfd.readouterr().out) == {"runs": []}


def test_plan_hashes_each_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hashed: list[bytes] = []
    monkeypatch.setattr("suite.spec.sha256", lambda content: hashed.append(content) or sha256(content))
    assert suite("plan", "full", "--results", tmp_path, "--json") == 0
    runs = json.loads(capfd.readouterr().out)["runs"]
    assert len(hashed) == len(set(hashed)) == len(runs)


def test_columns_are_as_wide_as_their_widest_cell_and_lines_are_whole() -> None:
    rows = [{"run": "a" * 200, "its_label": "wide 漢字", "seed": 0}, {"run": "b", "its_label": "x\n\x1b", "seed": 10}]
    head, first, second = listing(rows).split("\n")
    assert head == "run" + " " * 199 + "its label  seed"
    assert first == "a" * 200 + "  wide 漢字  0"
    assert second == "b" + " " * 201 + r"x \x1b" + " " * 5 + "10"
    assert listing([]) == ""


@pytest.mark.parametrize("what", ["algorithms", "environments", "benchmarks"])
def test_list_speaks_json(what: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("list", what, "--json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert len({row["name"] for row in rows}) == len(rows) > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "quik"], "benchmark 'quik' is unknown"),
        (["plan", "no/such/file.yaml"], "benchmark 'no/such/file.yaml' is unknown"),
        (["list", "algorithm"], "did you mean 'algorithms'?"),
        (["logs", "nothing"], "run 'nothing' is not in results"),
        (["run", "smoke", "--workers", "0"], "--workers"),
        (["run", "smoke", "--memory-limit", "nan"], "--memory-limit"),
        (["run", "smoke", "--memory-limit", "1e300"], "give at most 10,000,000, or inf for none"),
        (["run", "smoke", "--workers", "99999999999999999999"], "--workers"),
        (["plan", "smoke", "--machines", "99999999999999999999"], "--machines"),
        (["run", "smoke", "--time-limit", "nan"], "--time-limit"),
        (["run", "smoke", "--checkpoint-every", "inf"], "inf is no finite number"),
        (["run", "smoke", "--only", "algorithm=perl"], "did you mean 'pearl'?"),
        (["plan", "smoke", "--seeds", "4-0"], "must go upwards"),
        (["frobnicate"], "frobnicate"),
        (["run"], "BENCHMARK"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suite(*arguments) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert len(printed.err.splitlines()) == 1


def test_an_unwritable_results_folder_is_refused_before_anything_runs(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert suite("run", benchmark_file, "--results", tmp_path / "file") == 2
    assert f"--results {tmp_path / 'file'}: cannot be written" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        (["report", "--results", "nowhere"], True),
        (["compare", "a", "b", "--results", "nowhere"], True),
        (["export", "--results", "nowhere"], True),
        (["verify", "nowhere"], True),
        (["merge", "nowhere"], True),
        (["prune", "--results", "nowhere"], False),
        (["publish", "quick", "--results", "nowhere"], False),
        (["watch", "--all", "--results", "nowhere"], False),
    ],
)
def test_published_snapshots_are_offered_where_they_are_read(
    command: list[str],
    reads: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert suite(*command) == 2
    (said,) = capfd.readouterr().err.splitlines()
    assert "nowhere: there is no such folder" in said
    assert ("; snapshots that came with the suite: maml, peers" in said) == reads
    monkeypatch.setattr("suite.store.published.SHIPPED", tmp_path)
    assert suite(*command) == 2
    assert capfd.readouterr().err.endswith("nowhere: there is no such folder\n")


@pytest.mark.parametrize("command", [["prune"], ["publish", "maml"], ["watch", "--all"]])
def test_a_shipped_snapshot_is_not_written_by_its_name(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert suite(*command, "--results", "maml") == 2
    assert capfd.readouterr().err == "error: --results maml: there is no such folder\n"


def test_a_report_of_nowhere_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("report", "--results", tmp_path / "resluts", "--reports", tmp_path) == 2
    assert "resluts: there is no such folder" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_failing_run_is_reported_and_the_others_finish(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    benchmark_file.write_text(
        TINY + TINY[TINY.index("  - env") :].replace("budget: 3000", "budget: 10").replace("[0, 1]", "[2]")
    )
    assert suite("run", benchmark_file, "--results", tmp_path / "r", "--reports", tmp_path / "p") == 1
    assert "budget: 10 environment steps do not cover the first iteration" in capfd.readouterr().err
    states = sorted(folder.state for folder in Store(tmp_path / "r").folders())
    assert states == ["done", "done", "failed"]


def test_a_run_planned_for_other_versions_is_refused_and_left_as_it_was(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planned = load_benchmark(str(benchmark_file)).plan()[0]
    spec = planned.model_copy(update={"versions": {**planned.versions, "torch": "1.0"}})
    folder = Store(tmp_path).folder(spec.run)
    folder.prepare(spec)
    assert suite("exec", spec.run, "--results", tmp_path) == 2
    assert "planned for torch 1.0; here it is" in capfd.readouterr().err
    assert folder.state == "pending"


def test_nothing_is_forgotten_unless_all_can_be(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (spec, *_) = load_benchmark(str(benchmark_file)).plan()
    folder = finish(Store(tmp_path), spec, linear(0, 1))
    for words in (("--rerun", "typo"), ("--only-failed",)):
        assert suite("run", benchmark_file, "--results", tmp_path, "--rerun", spec.run, *words) == 2
        assert folder.state == "done"
    assert "give one of them" in capfd.readouterr().err


def test_brackets_are_no_markup(benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    benchmark_file.write_text(benchmark_file.read_text().replace("name: tiny", 'name: "[/tiny]"'))
    spec = load_benchmark(str(benchmark_file)).plan()[0].model_copy(update={"label": "pearl [/no-kl]"})
    fail(Store(tmp_path / "r"), spec, "ValueError: no file [/data/x]")
    assert suite("status", "--results", tmp_path / "r") == 0
    assert "pearl [/no-kl]" in capfd.readouterr().out
    assert suite("report", benchmark_file, "--results", tmp_path / "r", "--reports", tmp_path / "[/p]") == 0
    assert "[/p]/index.html" in capfd.readouterr().out


def test_a_foreign_run_does_not_stop_the_others(benchmark_file: Path, tmp_path: Path) -> None:
    specs = load_benchmark(str(benchmark_file)).plan()
    moon = finish(Store(tmp_path), specs[0].model_copy(update={"environment": "moon-v1"}), linear(0, 1))
    assert moon.state == "done"
    finish(Store(tmp_path), specs[0], linear(0, 1), provenance={"seconds_total": "long"})
    assert suite("plan", benchmark_file, "--results", tmp_path) == 0


def test_ctrl_c_leaves_no_process_and_no_half_result(benchmark_file: Path, tmp_path: Path) -> None:
    benchmark_file.write_text(TINY.replace("budget: 3000", "budget: 30000000"))
    folders = ["--results", str(tmp_path / "r"), "--reports", str(tmp_path / "my pages")]
    command = [sys.executable, "-m", "suite", "run", str(benchmark_file), *folders, "--seeds", "0-1"]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not list((tmp_path / "r").glob("runs/*/progress.json")) and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "out").read_text()
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    again = (tmp_path / "out").read_text().partition("interrupted; to resume: ")[2].splitlines()[0]
    assert shlex.split(again)[1:] == [word for word in command[3:] if word != "--only-failed"]
    for folder in Store(tmp_path / "r").folders():
        assert folder.state == "pending"
        assert not list(folder.path.glob("*.parquet"))
    alive = subprocess.run(["pgrep", "-f", str(tmp_path / "r")], capture_output=True, text=True, check=False)
    assert alive.stdout.split() == []


def test_help_is_whole_grouped_and_in_words(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert suite("--help") == 0
    printed = capfd.readouterr().out
    assert "..." not in printed.replace("[ARGS]...", "")
    titles = re.findall(r"^(\S.*):$", printed, re.MULTILINE)
    assert titles == ["Options", RUN, LOOK, JUDGE, PUBLISH, INTERNAL]
    flat = " ".join(printed.split())
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f" {name} {first_paragraph(command.help)}" in flat
        assert suite(name, "--help") == 0
        page = capfd.readouterr().out
        assert max(map(len, page.splitlines())) <= 80, name
        assert not re.search(r"<[a-z]|<=x|x>=", page), name


def test_kinds_and_ranges_are_said_in_words() -> None:
    assert in_words("--workers <int range>") == "--workers NUMBER"
    assert in_words("[KIND]... <list[str]>") == "[KIND]... TEXT"
    assert in_words("STORE... <list[Path]>") == "STORE... PATH"
    assert in_words("--format <html|latex>") == "--format [html|latex]"
    assert in_words("[default: 2; 0<=x<=10000000]") == "[default: 2; at least 0]"
    assert in_words("[0.1<=x<=100]") == "[0.1 to 100]"
    assert in_words("[x>=0.01]") == "[at least 0.01]"


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_without_a_command_there_is_help(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert suite(*words) == 0
    assert capfd.readouterr().out.startswith("Usage: suite ")


def test_the_version_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("--version") == 0
    assert capfd.readouterr().out == f"suite {suite_version()}\n"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("suite stat", {"status"}), ("suite plan ml1-2", {"ml1-25"}), ("suite logs pearl_reach-v1_s0", {"RUN"})],
)
def test_the_shell_completes_commands_benchmarks_and_runs(typed: str, completed: set[str], tmp_path: Path) -> None:
    spec = make_spec()
    Store(tmp_path / "results").folder(spec.run).prepare(spec)
    words = {"_SUITE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    script = "import sys; sys.argv[0] = 'suite'; from suite.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == {spec.run if word == "RUN" else word for word in completed}


def test_a_run_is_known_by_how_no_other_begins(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    for seed in (0, 1, 10):
        fail(store, make_spec(seed=seed), "made to fail", log=f"of seed {seed}")
    assert suite("logs", "pearl_reach-v1_s0", "--results", tmp_path) == 0
    assert capfd.readouterr().out == "of seed 0\n"
    assert suite("logs", "pearl_reach-v1_s1_", "--results", tmp_path) == 0
    assert capfd.readouterr().out == "of seed 1\n"
    assert suite("logs", "pearl_reach-v1_s1", "--results", tmp_path) == 2
    assert "begins 2 names: pearl_reach-v1_s10_" in capfd.readouterr().err
    assert by_prefix("a", ["a", "ab"]) == "a"
    assert by_prefix("", ["a"]) == ""


def test_metrics_of_training_are_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = make_spec(evaluations=2, budget=20_000)
    finish(Store(tmp_path), spec, linear(0, 1))
    assert suite("logs", spec.run, "--metrics", "--results", tmp_path, "--lines", 2) == 0
    head, *rows = capfd.readouterr().out.splitlines()
    assert head.split("  ")[:2] == ["environment steps", "gradient steps"]
    assert [row.split()[:2] for row in rows] == [["10,000", "1,000"], ["20,000", "2,000"]]
    failed = fail(Store(tmp_path), make_spec(seed=1), "made to fail")
    assert suite("logs", failed.run, "--metrics", "--results", tmp_path) == 2
    assert "its metrics are written when it is done" in capfd.readouterr().err


def test_an_empty_store_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command, code in (("status", 0), ("report", 2), ("watch", 2)):
        assert suite(command) == code
        assert "suite run quick" in capfd.readouterr().err, command
    assert suite("status") == 0
    (said,) = capfd.readouterr().err.splitlines()
    published = sorted(path.parent.name for path in PUBLISHED.glob("*/snapshot.json"))
    assert said.endswith(f"suite report --results {' or '.join(published)}")
    (tmp_path / "results").mkdir()
    assert suite("report") == 0
    assert "suite run quick" in capfd.readouterr().err
    assert suite("status", "--results", "maml") == 0  # by the name that came with the suite
    printed = capfd.readouterr()
    assert (printed.err, "maml-trpo_navigation-2d_s0_" in printed.out) == ("", True)


def test_help_has_examples(capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("--help") == 0
    assert "suite run quick" in capfd.readouterr().out
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert suite(name, "--help") == 0
        assert re.search(rf"Examples?: suite {name}\b", capfd.readouterr().out), name
