"""The page by HTTP, for browsers of this machine alone, made again whenever the store or its clips change."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from suite.errors import UsageError, in_one_line
from suite.execute.patience import Patience
from suite.report.clips import FOLDER, find_clips
from suite.report.files import PAGE
from suite.report.live import SOONEST, Pace, live
from suite.store.files import read_regular
from suite.store.record import RunState
from suite.store.runs import Store

HOST = "127.0.0.1"
"""Browsers of other machines have no way to it; a tunnel (`ssh -L 8000:127.0.0.1:8000`) leads here."""
NAMES = ("127.0.0.1", "localhost")
"""Names that this machine has for a browser: a page from elsewhere, whose name is made to lead here, is refused."""
CLIP = re.compile(rf"/{FOLDER}/([^/\\\0]+\.(mp4|jpg))")
RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
"""A request for one range with a beginning; for other ranges the whole is sent, as is allowed."""
TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg"}
POLL_SECONDS = 1.0
POLL_SHARE = 0.01
"""Share of the time that looking at the store may take."""


class PageServer:
    """Serves one page, and the clips beside it.

    Parameters
    ----------
    port : 0 for any that is free.
    reports : the page's folder.

    Raises
    ------
    UsageError
        If the port cannot be used.
    """

    def __init__(self, port: int, reports: Path) -> None:
        self.reports = reports
        self.shown = b"", ""
        """The page, empty until it is first made, and its version."""
        try:
            self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        except OSError as error:
            raise UsageError(f"--port {port}: cannot be used ({error.strerror})") from error

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def show(self, page: str, seconds: float = SOONEST) -> None:
        """Serve this page from now on.

        Parameters
        ----------
        seconds : between two times that an open page asks for another.
        """
        tag = f'"{hashlib.sha256(page.encode(errors="replace")).hexdigest()[:16]}"'
        self.shown = live(page, seconds, "Updated as the store changes", tag).encode(errors="replace"), tag

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer requests while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, name="server", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _handler(server: PageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "suite", ""

        def do_GET(self) -> None:
            name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            path = unquote(self.path.partition("?")[0], errors="surrogateescape")
            content, tag = server.shown
            if name not in NAMES:
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            elif clip := CLIP.fullmatch(path):
                try:
                    self._send(read_regular(server.reports / FOLDER / clip[1]), TYPES[clip[2]])
                except OSError:
                    self.send_error(HTTPStatus.NOT_FOUND)
            elif path not in ("/", f"/{PAGE}"):
                self.send_error(HTTPStatus.NOT_FOUND)
            elif not content:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)  # an open page asks again
            else:
                self._send(content, "text/html; charset=utf-8", ETag=tag)

        do_HEAD = do_GET

        def _send(self, content: bytes, kind: str, **more: str) -> None:
            status, size = HTTPStatus.OK, len(content)
            headers = {"Content-Type": kind, "Accept-Ranges": "bytes", "Cache-Control": "no-cache", **more}
            asked = RANGE.fullmatch(self.headers.get("Range", ""))
            if asked and self.command == "GET" and "If-Range" not in self.headers:  # Safari plays no film without
                first = int(asked[1])
                content = content[first : int(asked[2]) + 1 if asked[2] else None]
                status = HTTPStatus.PARTIAL_CONTENT if content else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                headers["Content-Range"] = f"bytes {f'{first}-{first + len(content) - 1}' if content else '*'}/{size}"
            self.send_response(status)
            for header, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command == "GET":
                with suppress(ConnectionError):  # whoever asked has gone
                    self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: who asks is whoever has the page open."""

    return Handler


def follow(
    store: Store,
    reports: Path,
    make: Callable[[], str],
    show: Callable[[str, float], None],
    say: Callable[[str], object],
) -> None:
    """Make a page now and whenever the store or a clip has changed, until interrupted.

    Parameters
    ----------
    reports : the page's folder, with its clips.
    make : returns the page's text.
    show : is given it, and the seconds until there can be another.
    say : is told why another could not be made, and that the store is away; why the first could not be is raised.
    """
    pace, patience = Pace(), Patience(store.results, say)
    shown: object = None
    begun, said = time.monotonic(), ""

    def look() -> None:
        nonlocal shown, begun, said
        now = _contents(store), find_clips(reports)
        if now == shown or not pace.due:
            return
        spent = time.process_time()
        try:
            page = make()
        finally:
            pace.spent(time.process_time() - spent)
        show(page, pace.seconds)
        shown, begun, said = now, time.monotonic(), ""

    while True:
        begun = time.monotonic()
        try:
            patience.tried(look)
        except Exception as error:  # of the store, of a file, or of a user module
            if shown is None:
                raise
            if (news := f"report: not updated ({in_one_line(error)})") != said:
                said = news
                say(news)
        time.sleep(max(POLL_SECONDS, (time.monotonic() - begun) / POLL_SHARE))


def _contents(store: Store) -> list[tuple[str, RunState, int | None]]:
    return [(record.run, record.state, record.committed) for record in store.records()]
