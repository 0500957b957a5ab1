"""Progress of one command: silent for two seconds, then a bar, plain lines, or what it is busy with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from suite.console.terminal import is_live

PATIENCE = 2.0
"""Seconds before anything is shown."""
BETWEEN_LINES = 10.0
"""Seconds between two plain lines, where there is no terminal."""


@contextmanager
def counting(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a function that counts one of `total`.

    Parameters
    ----------
    console : where progress is shown; as a bar that vanishes if it is a terminal.
    what : what is being done.
    """
    live = is_live(console)
    bar = Progress(console=console, transient=True)
    task = bar.add_task(what, total=total)
    shown = time.monotonic() + PATIENCE
    done = 0

    def tick() -> None:
        nonlocal shown, done
        done += 1
        now = time.monotonic()
        if live:
            bar.update(task, completed=done)
            if now >= shown:
                bar.start()
        elif now >= shown:
            shown = now + BETWEEN_LINES
            console.print(f"{what}: {done:,} of {total:,}", markup=False, highlight=False)

    try:
        yield tick
    finally:
        if live:
            bar.stop()


@contextmanager
def busy(console: Console, what: str) -> Iterator[None]:
    """Show what is being done, where nobody can say how long it takes: on a terminal alone, until it is done.

    Parameters
    ----------
    console : where it is shown.
    what : what is being done.
    """
    if not is_live(console):
        yield
        return
    status = console.status(what)
    timer = threading.Timer(PATIENCE, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be starting just now
        status.stop()
