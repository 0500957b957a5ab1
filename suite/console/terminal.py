"""Consoles: rich's, but for what text of runs and files could do to a terminal."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.text import Text

from suite.characters import visible


class PlainConsole(Console):
    """A console that shows text as it is: no markup, no emoji, and control characters written out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text to be shown; everything that is printed or put into a table comes through here."""
        return super().render_str(visible(text), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; what a standard error that is full does not take is lost, and changes nothing."""
        try:
            super().print(*objects, **options)
        except OSError:
            if not self.stderr:
                raise
            self._let_go()

    def on_broken_pipe(self) -> None:
        """End the command if the reader of its output has gone; nobody need read its errors."""
        if not self.stderr:
            super().on_broken_pipe()
        self._let_go()

    def _let_go(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())  # what is held back would be tried again at the end of the process
        os.close(nowhere)


def is_live(console: Console) -> bool:
    """True if what is shown can be drawn anew in place: on a terminal, whatever the environment says of colours."""
    return console.is_terminal and console.file.isatty()
