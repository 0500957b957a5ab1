"""What a command is busy with is shown on a terminal after a while, and gone when it is done."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console
from rich.status import Status

from suite.console import waiting
from tests.suite.terminals import Terminal


def test_what_takes_long_is_said_on_a_terminal_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    shown = threading.Event()
    start = Status.start
    monkeypatch.setattr(Status, "start", lambda status: (start(status), shown.set()))
    out = Terminal()
    with waiting.busy(Console(file=out, force_terminal=True), "judging runs"):
        assert shown.wait(60)
    assert "judging runs" in out.getvalue()
    assert "\x1b[2K" in out.getvalue()  # the line is erased


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_done_soon_or_read_by_no_terminal_is_not_said(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 3600.0 if terminal else 0.0)
    out = Terminal() if terminal else io.StringIO()
    with waiting.busy(Console(file=out, force_terminal=terminal), "judging runs"):
        pass
    assert out.getvalue() == ""


def test_an_error_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    with pytest.raises(ValueError, match="bad"), waiting.busy(Console(file=Terminal(), force_terminal=True), "work"):
        raise ValueError("bad")
