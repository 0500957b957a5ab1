"""The rule of a page of findings: each number, and each decision, stands in what a command of its section prints.

A section (from one heading to the next) shows commands and what they print, and says in words what that means:

    ```sh
    suite report --results results/published/pilot --format markdown
    ```

    ```text
    lines of the output, in their order; others may be left out
    ```

Instead of these it may link a file of such lines, `[printed lines](findings/NAME.txt)`, each command after a `$`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?(?!\w)")
DECISIONS = {
    r"better|worse|higher|lower|helps": r"better\b.*|worse\b.*|.* tends to be higher|adaptation helps",
    r"equivalent|equal|same(?! direction)|alike|stands? for|match(?:es)?": r".*\bequivalent",
    r"(?:same|opposite) direction": r"(?:same|opposite) direction",
    r"differs?|unequal|different": r"better\b.*|worse\b.*|.* tends to be higher",
    r"reproduced": r"(?:not )?reproduced",
    r"inconclusive|undecided": r"inconclusive|undecided|not decided",
}
"""Words that decide something -> what a cell of a row that decides so says."""
OPEN = re.compile(
    r"\b(whether|not shown|no equivalence|no significant difference|would be called|wrong to say|had there been)\b",
    re.IGNORECASE,
)
"""The words that leave a sentence undecided."""
LINKED = re.compile(r"\]\((findings/[\w-]+\.txt)\)")
NOT_PROSE = (
    FENCE,
    re.compile(r"!\[[^]]*\]"),
    re.compile(r"`[^`]*`"),
    re.compile(r"\]\([^)]*\)"),
    re.compile(r"^\s*\d+\.\s", re.MULTILINE),
)


class Shown(NamedTuple):
    """A command, and what the page says that it prints."""

    command: str
    lines: tuple[str, ...]


def with_printed_lines(page: str, read: Callable[[str], str]) -> str:
    """Return the page with the files that it links as blocks, each after the line of its link."""

    def blocks(name: str) -> str:
        parts = [part.partition("\n") for part in re.split(r"^\$ ", read(name), flags=re.MULTILINE)[1:]]
        return "".join(f"\n```sh\n{command}\n```\n\n```text\n{lines.strip()}\n```\n" for command, _, lines in parts)

    return "\n".join(line + "".join(blocks(name) for name in LINKED.findall(line)) for line in page.split("\n"))


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


def sentences(prose: str) -> list[str]:
    """Return the sentences of a text without its headings and questions; a row of a table is a sentence."""
    lines = " ".join(
        f"; {line}; " if line.startswith("|") else line for line in prose.splitlines() if not line.startswith("#")
    )
    return [each for each in re.split(r"(?<=[.!?:;])\s+", lines) if each.strip() and not each.rstrip().endswith("?")]


def undecided(prose: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the sentences that decide what no row does; where a sentence names what a row is of, that row counts.

    Parameters
    ----------
    rows : cells of the rows that are shown beside it.
    """
    found = []
    for sentence in sentences(prose):
        named = [
            row for row in rows if re.search(rf"(?<![\w-]){re.escape(row[0].removesuffix(' †'))}(?![\w-])", sentence)
        ]
        cells = [cell for row in named or rows for cell in row]
        for words, decision in DECISIONS.items():
            word = re.search(rf"\b(?:{words})\b", sentence, re.IGNORECASE)
            if word and not OPEN.search(sentence) and not any(re.fullmatch(decision, cell) for cell in cells):
                found.append(f"{word[0]!r} is decided by no row there: {' '.join(sentence.split())}")
    return found


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
        rows = [line.strip("| ").split(" | ") for line in outputs.splitlines() if line.startswith("|")]
        found += [f"{title}: {sentence}" for sentence in undecided(prose, rows)] if rows else []
        found += [
            f"{title}: {number} is printed by no command there" for number in sorted(numbers(prose) - numbers(outputs))
        ]
    return found
