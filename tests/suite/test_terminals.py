"""The surroundings of a command: streams that are missing, names that are too long, and what the environment says."""

from __future__ import annotations

import html
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from suite.characters import visible
from suite.console.terminal import PlainConsole, is_live
from suite.report.html import drawn
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.terminals import Terminal
from tests.suite.trained_runs import suite

LONG = "a" * 300

COMMAND = f"{shlex.quote(sys.executable)} -P -m suite"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of a shell, in which SUITE is the command."""
    return subprocess.run(
        ["bash", "-c", command.replace("SUITE", COMMAND)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


CLOSED = [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(true)"]


@pytest.mark.parametrize("streams", CLOSED)
def test_a_missing_stream_is_a_reader_that_has_gone(streams: str, tmp_path: Path) -> None:
    """The exit code is the command's own, and what is still read is whole."""
    done = shell(f"SUITE list algorithms {streams}", tmp_path)
    assert done.returncode == 0
    assert ("\npearl " in done.stdout) == (" >&-" not in f" {streams}")
    refused = shell(f"SUITE report --results nowhere {streams}", tmp_path)
    assert refused.returncode == 2
    assert "Traceback" not in done.stderr + refused.stderr


@pytest.mark.parametrize("streams", [">&- 2>&-", "> >(true)"])
def test_runs_succeed_whoever_reads(streams: str, benchmark_file: Path, tmp_path: Path) -> None:
    folders = "--results r --reports p --seeds 0"
    assert shell(f"SUITE run {benchmark_file} {folders} {streams}", tmp_path).returncode == 0
    assert [folder.state for folder in Store(tmp_path / "r").folders()] == ["done"]
    for path in (tmp_path / "r").rglob("*"):
        assert path.is_dir() or b"report: " not in path.read_bytes()  # no file took the place of a stream


def test_long_texts_are_paragraphs_on_a_terminal_and_a_table_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setenv("COLUMNS", "60")
        assert suite("audit", "tcl-pearl") == 0
        shown[stream.isatty()] = stream.getvalue()
    assert (
        "\nrelative gain of TCL-PEARL over PEARL on ML1\n  verdict: holds\n  published: mean 4.3, median 1.4\n"
        in shown[True]
    )
    assert max(map(len, shown[True].splitlines())) <= 60
    assert "|" not in shown[True]
    rows = [line.strip("| ").split(" | ") for line in shown[False].splitlines() if line.startswith("|")]
    assert len(rows) > 10
    told = " ".join(shown[True].split())
    for cells in rows[2:]:
        for cell in cells:
            assert cell == "–" or " ".join(html.unescape(cell).replace("\\", "").split()) in told


def test_output_that_a_full_disk_does_not_take_is_named(tmp_path: Path) -> None:
    done = shell("SUITE list algorithms >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: a file or the output: No space left on device\n")


@pytest.mark.parametrize(
    "command",
    [
        "plan NAME",
        "plan smoke --results NAME",
        "plan smoke --why NAME",
        "run NAME",
        "run smoke --results NAME",
        "run TINY --reports NAME",
        "run TINY --reports file/below",
        "run smoke --executor slurm --dry-run --cluster NAME",
        "run smoke --executor NAME",
        "run smoke --only label=NAME",
        "exec NAME",
        "exec RUN --results NAME",
        "pull NAME",
        "cancel --results NAME",
        "status --results NAME",
        "logs NAME",
        "logs RUN --results NAME",
        "gc --results NAME",
        "doctor --executor local --results NAME",
        "report --results NAME",
        "report --reports NAME",
        "report --paper NAME",
        "report NAME",
        "compare a b --results NAME",
        "compare NAME b",
        "export --results NAME",
        "export --out NAME",
        "publish NAME",
        "publish smoke --results NAME",
        "verify NAME",
        "watch NAME --task 0",
        "watch RUN --task 0 --out NAME.mp4",
        "audit NAME",
        "clusters NAME",
        "clusters RUN --reports NAME",
        "list NAME",
    ],
)
def test_a_name_that_is_too_long_is_one_line(
    command: str,
    benchmark_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run = fail(Store(tmp_path / "results"), make_spec(), "ValueError: bad").run
    Path("file").touch()
    given = {"RUN": run, "TINY": str(benchmark_file)}
    assert suite(*(given.get(word, word.replace("NAME", LONG)) for word in command.split())) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert [folder.run for folder in Store(Path("results")).folders()] == [run]


@pytest.mark.parametrize("command", ["status --results loop", "merge loop", "merge other --results loop"])
def test_a_link_that_leads_to_itself_is_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("other", "runs").mkdir(parents=True)
    assert suite(*command.split()) == 2
    printed = capfd.readouterr()
    assert "loop" in printed.err
    assert printed.err.count("\n") == 1


def test_the_names_of_metrics_are_written_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    folder = finish(store, make_spec(), linear(0.0, 1.0))
    training = folder.training().assign(**{f"loss {CONTROLS}": 1.0})
    training.to_parquet(folder.path / "training.parquet", index=False)
    assert suite("logs", folder.run, "--metrics", "--results", tmp_path) == 0
    assert f"loss {WRITTEN_OUT}" in capfd.readouterr().out


CONTROLS = "\x1b]52;c;ZXZpbA==\x07 \x00 \x9b2J \x7f \u202eabc \u061c \u200f \U000e0041"
WRITTEN_OUT = r"\x1b]52;c;ZXZpbA==\x07 \x00 \x9b2J \x7f \u202eabc \u061c \u200f \U000e0041"


def test_control_characters_of_logs_reasons_and_labels_are_written_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = make_spec().model_copy(update={"label": f"label {CONTROLS}"})
    store = Store(tmp_path / "results")
    fail(store, spec, f"ValueError: {CONTROLS}", f"log {CONTROLS}\n")
    folders = ("--results", store.results)
    for words, what in ((("logs", spec.run), "log"), (("status",), "label")):
        assert suite(*words, *folders) == 0
        assert f"{what} {WRITTEN_OUT}" in capfd.readouterr().out
    assert suite("report", *folders, "--reports", tmp_path / "p") == 0
    page = (tmp_path / "p" / "index.html").read_text()
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page) == []
    assert WRITTEN_OUT in page


