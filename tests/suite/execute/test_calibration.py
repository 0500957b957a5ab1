"""Speeds that are measured for a forecast."""

from __future__ import annotations

import time

import pytest

from suite.execute.calibration import _alarm, processor_clock, wall_clock


class _Finaliser:
    def __del__(self) -> None:
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline:
            pass


def test_an_alarm_passes_what_catches_every_exception() -> None:
    with _alarm(0.05, processor_clock()):
        try:
            while True:
                pass
        except Exception:
            pytest.fail("an alarm is no error of what it interrupts")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_a_finaliser_swallows_rings_again() -> None:
    deadline = time.monotonic() + 30.0
    with _alarm(0.1, wall_clock()):
        _Finaliser()
        while time.monotonic() < deadline:
            pass
        pytest.fail("it never rang again")
