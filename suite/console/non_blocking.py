"""A stream that never keeps its writer waiting: what nobody reads is held back, and dropped in the end."""

from __future__ import annotations

import io
import os
import select
from typing import TextIO

LONGEST = 1 << 18
"""Bytes that are held back; beyond them new ones are dropped."""

PIECE = select.PIPE_BUF
"""Bytes that a pipe takes at once if it takes any."""


class NonBlockingStream(io.TextIOBase):
    """Writes to the file behind a stream whenever it can take something; goes on when its reader is gone.

    Parameters
    ----------
    stream : such as the standard error. One without a file is written to as it is.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._held = bytearray()
        self._gone = False
        try:
            self._file: int | None = stream.fileno()
        except OSError:
            self._file = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self.stream.encoding

    def isatty(self) -> bool:
        """True if the stream is a terminal's."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return the file behind the stream."""
        return self.stream.fileno()

    def write(self, text: str) -> int:
        """Take a text, and pass on what the file takes."""
        if self._file is None:
            return self.stream.write(text)
        content = text.encode(self.encoding, errors="backslashreplace")
        if len(self._held) + len(content) <= LONGEST:
            self._held += content
        self.pass_on()
        return len(text)

    def flush(self) -> None:
        """Pass on what the file takes, and no more."""
        self.stream.flush()
        self.pass_on()

    def pass_on(self, patience: float = 0.0) -> None:
        """Write what is held back, waiting so many seconds for each piece to be taken."""
        if self._file is None:
            return
        poll = select.poll()
        poll.register(self._file, select.POLLOUT)
        while self._held and not self._gone and poll.poll(1000 * patience):
            try:
                del self._held[: os.write(self._file, self._held[:PIECE])]
            except BlockingIOError:
                return
            except OSError:  # the reader has gone; the runs have not
                self._gone = True
        if self._gone:
            self._held.clear()
