"""The `suite` command."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from suite.cli.help import WIDTH, Commands
from suite.cli.output import err
from suite.console.streams import open_missing
from suite.errors import UsageError

app = typer.Typer(
    name="suite",
    help="Reproduce and compare meta-reinforcement-learning algorithms.",
    cls=Commands,
    epilog="Examples: suite run quick · suite plan paper · suite status · suite report · suite list algorithms",
    context_settings={"max_content_width": WIDTH},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(asked: bool) -> None:
    if asked:
        from suite.versions import suite_version

        print(f"suite {suite_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options of `suite` itself."""


def main() -> NoReturn:
    """Run the command line; wrong usage is one line and exit code 2."""
    open_missing()
    os.environ["MPLBACKEND"] = "agg"  # figures become files, whatever the user's own programs draw on
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # the same bytes whatever the locale; nothing is a reason to stop
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if not _working_folder_exists():
        _refuse_working_folder()  # else whatever loads a library ends in its own words
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="suite", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        err.print(f"error: {error}", highlight=False)
        sys.exit(2)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # who reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        if not _working_folder_exists():
            _refuse_working_folder()
        err.print(f"error: {error.filename or 'a file or the output'}: {error.strerror or error}", highlight=False)
        sys.exit(2)
    except RuntimeError as error:  # `Path.resolve` raises it for links in a circle, before Python 3.13
        if not str(error).startswith("Symlink loop"):
            raise
        err.print(f"error: {error}", highlight=False)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        err.print(f"error: {error.format_message()}", highlight=False)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_working_folder() -> NoReturn:
    err.print("error: the working folder was deleted; go to one that exists", highlight=False)
    sys.exit(2)


def _working_folder_exists() -> bool:
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False
