"""The rule of a page of findings: every number stands in what a command of its section prints.

A section (from one heading to the next) shows commands and what they print, and says in words what that means:

    ```sh
    suite report --results results/published/pilot --format markdown
    ```

    ```text
    lines of the output, in their order; others may be left out
    ```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?(?!\w)")
NOT_PROSE = (FENCE, re.compile(r"`[^`]*`"), re.compile(r"\]\([^)]*\)"), re.compile(r"^\s*\d+\.\s", re.MULTILINE))


class Shown(NamedTuple):
    """A command, and what the page says that it prints."""

    command: str
    lines: tuple[str, ...]


def sections(page: str) -> Iterator[str]:
    """Yield the page's text from one heading to the next; what looks like a heading in a fenced block is none."""
    starts = [0]
    fenced = [match.span() for match in FENCE.finditer(page)]
    for heading in re.finditer(r"^#+ ", page, re.MULTILINE):
        if heading.start() and not any(begin <= heading.start() < end for begin, end in fenced):
            starts.append(heading.start())
    for begin, end in zip(starts, [*starts[1:], len(page)], strict=True):
        yield page[begin:end]


def shown(section: str) -> list[Shown]:
    """Return the commands of a section with what each is said to print."""
    found: list[Shown] = []
    for language, text in FENCE.findall(section):
        if language == "sh":
            found += [Shown(line.strip(), ()) for line in text.splitlines() if line.strip()]
        elif language == "text" and found:
            found[-1] = found[-1]._replace(lines=tuple(text.splitlines()))
    return found


def numbers(text: str) -> set[str]:
    """Return the numbers of a text, without the commas between thousands."""
    return {match.replace(",", "").rstrip(",") for match in NUMBER.findall(text)}


def faults(page: str, printed: Callable[[str], str]) -> list[str]:
    """Say what on a page is not as its commands print it.

    Parameters
    ----------
    printed : runs a command and returns its standard output.
    """
    found = []
    for section in sections(page):
        outputs = ""
        for command, lines in shown(section):
            output = printed(command).splitlines()
            at = 0
            for line in lines:
                if line in output[at:]:
                    at += output[at:].index(line) + 1
                else:
                    found.append(f"{command}: does not print {line!r}, or not there")
            outputs += "\n".join(lines) + "\n"
        prose = section
        for pattern in NOT_PROSE:
            prose = pattern.sub(" ", prose)
        title = section.splitlines()[0]
        found += [
            f"{title}: {number} is printed by no command there" for number in sorted(numbers(prose) - numbers(outputs))
        ]
    return found
