"""The site of these documents, by Sphinx: `tox -e docs`.

What is derived is written into pages while they are read: the contents of `index.md` from its links, the options of
every command into `reference/cli.md`, the documentation of every public name into `reference/api.md`.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

project = "Meta-RL suite"
author = "The maintainers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "findings/*"]
html_theme = "furo"
html_title = project
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 4
napoleon_google_docstring = False
default_role = "code"
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 90
add_module_names = False
suppress_warnings = ["misc.highlighting_failure", "myst.header"]
"""A block of CSV, or of YAML with a placeholder, is shown as it is; so are headings that a command printed."""


def contents(index: str) -> str:
    """Return the tables of contents of the index: a section a caption, a link an entry."""
    parts = []
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        pages = [name.removesuffix(".md") for name in re.findall(r"\]\(([\w/-]+\.md)\)", section)]
        if pages:
            caption = section.partition("\n")[0]
            parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]))
    return "\n".join(parts)


def commands() -> str:
    """Return the help of every command of `suite`, each under a heading of its own."""
    import typer

    from suite.cli import app

    group: Any = typer.main.get_command(app)
    top = typer.Context(group, info_name="suite")
    parts = []
    for name in group.list_commands(top):
        command = group.get_command(top, name)
        context = typer.Context(command, info_name=name, parent=top, max_content_width=100)
        parts.append(f"## `suite {name}`\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def interface(page: str) -> str:
    """Return the directives that document each name of the page's tables."""
    parts = []
    for name in re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        is_class = inspect.isclass(getattr(import_module(module), attribute))
        options = "\n   :members:" if is_class else ""
        kind = "autoclass" if is_class else "autofunction"
        parts.append(f"## `{name}`\n\n```{{eval-rst}}\n.. {kind}:: {name}{options}\n```\n")
    return "\n".join(parts)


def derive(app: Any, page: str, source: list[str]) -> None:
    """Add what is derived to a page that is about to be read; pages that lie elsewhere become files to download."""
    source[0] = re.sub(r"\]\(((?:\.\./)+[A-Z]+\.md)(?:#[^)]*)?\)", r"](path:\1)", source[0])
    if page == "index":
        source[0] += "\n" + contents(source[0])
    elif page == "reference/cli":
        source[0] += "\n" + commands()
    elif page == "reference/api":
        source[0] += "\n" + interface(source[0])


def describe(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Put what a parameter is, `name : text`, where the site expects it: behind a colon it looks for a type."""
    described: list[str] = []
    section = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        section = line if following.startswith("---") else section
        parameter = re.fullmatch(r"([\w*][\w*, ]*) : (.+)", line)
        if parameter and section == "Parameters":
            described += [parameter[1], f"    {parameter[2]}"]
        else:
            described.append(line)
    lines[:] = described


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", derive)
    app.connect("autodoc-process-docstring", describe, priority=100)  # before napoleon reads it
