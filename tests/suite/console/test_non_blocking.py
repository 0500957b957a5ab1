"""A stream that nobody reads: it takes what it can, and keeps nobody waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from suite.console.non_blocking import LONGEST, NonBlockingStream

Pipe = tuple[int, TextIO]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream


def read(reader: int) -> str:
    os.set_blocking(reader, False)
    text = b""
    try:
        while piece := os.read(reader, 1 << 20):
            text += piece
    except BlockingIOError:
        pass
    return text.decode()


def test_what_is_read_arrives_at_once(pipe: Pipe) -> None:
    stream = NonBlockingStream(pipe[1])
    stream.write("half way ✓\n")
    assert read(pipe[0]) == "half way ✓\n"


def test_what_nobody_reads_waits_and_then_arrives_in_order(pipe: Pipe) -> None:
    stream = NonBlockingStream(pipe[1])
    lines = [f"line {number:06}\n" for number in range(10_000)]  # twice what a pipe holds
    for line in lines:
        stream.write(line)
    arrived = ""
    while more := read(pipe[0]):
        arrived += more
        stream.pass_on()
    assert arrived == "".join(lines)


def test_what_nobody_ever_reads_fills_no_memory(pipe: Pipe) -> None:
    stream = NonBlockingStream(pipe[1])
    for _ in range(200):
        stream.write("x" * 10_000)
    assert len(stream._held) <= LONGEST
    stream.pass_on(0.01)  # nor does the end wait for ever


def test_a_reader_that_goes_away_stops_nothing(pipe: Pipe) -> None:
    stream = NonBlockingStream(pipe[1])
    os.close(pipe[0])
    for _ in range(3):
        stream.write("is anybody there?\n")
    stream.flush()
    assert not stream._held
