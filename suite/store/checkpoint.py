"""Checkpoints: a state as safetensors and JSON, two generations of it, with checksums.

<folder>/
000007.json         values that are not tensors, the generation's files, and their checksums; written last
000007.safetensors  tensors
000007.rows.safetensors, 000003.rows.safetensors, ...
                    rows of append-only tensors, each saved once, by the first generation that had them
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from algorithms.interface import AppendOnly, State
from suite.errors import in_one_line
from suite.store.files import is_own_folder, read_regular, write_atomically

SCHEMA = 1
GENERATIONS = 2

_RESERVED = "__metadata__"
"""A file of safetensors with a tensor of this name cannot be read."""

_NAME = re.compile(r"(\d{6,})\.(json|safetensors|rows\.safetensors)")


class CorruptCheckpointError(Exception):
    """A generation that cannot be used; the message names the file and what is wrong."""


class Checkpoints:
    """The checkpoints of one run.

    Parameters
    ----------
    folder : where they are kept.
    check : called before anything is made visible; raises if this process may not write.
    """

    def __init__(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        self.folder, self.check = folder, check
        self._damaged: set[int] = set()
        self._saved: dict[str, int] = {}  # rows of each append-only tensor that are in files
        self._chunks: dict[str, str] = {}  # files of rows, oldest first, and their checksums

    def save(self, state: State) -> None:
        """Write a new generation; drop what the two newest do not need.

        Its cost is that of the state without the append-only rows that were saved before.
        """
        if self.folder.is_symlink():
            self.folder.unlink()  # an attempt's own, and nobody else's business
        self.folder.mkdir(exist_ok=True)
        number = max(self._generations(r"\w+"), default=0) + 1
        values, tensors = split(state)
        rows = {path: tensor for path, tensor in tensors.items() if isinstance(tensor, AppendOnly)}
        added = {path: tensor[self._saved.get(path, 0) :] for path, tensor in rows.items()}
        chunks = dict(self._chunks)
        if any(len(tensor) for tensor in added.values()) or not chunks:
            name = f"{number:06}.rows.safetensors"
            chunks[name] = self._write(name, _pack(added))
        name = f"{number:06}.safetensors"
        whole = _pack({path: tensor for path, tensor in tensors.items() if path not in rows})
        manifest = {"schema": SCHEMA, "values": values, "chunks": chunks, "tensors": {name: self._write(name, whole)}}
        text = json.dumps(manifest)
        self._write(f"{number:06}.json", json.dumps({"checksum": _digest(text.encode()), "manifest": text}).encode())
        self._chunks, self._saved = chunks, {path: len(tensor) for path, tensor in rows.items()}
        self._drop_old()

    def load(self, warn: Callable[[str], None] = lambda message: None) -> State | None:
        """Return the state of the newest valid generation; None if there is none.

        Parameters
        ----------
        warn : told of every generation that is damaged.
        """
        for number in sorted(self._generations("json"), reverse=True):
            try:
                return self._load(number)
            except CorruptCheckpointError as error:
                self._damaged.add(number)
                warn(str(error))
        return None

    def _load(self, number: int) -> State:
        manifest = self._manifest(number)
        chunks = [self._read(name, checksum) for name, checksum in manifest["chunks"].items()]
        tensors = {name: tensor for file in manifest["tensors"].items() for name, tensor in self._read(*file).items()}
        for path in chunks[0]:
            tensors[path] = torch.cat([chunk[path] for chunk in chunks]).as_subclass(AppendOnly)
        self._chunks = manifest["chunks"]
        self._saved = {path: len(tensors[path]) for path in chunks[0]}
        return join(manifest["values"], tensors)

    def _manifest(self, number: int) -> dict[str, Any]:
        path = self.folder / f"{number:06}.json"
        try:
            signed = json.loads(read_regular(path))
            text = signed["manifest"]
            if _digest(text.encode()) != signed["checksum"]:
                raise CorruptCheckpointError(f"{path}: differs from its checksum")
            manifest: dict[str, Any] = json.loads(text)
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise CorruptCheckpointError(f"{path}: {error}") from error
        if manifest["schema"] != SCHEMA:
            raise CorruptCheckpointError(f"{path}: schema {manifest['schema']}, this suite reads {SCHEMA}")
        return manifest

    def _read(self, name: str, checksum: str) -> dict[str, Tensor]:
        path = self.folder / name
        try:
            content = read_regular(path)
        except OSError as error:
            raise CorruptCheckpointError(f"{path}: {error.strerror}") from error
        if _digest(content) != checksum:
            raise CorruptCheckpointError(f"{path}: differs from its checksum")
        try:
            return load(content)
        except SafetensorError as error:
            raise CorruptCheckpointError(f"{path}: {error}") from error

    def _write(self, name: str, content: bytes) -> str:
        self.check()
        write_atomically(self.folder / name, content)
        return _digest(content)

    def _generations(self, kind: str) -> list[int]:
        """Return the numbers of the files of one kind."""
        if not is_own_folder(self.folder):
            return []
        matches = [_NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        return [int(match[1]) for match in matches if match and re.match(kind, match[2])]

    def _drop_old(self) -> None:
        kept = sorted(set(self._generations("json")) - self._damaged)[-GENERATIONS:]
        needed = {f"{number:06}.json" for number in kept}
        for number in kept:
            manifest = self._manifest(number)
            needed |= {*manifest["chunks"], *manifest["tensors"]}
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name) and path.name not in needed:
                path.unlink(missing_ok=True)


def split(state: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Split a state into the values that JSON holds, and its tensors by path.

    Raises
    ------
    ValueError
        If a key is not a string without a slash, or is what safetensors keeps for itself.
    """
    values: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(key, str) or "/" in key or key == _RESERVED:
            raise ValueError(f"a state's keys must be strings without a slash, other than {_RESERVED!r}, not {key!r}")
        if isinstance(value, Tensor):
            tensors[prefix + key] = value
        elif isinstance(value, Mapping):
            values[key], below = split(value, f"{prefix}{key}/")
            tensors |= below
        else:
            values[key] = value
    return values, tensors


