"""Work that stops in good order when it is asked to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class InterruptedRunError(Exception):
    """The work on a run was asked to stop, and has left everything fit to go on."""


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Have SIGTERM and SIGINT set an event, which the work looks at when it can stop."""
    asked = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
