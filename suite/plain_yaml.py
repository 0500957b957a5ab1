"""YAML files as plain values: nothing in them is executed, and none can fill the memory."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from suite.errors import UsageError, first_error

DEEPEST = 50
LONGEST = 10_000_000
"""The bounds of a file: levels, and characters as JSON."""

LONGEST_NUMBER = 300
"""Digits before the point."""

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


_EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+")
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}([,' ][0-9]{3})+")


def _refuse(node: yaml.ScalarNode, remedy: str) -> NoReturn:
    raise yaml.constructor.ConstructorError(None, None, f"{node.value!r} is ambiguous: {remedy}", node.start_mark)


def _text(loader: _PlainLoader, node: yaml.ScalarNode) -> str | int | float:
    """Read text, but numbers such as 3e-4, which YAML 1.1 takes for text, as what they are."""
    value: str = loader.construct_yaml_str(node)
    if node.style is not None:  # in quotes
        return value
    if _GROUPED.fullmatch(value):
        _refuse(node, f"write {re.sub('[^-+0-9]', '', value)}")
    return _number(node) if _EXPONENT.fullmatch(value) else value


def _number(node: yaml.ScalarNode) -> int | float:
    """Read a number; with an exponent and without a fraction it is whole: 1e6."""
    try:
        value = Decimal(node.value.replace("_", ""))
    except InvalidOperation:  # an exponent that no computation could hold
        _refuse(node, "it is beyond all numbers that are computed with")
    if value.is_zero() or value.adjusted() < LONGEST_NUMBER:
        return int(value) if value == value.to_integral_value() else float(value)
    _refuse(node, "it is beyond all numbers that are computed with")


def _integer(loader: _PlainLoader, node: yaml.ScalarNode) -> int:
    if ":" in node.value:
        _refuse(node, "write a plain number, or write it in quotes if it is text")
    if re.fullmatch(r"[-+]?0[0-9_]+", node.value):
        _refuse(node, f"write {int(node.value.replace('_', ''))}, or write it in quotes if it is text")
    value: int = loader.construct_yaml_int(node)
    return value


def _real(loader: _PlainLoader, node: yaml.ScalarNode) -> int | float:
    if ":" in node.value:
        _refuse(node, "write a plain number, or write it in quotes if it is text")
    if _EXPONENT.fullmatch(node.value):
        return _number(node)
    value: float = loader.construct_yaml_float(node)
    return value


def _truth(loader: _PlainLoader, node: yaml.ScalarNode) -> bool:
    if node.value.lower() not in ("true", "false"):
        _refuse(node, "write true or false, or write it in quotes if it is text")
    value: bool = loader.construct_yaml_bool(node)
    return value


def _date(loader: _PlainLoader, node: yaml.ScalarNode) -> NoReturn:
    _refuse(node, "no key takes a date; write it in quotes if it is text")


for _kind, _constructor in {
    "str": _text,
    "int": _integer,
    "float": _real,
    "bool": _truth,
    "timestamp": _date,
}.items():
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _constructor)


class _Plainly(yaml.SafeDumper):
    """Writes every value where it stands, without references to others."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_yaml(value: Any) -> str:
    """Return plain values as YAML that `read_yaml` reads."""
    return yaml.dump(value, Dumper=_Plainly, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
