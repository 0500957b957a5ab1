"""Errors that are the user's to mend: shown as one line, exit code 2."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

LONGEST_VALUE = 200
"""Characters of a value that an error shows; of a mapping that is longer, or of which a part is named, none."""


class UsageError(Exception):
    """Wrong usage or an invalid file: says in one line which key, which value, and what is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(in_one_line(message))


def in_one_line(message: object) -> str:
    """Return a message with its line breaks, and whatever else is white, as single spaces."""
    return " ".join(str(message).split())


def first_line(message: object) -> str:
    """Return the first line of a message that says something; empty if none does."""
    return next((line.strip() for line in str(message).splitlines() if line.strip()), "")


def first_error(error: ValidationError) -> str:
    """Say the first thing that is wrong: which key, which value, what is allowed."""
    detail = error.errors(include_url=False)[0]
    key, message = ".".join(map(str, detail["loc"])), detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"{key}: is missing"
    if not key:
        return message
    value = json.dumps(detail["input"], default=repr)
    names_its_part = detail["type"] == "value_error" or len(value) > LONGEST_VALUE
    if isinstance(detail["input"], dict) and names_its_part:
        return f"{key}: {message}"
    shown = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    return f"{key}: {shown}: {message}"


def unknown(what: str, name: object, allowed: Iterable[str]) -> str:
    """Say that a name is unknown, and which are allowed, the nearest first."""
    names = sorted(allowed)
    nearest = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    listed = f"allowed: {', '.join(names)}" if names else "there is none"
    return f"{what} {name!r} is unknown; {hint}{listed}"
