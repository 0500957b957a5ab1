"""The glossary of the page: the terms of `docs/glossary.md`, beside the numbers and linked from their notes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

FILE = Path(__file__).with_name("glossary.md")
"""A link to the document, which an installation holds as a file."""


class Term(NamedTuple):
    """An entry of the glossary."""

    key: str
    """Its anchor."""
    title: str
    names: tuple[str, ...]
    """Words for it in the notes."""
    meaning: Markup


@cache
def terms() -> tuple[Term, ...]:
    """Read the glossary: paragraphs that begin with their terms in bold."""
    found = []
    for title, meaning in re.findall(r"^\*\*(.+?)\.\*\* (.+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE):
        key = "term-" + re.sub(r"\W+", "-", re.split("[,;]", title)[0]).strip("-").lower()
        names = tuple(name.strip() for name in re.split("[,;]", re.sub(r" \(.*\)", "", title)))
        found.append(Term(key, title, names, _shown(meaning)))
    return tuple(found)


def _shown(markdown: str) -> Markup:
    """Return a sentence of the glossary as HTML; it has code, and words in bold or italics."""
    html = str(escape(markdown))
    for pattern, tag in ((r"`([^`]+)`", "code"), (r"\*\*([^*]+)\*\*", "b"), (r"\*([^*]+)\*", "i")):
        html = re.sub(pattern, rf"<{tag}>\1</{tag}>", html)
    return Markup(html)  # noqa: S704 - of our own document, escaped


@cache
def _pattern() -> tuple[re.Pattern[str], dict[str, Term]]:
    known = {str(escape(name)).lower(): term for term in terms() for name in term.names}
    known |= {f"{name[:-1]}ie": term for name, term in known.items() if name.endswith("y")}  # entries
    longest_first = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    return re.compile(rf"(?<![\w-])({longest_first})s?(?![\w-])", re.IGNORECASE), known


def linked(body: str) -> Markup:
    """Link the first mention of each term in the notes of a section to its entry.

    Parameters
    ----------
    body : the section as HTML.
    """
    seen: set[str] = set()
    pattern, known = _pattern()

    def link(found: re.Match[str]) -> str:
        term = known[found[1].lower()]
        if term.key in seen:
            return found[0]
        seen.add(term.key)
        return f'<a class="term" href="#{term.key}">{found[0]}</a>'

    def note(found: re.Match[str]) -> str:
        parts = re.split(r"(<code>.*?</code>|<a .*?</a>|<[^>]+>)", found[2])  # every second is markup
        parts[::2] = [pattern.sub(link, text) for text in parts[::2]]
        return found[1] + "".join(parts) + found[3]

    return Markup(re.sub(r'(<p class="note">)(.*?)(</p>)', note, body, flags=re.DOTALL))  # noqa: S704 - it was HTML
