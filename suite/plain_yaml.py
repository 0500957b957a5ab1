"""YAML files as plain values: nothing in them is executed, and none can fill the memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from suite.errors import UsageError, first_error

DEEPEST = 50
LONGEST = 10_000_000
"""What a file may hold: levels, and characters as JSON."""

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model], what: str) -> Model:
    """Read a YAML file that holds one mapping.

    Parameters
    ----------
    model : what the mapping has to be; validated strictly, as JSON is.
    what : the kind of file, as error messages name it.

    Raises
    ------
    UsageError
        If the file cannot be read, is not plain YAML, or is not valid: one line says which key, which value.
    """
    try:
        return model.model_validate_json(_as_json(path, what))
    except ValidationError as error:
        raise UsageError(f"{what} {path}: {first_error(error)}") from error


def _as_json(path: Path, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        value = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
        text = _json(value)  # refuses dates, and lists that hold themselves
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        raise UsageError(f"{what} {path}: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{what} {path}: holds {type(value).__name__}, must hold a mapping")
    return text


def _json(value: Any) -> str:
    """Return a value as JSON; aliases that repeat one another would fill the memory."""
    parts, size = [], 0
    for part in json.JSONEncoder().iterencode(value):
        parts.append(part)
        size += len(part)
        if size > LONGEST:
            raise ValueError(f"is longer than {LONGEST:,} characters, once its aliases are written out")
    return "".join(parts)


class _PlainLoader(yaml.SafeLoader):
    """A safe loader for text keys, each given once, without tags or deep nesting.

    It merges one mapping at most: several grow without end.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        tag = getattr(self.peek_event(), "tag", None)  # type: ignore[no-untyped-call]
        if tag is not None:
            raise ValueError(f"tag {tag!r} is not allowed; use plain YAML")
        if self.depth == DEEPEST:  # the parser's time grows with its square
            raise ValueError(f"is nested more than {DEEPEST} levels deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" and isinstance(value_node, yaml.SequenceNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "<< takes one mapping, not several", key_node.start_mark
                )
            if key_node.tag != "tag:yaml.org,2002:merge":
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str):
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} is no text; write it in quotes", key_node.start_mark
                    )
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} is given twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)
