"""The page while runs are going: written again as they end, and an open one loads itself again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from suite.errors import UsageError, in_one_line
from suite.report.files import write_page

SHARE = 0.02
"""Share of a core that writing the page again and again may take."""
SOONEST = 10.0
"""Seconds between two versions of the page, at least."""


def live(page: str, seconds: float, words: str, version: str = "") -> str:
    """Return a page as it is while it changes: it says so, and loads itself again.

    Parameters
    ----------
    page : as it is when nothing changes any more, which has none of this.
    seconds : between two loads.
    words : why it changes.
    version : by which an open page knows that its server has another.
    """
    from suite.report.html import fill  # takes a while, which no run is to wait for

    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    shown = {"seconds": round(seconds), "words": words, "version": version, "time": written}
    head, banner = (fill(f"live-{part}.html.j2", **shown) for part in ("head", "banner"))
    asked = page.replace("default-src 'none';", "default-src 'none'; connect-src 'self';", 1)  # whether it has changed
    return asked.replace("</head>", f"{head}\n</head>", 1).replace('<main id="main">', f'<main id="main">\n{banner}', 1)


class Pace:
    """The times at which something may be done again, so that it takes no more than `SHARE` of a core."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next, self.seconds = clock, 0.0, SOONEST

    @property
    def due(self) -> bool:
        """True if what the last time cost has been made up for."""
        return self._clock() >= self._next

    def spent(self, processor_seconds: float) -> None:
        """Say what the last time cost, which has just ended."""
        self.seconds = max(SOONEST, processor_seconds / SHARE)
        self._next = self._clock() + self.seconds


class LivePage:
    """A page that is written again, by a thread of its own, as what it shows changes.

    Parameters
    ----------
    path : of the page.
    make : returns its text.
    say : is told where the page is, once it is there, and why it could not be written.
    """

    def __init__(self, path: Path, make: Callable[[], str], say: Callable[[str], object]) -> None:
        self.path, self._make, self._say = path, make, say
        self._pace = Pace()
        self._thread: threading.Thread | None = None
        self._shows: object = None
        self._page = ""
        """The last text, as it is when nothing changes any more."""
        self._said = {""}
        self._news = ""
        self._over = False

    def tick(self, shows: object) -> None:
        """Write the page again if it is to show something else, and is not being written, nor was a moment ago.

        Parameters
        ----------
        shows : equal as long as the page need not be written again.
        """
        if self._thread and self._thread.is_alive():
            return
        self._tell()
        if shows != self._shows and self._pace.due:
            self._shows = shows
            self._thread = threading.Thread(target=self._write, name="page", daemon=True)
            with suppress(RuntimeError):  # no thread can be had now: tried again at the next change
                self._thread.start()

    def __enter__(self) -> LivePage:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave the page as it was last made, but as one that stays as it is; an interrupt waits for no new one."""
        self._over = kind is not None
        if self._thread and self._thread.ident:
            self._thread.join(None if kind is None else 1.0)
            self._tell()
        if self._page:
            with suppress(UsageError):  # its folder has gone, which whoever writes the page next is told
                write_page(self.path, self._page)

    def _write(self) -> None:
        begun = time.thread_time()
        try:
            import_module("suite.report.page")  # takes its seconds once, at the latest when all runs have ended
            begun = time.thread_time()
            self._page = self._make()
            self._pace.spent(time.thread_time() - begun)
            if self._over:
                return
            write_page(self.path, live(self._page, self._pace.seconds, "Runs in progress"))
            self._news = f"report: {self.path}, updated as runs end"
        except Exception as error:  # of the store or of a user module: the runs go on
            self._pace.spent(time.thread_time() - begun)
            self._shows = None  # tried again, though nothing may have changed
            self._news = f"report: not updated as runs end ({type(error).__name__}: {in_one_line(error)})"

    def _tell(self) -> None:
        if self._news not in self._said:
            self._said.add(self._news)
            self._say(self._news)
