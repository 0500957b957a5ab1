"""Messages between the suite and a peer: a header of JSON, then arrays as raw bytes. Nothing is ever unpickled.

A frame is the header's length (4 bytes, little-endian), the header, and the arrays one after the other. The header is
`{"kind": ..., "values": {...}, "arrays": [[name, type, shape], ...]}`; arrays are little-endian and in C order.
"""

from __future__ import annotations

import json
import math
import os
import select
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TYPES = ("<f4", "<f8", "<i8", "|b1")
"""The types of an array's elements."""

MOST_HEADER_BYTES = 2**20
MOST_ARRAY_BYTES = 2**31

Arrays = Mapping[str, NDArray[Any]]


class WireError(Exception):
    """A message that cannot be read."""


class Message(NamedTuple):
    """One message: what it is, plain values, and arrays by name."""

    kind: str
    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def encode(kind: str, values: Mapping[str, Any] | None = None, arrays: Arrays | None = None) -> bytes:
    """Write a message as a frame.

    Raises
    ------
    ValueError
        If a value is not finite or an array is of none of `TYPES`.
    """
    contents = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    described = []
    for name, array in contents.items():
        if array.dtype.str not in TYPES:
            raise ValueError(f"{name}: an array of {array.dtype} cannot be sent")
        described.append([name, array.dtype.str, array.shape])
    head = {"kind": kind, "values": dict(values or {}), "arrays": described}
    header = json.dumps(head, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([len(header).to_bytes(4, "little"), header, *(array.tobytes() for array in contents.values())])


class Pipe:
    """Two file descriptors, one to read messages from and one to write them to.

    Parameters
    ----------
    reading, writing : open descriptors, which become this object's own.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)

    def send(
        self,
        kind: str,
        values: Mapping[str, Any] | None = None,
        arrays: Arrays | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write a message.

        Raises
        ------
        TimeoutError
            If nobody takes it within `seconds`.
        BrokenPipeError
            If nobody ever will.
        """
        left = memoryview(encode(kind, values, arrays))
        deadline = _deadline(seconds)
        while left:
            try:
                left = left[os.write(self.writing, left) :]
            except BlockingIOError:
                _wait(self.writing, select.POLLOUT, deadline)

    def receive(self, seconds: float | None = None) -> Message:
        """Read the next message.

        Raises
        ------
        TimeoutError
            If it has not come within `seconds`.
        EOFError
            If none will come.
        WireError
            If what comes is no message.
        """
        deadline = _deadline(seconds)
        length = int.from_bytes(self._read(4, deadline), "little")
        if not 0 < length <= MOST_HEADER_BYTES:
            raise WireError(f"a header of {length} bytes")
        try:
            head = json.loads(self._read(length, deadline))
            kind, values, described = head["kind"], head["values"], head["arrays"]
            shapes = {name: (_type(type_), _shape(shape)) for name, type_, shape in described}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise WireError(f"a header that cannot be read: {error}") from error
        if not isinstance(kind, str) or not isinstance(values, dict):
            raise WireError("a header of other contents")
        sizes = {name: math.prod(shape) * type_.itemsize for name, (type_, shape) in shapes.items()}
        if sum(sizes.values()) > MOST_ARRAY_BYTES:
            raise WireError(f"arrays of {sum(sizes.values())} bytes")
        arrays = {}
        for name, (type_, shape) in shapes.items():
            arrays[name] = np.ndarray(shape, type_, buffer=self._read(sizes[name], deadline))
        return Message(kind, values, arrays)

    def _read(self, size: int, deadline: float) -> bytearray:
        content = bytearray(size)
        view, filled = memoryview(content), 0
        while filled < size:
            try:
                count = os.readv(self.reading, [view[filled:]])
            except BlockingIOError:
                _wait(self.reading, select.POLLIN, deadline)
                continue
            if count == 0:
                raise EOFError
            filled += count
        return content


def _type(name: Any) -> np.dtype[Any]:
    if name not in TYPES:
        raise ValueError(f"an array of {name!r}")
    type_: np.dtype[Any] = np.dtype(name)
    return type_


def _shape(sizes: Any) -> tuple[int, ...]:
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError(f"a shape of {sizes!r}")
    return tuple(sizes)


def _deadline(seconds: float | None) -> float:
    return math.inf if seconds is None else time.monotonic() + seconds


def _wait(descriptor: int, event: int, deadline: float) -> None:
    left = None if deadline == math.inf else 1000 * (deadline - time.monotonic())
    poll = select.poll()
    poll.register(descriptor, event)
    if (left is not None and left <= 0) or not poll.poll(left):
        raise TimeoutError
