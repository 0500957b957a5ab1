"""Errors that are the user's to mend: shown as one line, exit code 2."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong usage or an invalid file: says which key, which value, and what is allowed."""
