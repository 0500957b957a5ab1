"""Copying mistakes that `suite audit` finds: `python -m studies.mutations [PAPER ...] [--changes 10] [--list]`.

Copies each paper's folder, changes one digit of one number, reads and audits the copy as `suite audit FOLDER` does, and
puts the number back. A change is found if the folder is refused, a verdict differs, or a number in words is doubted. As
many changes are drawn of every kind; a number that stands in one place, and that nothing follows from, cannot be found.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

from suite.errors import UsageError
from suite.papers.audit import audit
from suite.papers.folder import shipped_papers
from suite.papers.paper import read_paper
from suite.papers.sentences import counting
from suite.papers.wording import doubts
from suite.table import Table, as_markdown

KINDS = ("tables", "logs", "claims.yaml", "settings.yaml", "audit.yaml", "sentences")
SENTENCES = {"audit.yaml": ".claim", "claims.yaml": ".statement"}
"""Keys of what checks and claims say in words, by file."""
IN_WORDS = re.compile(r"(?<![\w.-])\d+(\.\d+)?(?![\w,]*\w)")
"""A number of a sentence: no part of a name."""
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Place:
    """A number of a file."""

    file: str
    name: str
    """Row and column, or keys."""
    start: int
    """Place of its text in the file."""
    text: str


def places(folder: Path, kind: str) -> list[Place]:
    """Return the numbers of a kind: cells; published numbers of claims; printed settings; all of an audit; in words."""
    if kind in ("tables", "logs"):
        return [place for path in sorted(folder.glob(f"{kind}/*.csv")) for place in _cells(folder, path)]
    if kind == "sentences":
        return [
            Place(file, keys, start + number.start(), number[0])
            for file, ending in SENTENCES.items()
            for keys, start, written in _scalars(folder / file)
            if keys.endswith(ending)
            for number in IN_WORDS.finditer(counting(written))
        ]
    wanted = {"claims.yaml": ".published", "settings.yaml": ".printed.", "audit.yaml": ""}[kind]
    return [
        Place(kind, keys, start + number.start(), number[0])
        for keys, start, written in _scalars(folder / kind)
        if wanted in keys and (keys.endswith(".published") or NUMBER.fullmatch(written.strip("\"'")))
        for number in NUMBER.finditer(written)
    ]


def _cells(folder: Path, path: Path) -> Iterator[Place]:
    heading: list[str] = []
    start = 0
    for line in path.read_text().splitlines(keepends=True):
        cells = next(csv.reader([line]))
        if heading and '"' not in line:
            at = start
            for column, cell in zip(heading, cells, strict=True):
                if column != heading[0] and NUMBER.fullmatch(cell):
                    yield Place(str(path.relative_to(folder)), f"{cells[0]}, {column}", at, cell)
                at += len(cell) + 1
        heading = heading or cells
        start += len(line)


def _scalars(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield the keys, the place and the text, quotes included, of every value of a YAML file, once; none if missing."""
    if not path.exists():
        return
    text = path.read_text()
    seen: set[int] = set()

    def walk(node: yaml.Node, keys: str) -> Iterator[tuple[str, int, str]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from walk(value, f"{keys}.{key.value}")
        elif isinstance(node, yaml.SequenceNode):
            for at, value in enumerate(node.value):
                yield from walk(value, f"{keys}.{at}")
        elif node.start_mark.index not in seen:
            seen.add(node.start_mark.index)
            yield keys, node.start_mark.index, text[node.start_mark.index : node.end_mark.index]

    root = yaml.compose(text, yaml.SafeLoader)
    yield from walk(root, "") if root else ()


def another(text: str, draw: np.random.Generator) -> str:
    """Return a number with another digit in one place; the first is never made 0."""
    digits = [at for at, character in enumerate(text) if character.isdigit()]
    at = int(draw.choice(digits))
    lowest = 1 if at == digits[0] and len(text.partition(".")[0].lstrip("-")) > 1 else 0
    digit = str(draw.choice([digit for digit in range(lowest, 10) if str(digit) != text[at]]))
    return text[:at] + digit + text[at + 1 :]


Rows = list[tuple[str, str]]
"""Verdict and recomputed text of every check; and every number in doubt, with no such text."""


def audited(folder: Path) -> Rows:
    """Return what a folder's audit says.

    Raises
    ------
    UsageError
        If the folder is refused.
    """
    paper = read_paper(str(folder))
    rows = [(row["verdict"], f"{row['recomputed']} {row['explanation']}") for row in audit(paper, paper.checks)]
    return rows + [(doubt, "") for doubt in doubts(paper, paper.checks, paper.claims)]


@dataclass(frozen=True)
class Change:
    """A number that was changed, and how that shows."""

    place: Place
    to: str
    shows: Literal["found", "told", ""]
    """Found; or only in what a check recomputes, under the same verdict; or nowhere."""


def change(folder: Path, place: Place, draw: np.random.Generator, expected: Rows) -> Change:
    """Change one number of a folder, audit it, and put the number back."""
    path = folder / place.file
    text = path.read_text()
    to = another(place.text, draw)
    path.write_text(text[: place.start] + to + text[place.start + len(place.text) :])
    shows: Literal["found", "told", ""] = "found"
    try:
        rows = audited(folder)
        if [verdict for verdict, _ in rows] == [verdict for verdict, _ in expected]:
            shows = "" if rows == expected else "told"
    except UsageError:
        pass
    finally:
        path.write_text(text)
    return Change(place, to, shows)


def changes(paper: str, folder: Path, count: int) -> dict[str, list[Change]]:
    """Make so many changes of every kind to a copy of a shipped paper; each number is changed once at most."""
    shutil.copytree(read_paper(paper).folder, folder)
    expected = audited(folder)
    made = {}
    for number, kind in enumerate(KINDS):
        draw = np.random.default_rng([number, count])
        there = places(folder, kind)
        drawn = draw.permutation(len(there))[:count]
        made[kind] = [change(folder, there[int(at)], draw, expected) for at in drawn]
    return made


def as_table(found: dict[str, dict[str, list[Change]]]) -> Table:
    """Return how many changes of each kind are found."""

    def told(made: list[Change]) -> str:
        found, more = (sum(each.shows == shows for each in made) for shows in ("found", "told"))
        return (f"{found} of {len(made)}" + f" (+{more})" * bool(more)) if made else "–"

    rows = [
        (paper, *(told(made[kind]) for kind in KINDS), told([each for kind in KINDS for each in made[kind]]))
        for paper, made in found.items()
    ]
    columns = {"paper": "paper"} | {kind: kind for kind in KINDS} | {"all": "all"}
    note = "In brackets: shown only in what a check recomputes, under the verdict that it had."
    return Table("mutations", "Changes of one digit that an audit finds", columns, tuple(rows), note)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", nargs="*", default=shipped_papers())
    parser.add_argument("--changes", type=int, default=10, help="of every kind of file")
    parser.add_argument("--list", action="store_true", help="also list what is not found")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for paper in arguments.papers:
            found[paper] = changes(paper, Path(scratch) / paper, arguments.changes)
    print(as_markdown(as_table(found)))
    if arguments.list:
        for paper, made in found.items():
            for each in (each for kind in KINDS for each in made[kind] if each.shows != "found"):
                print(f"{paper}: {each.place.file}: {each.place.name}: {each.place.text} -> {each.to} {each.shows}")


if __name__ == "__main__":
    main()
