from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.execute import entrypoint

CALLER, GROUP, ENGINE_GROUP = 4321, 5432, 6543


@pytest.fixture
def engine_socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:  # a short path
        path = Path(folder) / "docker.sock"
        listener.bind(str(path))
        yield path


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """The programs that would have replaced this process, in order."""
    made: list[tuple[str, object]] = []
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: made.append((name, value)))
    return made


def test_runs_go_to_the_engine_where_its_socket_is_mounted(engine_socket: Path) -> None:
    assert entrypoint.environment({"A": "b"}, engine_socket) == {"A": "b", "SUITE_EXECUTOR": "docker"}


def test_a_folder_in_the_place_of_a_missing_socket_is_not_taken_for_an_engine(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/null")):
        assert entrypoint.environment({}, path)["SUITE_EXECUTOR"] == "local"


def test_the_caller_chooses_the_executor_and_an_empty_choice_is_none(engine_socket: Path) -> None:
    assert entrypoint.environment({"SUITE_EXECUTOR": "local"}, engine_socket)["SUITE_EXECUTOR"] == "local"
    assert entrypoint.environment({"SUITE_EXECUTOR": ""}, engine_socket)["SUITE_EXECUTOR"] == "docker"


def test_groups_go_before_the_user_who_could_not_change_them(
    tmp_path: Path, engine_socket: Path, changes: list[tuple[str, object]]
) -> None:
    entrypoint.become_owner(tmp_path, engine_socket)
    owner = tmp_path.stat()
    assert changes == [
        ("setgroups", [engine_socket.stat().st_gid]),
        ("setgid", owner.st_gid),
        ("setuid", owner.st_uid),
    ]


def test_without_a_socket_no_group_is_kept(tmp_path: Path, changes: list[tuple[str, object]]) -> None:
    entrypoint.become_owner(tmp_path, tmp_path)
    assert changes[0] == ("setgroups", [])


def test_an_ordinary_user_stays_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, object]]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: CALLER)
    with pytest.raises(SystemExit, match=r"^error: /no/such/command: No such file or directory$"):
        entrypoint.main(["/no/such/command"], tmp_path)
    assert changes == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_owner_for_good(tmp_path: Path, engine_socket: Path) -> None:
    os.chown(tmp_path, CALLER, GROUP)
    os.chown(engine_socket, 0, ENGINE_GROUP)
    script = "from suite.execute.entrypoint import main; main(sys.argv[2:], Path(sys.argv[1]))"
    program = f"import sys; from pathlib import Path; {script}"
    command = ["sh", "-c", "grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status; echo $SUITE_EXECUTOR"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(engine_socket), *command],
        env={**os.environ, "SUITE_OWNER_OF": str(tmp_path), "SUITE_EXECUTOR": ""},
        cwd=entrypoint.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["Uid:", *[str(CALLER)] * 4],
        ["Gid:", *[str(GROUP)] * 4],
        ["Groups:", str(ENGINE_GROUP)],
        ["CapEff:", "0" * 16],
        ["docker"],
    ]
