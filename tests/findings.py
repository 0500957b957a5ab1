"""The rule of a page of findings: each number, and each decision, stands in what a command of its section prints.

Pages that sum findings up are under the rule of decisions alone (`unfounded`).

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
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?(?!\w)")
EQUIVALENT, BETTER, WORSE = r"(?!not ).*\bequivalent", r"better\b.*", r"worse\b.*"
TENDS = " tends to be higher"


class Decision(NamedTuple):
    """Words that decide something, and what a cell of a row that decides so says."""

    words: str
    cell: str
    denied: str
    """The same where the words are denied: that nothing was found does not decide it."""


DECISIONS = (
    Decision(
        r"better|higher|helps?|outperforms?|beats?|superior",
        rf"{BETTER}|adaptation helps",
        rf"{WORSE}|{EQUIVALENT}",
    ),
    Decision(r"worse|lower|hurts?|harms?|inferior", WORSE, rf"{BETTER}|{EQUIVALENT}"),
    Decision(r"improves?", rf"{BETTER}|reproduced", rf"{WORSE}|{EQUIVALENT}|not reproduced"),
    Decision(
        r"equivalent|equal|same(?= (?:scores?|returns?|gains?)\b)|alike|stands? for|match(?:es)?",
        EQUIVALENT,
        rf"not equivalent|(?!.*equivalent)(?:{BETTER}|{WORSE})",
    ),
    Decision(r"differs?|unequal|different", rf"{BETTER}|{WORSE}", EQUIVALENT),
    Decision(r"same direction", "same direction", "opposite direction"),
    Decision(r"opposite direction", "opposite direction", "same direction"),
    Decision(r"reproduced", "reproduced", "not reproduced"),
    Decision(r"compatible", "compatible", "not compatible"),
    Decision(r"inconclusive|undecided", r"inconclusive|not decided", rf"{BETTER}|{WORSE}|{EQUIVALENT}"),
)
OPEN = re.compile(
    r"\b(whether|no equivalence|no significant difference|would be called|wrong to say|had there been)\b",
    re.IGNORECASE,
)
"""The words before which a sentence may say that it leaves what follows undecided."""
DENIED = re.compile(r"\b(?:not|no|never|neither|nor|none|nothing|cannot|without)\b[^,;:()]*$", re.IGNORECASE)
"""The end of what stands before a word that is denied."""
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
        parts = commands(read(name))
        return "".join(f"\n```sh\n{command}\n```\n\n```text\n{lines.strip()}\n```\n" for command, lines in parts)

    return "\n".join(line + "".join(blocks(name) for name in LINKED.findall(line)) for line in page.split("\n"))


def commands(printed_lines: str) -> list[tuple[str, str]]:
    """Return the commands of a file of printed lines, each after a `$`, with the lines."""
    parts = [part.partition("\n") for part in re.split(r"^\$ ", printed_lines, flags=re.MULTILINE)[1:]]
    return [(command, lines) for command, _, lines in parts]


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


HEADS = ("environment", "claim", "entry")
"""The first cells of the heads of tables."""


class Row(NamedTuple):
    """A row of a table."""

    cells: tuple[str, ...]
    compared: tuple[str, ...] = ()
    """The two entries that its command compares, if it does."""
    against: str = ""
    """The entry that that of the row is compared with, in a table of pairs."""

    @property
    def place(self) -> str:
        """What the row is of."""
        return self.cells[0].removesuffix(" †")

    @property
    def entries(self) -> set[str]:
        """The entries that are compared, and what the first is for short."""
        return {*self.compared, *(re.split("[ -]", self.compared[0])[:1] if self.compared else ())}

    def has(self, name: str) -> bool:
        """Tell whether it is of what has this name."""
        return name in {self.place, self.against, *self.entries}

    def says(self, decision: str) -> bool:
        """Tell whether a cell says a decision."""
        return any(re.fullmatch(decision, cell) for cell in self.cells[1:])


def rows_of(command: str, lines: Sequence[str]) -> list[Row]:
    """Return the rows that a command is said to print."""
    words = shlex.split(command)
    compared = tuple(words[2:4]) if words[1:2] == ["compare"] else ()
    rows: list[Row] = []
    groups: set[int] = set()
    pairs = False
    for line in lines:
        if line.startswith("|"):
            cells = line.strip("| ").split(" | ")
            if cells[0] in HEADS:
                groups = {at for at, cell in enumerate(cells) if cell.startswith("group, ")}  # of means: decide nothing
                pairs = cells[1:2] == ["against"]
                continue
            kept = [cell for at, cell in enumerate(cells) if at not in groups]
            first = (*compared, *kept[1:], "")[0]
            against = kept[1].removesuffix(" †") if pairs else ""
            rows.append(Row(tuple(_direction(cell, first) for cell in kept), compared, against))
    return rows


def _direction(cell: str, first: str) -> str:
    """Return "better" or "worse" for a cell that says which entry tends to be higher: the first, or another."""
    name = cell.removesuffix(TENDS)
    return cell if name == cell else "better" if name == first else "worse"


def undecided(prose: str, rows: Sequence[Row]) -> list[str]:
    """Return the sentences that decide what no row does.

    Of the rows, those count that a sentence names, by what they are of and by the entries that are compared; each name
    needs a row that decides as the sentence does.
    """
    found = []
    claims = sorted({row.place for row in rows if " " in row.place}, key=len, reverse=True)
    for sentence in sentences(prose):
        places = {row.place for row in rows if has(sentence, row.place)}
        entries = {name for row in rows for name in row.entries if has(sentence, name)}
        paired = {name for row in rows if row.against for name in (row.place, row.against) if has(sentence, name)}
        first = min(paired, key=lambda name: _position(sentence, name), default="")
        counted = [
            row
            for row in rows
            if (not places or row.place in places)
            and (not entries or row.against or row.entries & entries)
            and (len(paired) < 2 or not row.against or (row.place == first and row.against in paired))
        ]
        said = sentence
        for claim in claims:  # its name says what is claimed, and nothing of what is decided
            said = re.sub(r"\s+".join(map(re.escape, claim.split())), "", said, flags=re.IGNORECASE)
        decisions = list(decided(said))
        faults_here = [
            f"{word!r} is decided by no row there"
            for word, cell in decisions
            if not any(row.says(cell) for row in counted)
        ]
        faults_here = faults_here or [
            f"{name!r} has no row that decides so"
            for name in sorted(places | entries | paired)
            if decisions and not any(row.says(cell) for row in counted if row.has(name) for _, cell in decisions)
        ]
        found += [f"{fault}: {' '.join(sentence.split())}" for fault in faults_here]
    return found


def unfounded(page: str, heading: str, printed_lines: Sequence[str]) -> list[str]:
    """Return the sentences of a page's section that decide what no printed line does.

    Parameters
    ----------
    heading : the section's, with its number signs.
    printed_lines : texts of files of printed lines.
    """
    (section,) = (each for each in sections(page) if each.startswith(f"{heading}\n"))
    shown_lines = [each for text in printed_lines for each in commands(text)]
    rows = [row for command, lines in shown_lines for row in rows_of(command, lines.split("\n"))]
    return undecided(_prose(section), rows)


def has(sentence: str, name: str) -> bool:
    """Tell whether a sentence has a name."""
    return _position(sentence, name) < len(sentence)


def _position(sentence: str, name: str) -> int:
    """Return where a sentence has a name, its end if nowhere."""
    found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", sentence, re.IGNORECASE)
    return found.start() if found else len(sentence)


def decided(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a sentence that decide something, and what a row has to say."""
    for decision in DECISIONS:
        for word in re.finditer(rf"\b(?:{decision.words})\b", sentence, re.IGNORECASE):
            before = sentence[: word.start()]
            if not OPEN.search(before):
                yield word[0], decision.denied if DENIED.search(before) else decision.cell


def _prose(section: str) -> str:
    """Return a section without its blocks, links' targets, code and the numbers of lists."""
    for pattern in NOT_PROSE:
        section = pattern.sub(" ", section)
    return section


def faults(page: str, printed: Callable[[str], str]) -> list[str]:
    """Say what on a page is not as its commands print it.

    Parameters
    ----------
    printed : runs a command and returns its standard output.
    """
    found = []
    for section in sections(page):
        outputs = ""
        rows: list[Row] = []
        for command, lines in shown(section):
            output = printed(command).splitlines()
            at = 0
            for line in lines:
                if line in output[at:]:
                    at += output[at:].index(line) + 1
                else:
                    found.append(f"{command}: does not print {line!r}, or not there")
            outputs += "\n".join(lines) + "\n"
            rows += rows_of(command, lines)
        prose = _prose(section)
        title = section.splitlines()[0]
        found += [f"{title}: {sentence}" for sentence in undecided(prose, rows)] if rows else []
        found += [
            f"{title}: {number} is printed by no command there" for number in sorted(numbers(prose) - numbers(outputs))
        ]
    return found
