"""The help of the `suite` command: commands by what they are for, sentences whole, kinds of values in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from typer.core import TyperCommand, TyperGroup

from suite.cli.options import MOST

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

WIDTH = 110
"""Columns of help at most; a narrower terminal has its own."""

RUN, LOOK, JUDGE, PUBLISH, INTERNAL = "Run", "Inspect", "Compare and judge", "Publish, merge, clean up", "For executors"

KINDS = {"int": "NUMBER", "float": "NUMBER", "path": "PATH", "str": "TEXT"}
"""The words for what the parser calls kinds."""


def in_words(text: str) -> str:
    """Say kinds and ranges of values in words; an upper limit that nobody meets is left out."""
    text = re.sub(r"(?i)<(?:list\[)?(int|float|path|str)(?: range)?\]?>", lambda found: KINDS[found[1].lower()], text)
    text = re.sub(r"<(\w+(?:\|\w+)+)>", r"[\1]", text)
    text = re.sub(rf"([\d.]+)<=x<={MOST}", r"at least \1", text)
    text = re.sub(r"([\d.]+)<=x<=([\d.]+)", r"\1 to \2", text)
    return re.sub(r"x>=([\d.]+)", r"at least \1", text)


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a text, in one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


class Command(TyperCommand):
    """A command whose help is in words."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write arguments and options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                title = "Arguments" if parameter.param_type_name == "argument" else "Options"
                sections[title].append((in_words(record[0]), in_words(record[1])))
        for title, records in sections.items():
            _write(formatter, title, records)


class Commands(TyperGroup):
    """The commands, by what they are for."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each group of commands, with the first paragraph of what each says of itself."""
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in (RUN, LOOK, JUDGE, PUBLISH, INTERNAL)}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if isinstance(command, TyperCommand) and not command.hidden:
                title = command.rich_help_panel or RUN
                groups.setdefault(title, []).append((name, first_paragraph(command.help)))
        for title, records in groups.items():
            _write(formatter, title, records)


def _write(formatter: HelpFormatter, title: str, records: Iterable[tuple[str, str]]) -> None:
    if rows := list(records):
        with formatter.section(title):
            formatter.write_dl(rows)
