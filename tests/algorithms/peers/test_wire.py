"""Messages arrive as they were sent, and what is no message is refused, in time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from algorithms.peers.garage_process import wire
from algorithms.peers.garage_process.wire import Pipe, WireError, encode

ARRAYS = st_numpy.arrays(
    st.sampled_from([np.dtype(type_) for type_ in wire.TYPES]),
    st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
VALUES = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=5)))


def close(pipe: Pipe) -> None:
    os.close(pipe.reading)
    os.close(pipe.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe whose one end is its other."""
    pipe = Pipe(*os.pipe())
    yield pipe
    close(pipe)


@given(kind=st.text(max_size=5), values=VALUES, arrays=st.dictionaries(st.text(max_size=5), ARRAYS, max_size=3))
def test_a_message_arrives_as_it_was_sent(
    kind: str, values: dict[str, object], arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]
) -> None:
    pipe = Pipe(*os.pipe())
    pipe.send(kind, values, arrays, seconds=1.0)
    found = pipe.receive(seconds=1.0)
    close(pipe)
    assert (found.kind, found.values, found.arrays.keys()) == (kind, values, arrays.keys())
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_more_than_a_pipe_holds_passes(pipe: Pipe) -> None:
    array = np.arange(1_000_000, dtype=np.float64)
    sender = threading.Thread(target=pipe.send, args=("much", {}, {"array": array}))
    sender.start()
    np.testing.assert_array_equal(pipe.receive(seconds=10.0).arrays["array"], array)
    sender.join()


@pytest.mark.parametrize("array", [np.array(["word"]), np.array([object()]), np.zeros(2, dtype=np.complex128)])
def test_only_plain_numbers_are_sent(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    with pytest.raises(ValueError, match=r"array: an array of .* cannot be sent"):
        encode("kind", arrays={"array": array})


def test_what_is_not_finite_is_not_sent_as_a_value() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode("kind", {"reward": float("nan")})


def frame(header: bytes, rest: bytes = b"") -> bytes:
    return len(header).to_bytes(4, "little") + header + rest


def head(**changes: object) -> bytes:
    return json.dumps({"kind": "kind", "values": {}, "arrays": [], **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        (0).to_bytes(4, "little"),
        (2**31).to_bytes(4, "little"),
        frame(b"\x80\x04K\x01."),  # a pickle
        frame(b"[]"),
        frame(b"[" * 50_000),
        frame(head(kind=1)),
        frame(head(values=[])),
        frame(head(arrays=[["a", "|O", [1]]])),
        frame(head(arrays=[["a", "<f4", [-1]]])),
        frame(head(arrays=[["a", "<f4", [True]]])),
        frame(head(arrays=[["a", "<f4", 3]])),
        frame(head(arrays=[["a", "<f8", [2**40]]])),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, pipe: Pipe) -> None:
    assert os.write(pipe.writing, content) == len(content)
    with pytest.raises(WireError):
        pipe.receive(seconds=1.0)


def test_waiting_for_a_silent_peer_times_out(pipe: Pipe) -> None:
    with pytest.raises(TimeoutError):
        pipe.receive(seconds=0.05)


def test_waiting_for_the_rest_of_a_message_times_out(pipe: Pipe) -> None:
    os.write(pipe.writing, encode("kind", {"a": 1})[:-2])
    with pytest.raises(TimeoutError):
        pipe.receive(seconds=0.05)


def test_sending_to_a_peer_that_reads_nothing_times_out(pipe: Pipe) -> None:
    with pytest.raises(TimeoutError):
        pipe.send("much", arrays={"array": np.zeros(1_000_000)}, seconds=0.05)


def test_a_closed_pipe_is_distinguished_from_a_silent_one() -> None:
    reading, writing = os.pipe()
    pipe = Pipe(reading, writing)
    os.close(writing)
    with pytest.raises(EOFError):
        pipe.receive(seconds=1.0)
    os.close(reading)
