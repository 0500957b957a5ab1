"""Templates to pages: one self-contained file with the suite's style sheet and script."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from suite.characters import visible
from suite.report.glossary import linked
from suite.report.tables.verdicts import VERDICT_CLASSES

FOLDER = Path(__file__).parent
SCRIPTS = ("charts.js", "page.js")
"""Our own files, in the order in which they run."""


def fill(template: str, **context: Any) -> str:
    """Return a template filled in; what it shows is escaped unless it is Markup."""
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("suite", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["linked"] = linked
    environment.globals |= {
        "style": Markup((FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        "script": Markup("\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)),  # noqa: S704
        "verdict_classes": VERDICT_CLASSES,
    }
    return environment


def drawn(svg: str) -> Markup:
    """Mark a figure of `suite.report.figures` as safe: its text is escaped."""
    return Markup(visible(svg))  # noqa: S704 - drawn by us