def test_everything_that_a_console_shows_is_written_out() -> None:
    page = io.StringIO()
    console = PlainConsole(file=page, width=200)
    table = Table(title=CONTROLS)
    table.add_column(CONTROLS)
    table.add_row(f"{CONTROLS} :warning: [red]")
    console.print(CONTROLS, table, CONTROLS)
    assert page.getvalue().count(WRITTEN_OUT) == 5
    assert ":warning: [red]" in page.getvalue()
    assert visible(page.getvalue()) == page.getvalue()


def test_a_figure_has_no_control_characters() -> None:
    assert drawn(f"<svg><text>{CONTROLS}</text></svg>") == f"<svg><text>{WRITTEN_OUT}</text></svg>"


def test_a_forced_colour_makes_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with (tmp_path / "log").open("w") as log:
        assert Console(file=log).is_terminal  # so rich says
        assert not is_live(Console(file=log))
    fail(Store(tmp_path / "results"), make_spec(), "ValueError: bad")
    done = shell("SUITE status --watch", tmp_path, FORCE_COLOR="1")
    assert (done.returncode, done.stdout) == (0, "")  # no table: plain lines, of what changes


def test_a_page_is_drawn_whatever_other_programs_draw_on(tmp_path: Path) -> None:
    fail(Store(tmp_path / "results"), make_spec(), "ValueError: bad")
    done = shell("SUITE report", tmp_path, MPLBACKEND="nonsense")
    assert (done.returncode, done.stdout) == (0, "report: reports/index.html\n")


def test_a_home_folder_is_found_after_an_equals_sign(tmp_path: Path) -> None:
    fail(Store(tmp_path / "results"), make_spec(), "ValueError: bad")
    words = "SUITE status --results=~/results && SUITE report --results=~/results --reports=~/p"
    assert "1 failed" in shell(words, tmp_path, HOME=str(tmp_path)).stdout
    assert (tmp_path / "p" / "index.html").exists()
    assert not (tmp_path / "~").exists()


def test_help_has_its_texts_without_docstrings(tmp_path: Path) -> None:
    with_them, without = (
        shell("SUITE --help; SUITE plan --help; SUITE list algorithms", tmp_path, PYTHONOPTIMIZE=level).stdout
        for level in ("0", "2")
    )
    assert "Show the runs of a benchmark" in with_them
    assert without == with_them


@pytest.mark.parametrize("command", ["status", "run smoke", "compare a b", "watch", "verify pilot", "gc", "doctor"])
def test_a_working_folder_that_was_deleted_is_named(command: str, tmp_path: Path) -> None:
    done = shell(f"mkdir gone && cd gone && rmdir ../gone && SUITE {command}", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the working folder was deleted; go to one that exists\n"


HOSTS = ("garbage", "tcp://[::", "tcp://host:port", "tcp://127.0.0.1:99999999", " ", "fd://")
CONFIGS = ("{", "[]", "null", '{"currentContext": 5}', '{"currentContext": ["x"]}', '{"HttpHeaders": 5}')


@pytest.mark.parametrize("odd", [{"DOCKER_HOST": host} for host in HOSTS] + [{"config": text} for text in CONFIGS])
def test_an_odd_engine_is_one_line_of_the_doctor(odd: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(odd.get("config", "{}"))
    environment = {"DOCKER_HOST": odd.get("DOCKER_HOST", ""), "DOCKER_CONFIG": str(tmp_path)}
    found = shell("SUITE doctor", tmp_path, **environment)  # in a process: the client leaves its sockets open
    assert found.returncode == 0, found.stderr
    assert len(re.findall(r"^(warning|ok) +engine ", found.stdout, re.MULTILINE)) == 1
    assert "Traceback" not in found.stderr