def join(values: dict[str, Any], tensors: Mapping[str, Tensor]) -> State:
    """Undo `split`."""
    for path, tensor in tensors.items():
        *parents, key = path.split("/")
        node = values
        for parent in parents:
            node = node[parent]
        node[key] = tensor
    return values


def serialised(state: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the contents of two files that hold a state: JSON of its values, safetensors of its tensors."""
    values, tensors = split(state)
    return json.dumps(values).encode(), _pack(tensors)


def check_savable(state: Mapping[str, Any]) -> None:
    """Make sure that a state can be saved.

    Raises
    ------
    ValueError
        If a part of it cannot; the message names it by its path.
    """
    values, tensors = split(state)
    for path, value in _leaves(values):
        try:
            json.dumps(value)
            _check_keys(value)
        except (TypeError, ValueError, RecursionError) as error:
            allowed = "tensors, numbers, strings, booleans, None, and lists of all but tensors"
            raise ValueError(f"{path} is a {type(value).__name__} ({error}); a state is made of {allowed}") from error
    for path, tensor in tensors.items():
        try:
            _pack({path: tensor})
        except Exception as error:  # torch and safetensors raise many kinds for layouts and types that cannot be saved
            raise ValueError(f"{path} is a tensor that cannot be saved ({in_one_line(error)})") from error


def _check_keys(value: Any) -> None:
    """Refuse keys that JSON would turn into strings, in dictionaries of a list."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no string")
    if isinstance(value, list | tuple | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_keys(inner)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def _pack(tensors: Mapping[str, Tensor]) -> bytes:
    # Views and shared memory are saved as what they show.
    return save(
        {path: tensor.detach().as_subclass(Tensor).cpu().contiguous().clone() for path, tensor in tensors.items()}
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
