"""Templates to pages: one self-contained file with the suite's style sheet and script."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
from markupsafe import Markup

from suite.characters import visible
from suite.report.glossary import linked
from suite.report.tables.verdicts import VERDICT_CLASSES
from suite.table import Cell

FOLDER = Path(__file__).parent
SCRIPTS = ("charts.js", "page.js")
"""Our own files, in the order in which they run."""


def fill(template: str, **context: Any) -> str:
    """Return a template filled in; what it shows is escaped unless it is Markup."""
    return _environment().get_template(template).render(**context)


class _Unindented(jinja2.ext.Extension):
    """Leaves the indentation of templates out of pages, where rows by the thousand would repeat it."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return a template without it."""
        return re.sub(r"^[ \t]+", "", source, flags=re.MULTILINE)


def _unwritten(cell: Cell, written: str) -> str | None:
    """Return the value of a number, empty if there is none; None if what is written is all of it."""
    value = "" if cell is None else str(getattr(cell, "value", cell))
    return None if written.replace(",", "") in (value, value.removesuffix(".0")) else value


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("suite", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        extensions=[_Unindented],
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"linked": linked, "unwritten": _unwritten}
    environment.globals |= {
        "style": Markup((FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        "script": Markup("\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)),  # noqa: S704
        "verdict_classes": VERDICT_CLASSES,
    }
    return environment


def drawn(svg: str) -> Markup:
    """Mark a figure of `suite.report.figures` as safe: its text is escaped."""
    return Markup(visible(svg))  # noqa: S704 - drawn by us
