"""Docstrings that are shown, also where Python was told to drop them (`python -OO`)."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any


def docstring(of: type | Callable[..., Any]) -> str:
    """Return the docstring of a class or a function, from its source if it was dropped; empty if it has none."""
    if of.__doc__ is not None:
        return inspect.cleandoc(of.__doc__)
    try:
        tree = ast.parse(Path(inspect.getfile(of)).read_text(encoding="utf-8"))
    except (OSError, TypeError, SyntaxError):
        return ""
    named = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return next((ast.get_docstring(node) or "" for node in named if node.name == of.__name__), "")


def field_docstrings(of: type) -> dict[str, str]:
    """Return the text below each field of a class and of those that it extends, by field, as their sources have it."""
    found = {}
    for each in reversed(of.__mro__[:-1]):
        try:
            (node,) = ast.parse(dedent(inspect.getsource(each))).body
        except (OSError, TypeError):  # such as a class that was typed into a session
            continue
        assert isinstance(node, ast.ClassDef)  # noqa: S101 - the source of a class
        for line, below in pairwise(node.body):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                found[line.target.id] = inspect.cleandoc(below.value.value)
    return found
