"""Numbers in a folder's sentences that look like copying errors of those in the data beside them.

Sentences may name numbers that no data have, so no folder is refused for them. A rule doubts a number only if a number
that the sentence should have is missing, and one other digit, or two exchanged neighbours, make it that number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from suite.papers.audit import FILE as AUDIT
from suite.papers.checks.check import Check
from suite.papers.claims import Claim
from suite.papers.folder import AFTER, CLAIMS, Folder, PrintedTable
from suite.papers.sentences import NUMBER, Number, copied, counting, numbers, plain

VAGUE = re.compile(
    r"\b(?:over|above|about|around|almost|nearly|roughly|approximately|some|under|below|(?:more|less|fewer) than|"
    r"(?:at )?(?:least|most)|up to|within)\s*$",
    re.IGNORECASE,
)
UNIT = re.compile(r"\s*(%|(?!(?:and|or|but|of|in|on|for|to|at|by|with|while|than|is|are|as|out|_+)\b)[^\W\d][\w-]*)")
OF = re.compile(NUMBER.pattern + r"\s+(?:out\s+)?of\s+(?:the\s+|its\s+|all\s+)?$", re.IGNORECASE)
SUMMARY = re.compile(r"\b(?:average|mean|median|total|sum|all|overall)\b", re.IGNORECASE)
ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7"}
STEPS = r"\s+(?:gradient|inner|adaptation)\s+(?:steps?|updates?)\b"
PROSE = {"claim", "rule", "recomputed", "explanation", "source", "needs"}
"""Keys of a check that hold sentences."""


def doubts(paper: Folder, checks: Mapping[str, Check], claims: Sequence[Claim]) -> list[str]:
    """Return one line for each doubtful number."""
    found = []
    for key, check in checks.items():
        found += [f"{AUDIT}: {key}: claim: {doubt}" for doubt in _of_check(paper, key, check, claims)]
    for claim in claims:
        found += [f"{CLAIMS}: {claim.key}: statement: {doubt}" for doubt in _of_claim(paper, claim)]
    return found


def _of_check(paper: Folder, key: str, check: Check, claims: Sequence[Claim]) -> Iterator[str]:
    own = list(_strings(check.model_dump(mode="json", exclude=PROSE)))
    tables = [paper.tables[name] for name in own if name in paper.tables]
    known = _values([*own, *(text for table in tables for text in _texts(table))])
    counts = {"environments": {len(claim.environments) for claim in claims if (claim.about.audited or [""])[0] == key}}
    for table in tables:
        if not any(SUMMARY.search(row) for row in table.rows):
            counts.setdefault(f"{table.about.rows}s", set()).add(len(table.rows))
    stepwise = [name for table in tables if table.about.adaptations for name in table.cells if name in own]
    yield from doubtful_published(check.claim, check.published, known)
    yield from doubtful_total(check.claim, counts)
    yield from doubtful_steps(check.claim, {step for name in stepwise if (step := name.rpartition(" ")[2]).isdigit()})


def _of_claim(paper: Folder, claim: Claim) -> Iterator[str]:
    about = claim.about
    table = _texts(paper.table(about.table)) if about.table else []
    known = _values([*_strings(about.model_dump(mode="json", exclude={"statement"})), *table])
    known |= {plain(f"{number:.9f}") for number in (*about.tested, len(claim.entries), len(claim.environments))}
    yield from doubtful_published(about.statement, {"": about.published}, known)
    yield from doubtful_total(about.statement, {"environments": {len(claim.environments)}})
    yield from doubtful_steps(about.statement, {entry.partition(AFTER)[2] for entry in claim.entries} - {""})


def doubtful_published(sentence: str, published: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Doubt a number that no data have, where exactly one published number is missing from the sentence.

    Both have two digits before closing zeros, at least. The number stands close behind the published number's name, or
    before its unit, or is long; no word such as *about* precedes it, and no other unit follows.
    """
    said = numbers(counting(sentence))
    names: dict[str, set[str]] = {}
    for name, text in published.items():
        for number in numbers(text):
            names.setdefault(number.value, set()).update(name.lower().split()[:1], _unit(number.after))
    missing = names.keys() - {number.value for number in said}
    for number in said if len(missing) == 1 else ():
        precise = min(map(_digits, (number.value, *missing))) > 1 and not VAGUE.search(number.before)
        if precise and number.value not in known and _named(number, names[min(missing)]):
            yield from _doubt(number.value, missing)


def _named(number: Number, names: Collection[str]) -> bool:
    """Tell whether the words around a number name it, or none does and it is too long to be like another by chance."""
    if unit := _unit(number.after):
        return unit <= {*names}
    near = {*number.before.lower().split()[-3:]} & {*names}
    return bool(near) or _digits(number.value) >= (3 if "." in number.value else 4)


def doubtful_total(sentence: str, counts: Mapping[str, Collection[int]]) -> Iterator[str]:
    """Doubt the N of `X of N environments` where it is not their count, and no word restricts them.

    Parameters
    ----------
    counts : what is counted, in the plural -> how many there are, or may be.
    """
    for number in numbers(counting(sentence)):
        for noun, allowed in counts.items():
            named = re.match(rf"\s+{re.escape(noun)}\s*(?:$|[.;)])", number.after)
            if named and OF.search(number.before) and number.value not in map(str, allowed):
                yield from _doubt(number.value, {str(count) for count in allowed if count > 1})


def doubtful_steps(sentence: str, steps: Collection[str]) -> Iterator[str]:
    """Doubt numbers of gradient steps of which no entry takes any."""
    said = [ORDINALS[word.lower()] for word in re.findall(rf"\b({'|'.join(ORDINALS)}){STEPS}", sentence, re.IGNORECASE)]
    for number in numbers(counting(sentence)):
        if re.match(STEPS, number.after):
            said += [number.value, *filter(None, [number.low])]
    for value in said if not {*said} & {*steps} else ():
        yield from _doubt(value, steps)


def _doubt(value: str, data: Iterable[str]) -> Iterator[str]:
    """Name the numbers of the data that a number may be a wrong copy of."""
    if found := sorted((other for other in data if copied(value, other)), key=float):
        yield f"says {value}; the data beside it have {' or '.join(found)}: a copying error?"


def _digits(number: str) -> int:
    """Return how many digits a number has between its opening and closing zeros."""
    return len(number.replace(".", "").strip("-0"))


def _unit(after: str) -> set[str]:
    """Return the word behind a number, if it may be a unit."""
    return {found[1].lower()} if (found := UNIT.match(after)) else set()


def _texts(table: PrintedTable) -> list[str]:
    """Return what a table prints."""
    return [*table.rows, *table.cells, *chain.from_iterable(table.cells.values())]


def _values(names: Iterable[str]) -> set[str]:
    """Return the numbers in names."""
    return {number.value for number in numbers("; ".join(names).replace("_", " "))}


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts and numbers of a plain value, the keys of mappings included."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None:
        yield str(value)
