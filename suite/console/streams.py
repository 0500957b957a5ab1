"""The standard streams of a process that was started without some of them."""

from __future__ import annotations

import os
import sys


def open_missing() -> None:
    """Open what is missing of the standard streams (`>&-`): as if its reader had gone, or nothing were to be read.

    Otherwise the next file that is opened takes its number, and what a process that is started prints goes there.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115 - for the process's life
