"""Errors that are the user's to mend: shown as one line, exit code 2."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong usage or an invalid file: says in one line which key, which value, and what is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
