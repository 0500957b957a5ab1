"""The parts that commands waiting for runs share: a console for progress, and how to go on after an interrupt."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

import typer

from suite.console.terminal import PlainConsole

LAST_WORDS_SECONDS = 2.0
"""Seconds for a reader to take what is left to say."""


@contextmanager
def watched(command: Sequence[str]) -> Iterator[PlainConsole]:
    """Yield a console for progress, whose reader keeps nothing waiting; say how to go on after Ctrl-C or SIGTERM.

    Parameters
    ----------
    command : the words with which the user resumes.
    """
    from suite.console.non_blocking import NonBlockingStream
    from suite.session import Interrupted

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stream = NonBlockingStream(sys.stderr)  # runs are looked after, whether or not somebody reads of them
    console = PlainConsole(file=cast("IO[str]", stream), soft_wrap=True)
    try:
        yield console
    except Interrupted as stopped:
        console.print(f"{stopped}; to resume: {shlex.join(command)}", highlight=False)
        raise typer.Exit(130) from None
    finally:
        stream.pass_on(LAST_WORDS_SECONDS)


def words_typed(context: typer.Context, without: Sequence[str]) -> list[str]:
    """Return what was typed, but for some options, as a command to type again."""
    words = ["suite", str(context.info_name)]
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        source = context.get_parameter_source(name)
        if name in without or source is None or source.name not in ("COMMANDLINE", "ENVIRONMENT"):
            continue
        option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
        if value is True:
            words += option
        else:
            for each in value if isinstance(value, list) else [value]:
                words += [*option, str(each)]
    return words
