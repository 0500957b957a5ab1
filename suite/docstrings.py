"""Docstrings that are shown, also where Python was told to drop them (`python -OO`)."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
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
