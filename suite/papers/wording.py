"""Numbers in a folder's sentences beside those of its data: where they differ as a copying error would, that is told.

Sentences are free, and may name numbers that no data have. So nothing is refused here: a number is named if it is one
digit, or two exchanged digits, from one that the data have and the sentence lacks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any

from suite.papers.audit import FILE as AUDIT
from suite.papers.checks.check import Check
from suite.papers.claims import Claim
from suite.papers.folder import AFTER, CLAIMS, Folder, PrintedTable

COUNTS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
WORDS = (
    {word: value for value, word in enumerate(COUNTS)}
    | {word: 10 * value for value, word in enumerate(TENS, start=2)}
    | {word: value for value, word in enumerate(ORDINALS, start=1)}
)
SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9}
MANY, FEW = {"all", "every", "most", "many"}, {"few", "some", "none"}
MOST_SUMMED = 6
"""Published numbers that are added up: of 35 better and 9 comparable, a sentence says 44."""

NUMBER = re.compile(
    r"(?<![\w.,/-])(?P<digits>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![\w/-]|[.,]\d)"
    rf"|\b(?P<word>{'|'.join(WORDS)})\b(?!-)",
    re.IGNORECASE,
)
SCALE = re.compile(rf"\s+({'|'.join(SCALES)})\b", re.IGNORECASE)
PLACE = re.compile(
    r"\b(?:tables?|fig(?:ure)?s?\.?|sections?|appendi(?:x|ces)|algorithms?|equations?|pages?|lines?|chapters?)\s+"
    r"[A-Z]?\.?\d+(?:\.\d+)*(?:(?:, and |, | and | to )[A-Z]?\.?\d+(?:\.\d+)*)*",
    re.IGNORECASE,
)
"""Numbers of tables, figures and the like, which count nothing."""
YEAR = re.compile(r"(?:19|20)\d\d")
OF = re.compile(r"\s+(?:out\s+)?of\s+(?:the\s+|its\s+|all\s+)?")
"""Between the two numbers of `4 of 6`."""
TO = re.compile(r"\s*(?:to|–)\s*")
STEP = re.compile(r"\s+(?:to\s+\w+\s+)?(?:[\w-]+\s+)?(?:steps?|updates?|adaptations?)\b")
NEAR = r"(?:[\w-]+\s+){0,2}"
ENVIRONMENTS = NEAR + "(?:environments|domains)"
ENTRIES = NEAR + "(?:algorithms|methods|entries|agents)"

OWN_WORDS = {"check", "claim", "where", "published", "recomputed", "rule", "explanation", "source", "needs"}
"""Keys of a check that hold words, and the published numbers, which are treated apart."""


@dataclass(frozen=True)
class Said:
    """A number of a sentence."""

    value: str
    """Its digits, without commas and closing zeros."""
    rest: str
    """What follows in the sentence."""
    ordinal: bool
    whole: str = ""
    """The 6 of `4 of 6`, of its 4."""
    part: str = ""
    """The 4, of its 6."""
    ends: Collection[str] = ()
    """The other end of `20 to 100`."""


@dataclass(frozen=True)
class Data:
    """The numbers that a sentence may speak of."""

    published: Sequence[str]
    named: Counter[str] = field(default_factory=Counter)
    """Those in names of what it speaks of, and how often one of these has each: twice 10 in `10 pulls of 10 arms`."""
    others: Collection[str] = ()
    """Numbers that it may name beside these."""
    steps: Collection[str] = ()
    """Numbers of gradient steps, where entries are named by them."""
    totals: Mapping[str, Collection[str]] = field(default_factory=dict)
    """What is counted, as a regular expression of words behind its number -> the numbers that there are."""


def doubts(paper: Folder, checks: Mapping[str, Check], claims: Sequence[Claim]) -> list[str]:
    """Return in a line each what sentences say otherwise than the data beside them, by what a copying error changes."""
    found = []
    for key, check in checks.items():
        data = _of_check(paper, key, check, claims)
        found += [f"{AUDIT}: {key}: claim: {doubt}" for doubt in _compared(check.claim, data)]
    for claim in claims:
        words = claim.about.statement
        more = [*_compared(words, _of_claim(claim)), *_quantifiers(words, claim.about.published)]
        found += [f"{CLAIMS}: {claim.key}: statement: {doubt}" for doubt in more]
    return found


def _of_check(paper: Folder, key: str, check: Check, claims: Sequence[Claim]) -> Data:
    """Return the numbers of a check: those published, its names, and how many rows and environments it speaks of."""
    own = [*_strings(check.model_dump(mode="json", exclude=OWN_WORDS)), *check.published]
    tables = [paper.tables[name] for name in own if name in paper.tables]
    linked = {str(len(claim.environments)) for claim in claims if claim.about.audited and claim.about.audited[0] == key}
    counted: defaultdict[str, set[str]] = defaultdict(set, {ENVIRONMENTS: linked})
    for table in tables:
        counted[f"{NEAR}{re.escape(table.about.rows)}s"].add(str(len(table.rows)))
    for name, text in check.published.items():
        counted[re.escape(name)] |= {number.value for number in said(text)}
    for number in (number for name in own for number in said(name)):
        if word := re.match(r"\s+([a-z]+)", number.rest):  # 10 pulls
            counted[word[1]].add(number.value)
    return Data(
        [number.value for text in check.published.values() for number in said(text)],
        _numbers(own),
        _numbers(name for table in tables for name in (*table.rows, *table.cells)),
        {name.rpartition(" ")[2] for table in tables for name in _steps(table) if name in own},
        counted,
    )


def _of_claim(claim: Claim) -> Data:
    """Return the numbers of a claim: the published ones, those of its test, its entries and its environments."""
    about = claim.about
    numbers = [value for value in about.model_dump().values() if type(value) in (int, float)]
    tested = {_plain(str(value)) for number in numbers for value in (number, round(100 * number, 9))}
    entries = {str(len(claim.entries)), str(len(claim.entries) - 1)}
    steps = {entry.partition(AFTER)[2] for entry in claim.entries} - {""}
    totals = {ENVIRONMENTS: {str(len(claim.environments))}, ENTRIES: entries}
    return Data([number.value for number in said(about.published)], Counter(), tested | entries, steps, totals)


def _steps(table: PrintedTable) -> set[str]:
    """Return the columns that are one after another of an entry's gradient steps: from `maml 0` and `maml 1` on."""
    entries = [name.removesuffix(" 0") for name in table.cells if name.endswith(" 0")]
    return {
        name for entry in entries if f"{entry} 1" in table.cells for name in table.cells if name.startswith(f"{entry} ")
    }


def _numbers(names: Iterable[str]) -> Counter[str]:
    """Return the numbers in some names, and how often one of them has each."""
    found: Counter[str] = Counter()
    for name in names:
        found |= Counter(number.value for number in said(name.replace("_", " ")))
    return found


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts and numbers of a plain value, the keys of mappings included."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None:
        yield str(value)


def _compared(words: str, data: Data) -> Iterator[str]:
    """Say which numbers of a sentence differ from its data as a copying error would."""
    numbers = said(words)
    values = Counter(number.value for number in numbers)
    totals = set().union(*data.totals.values())
    printed = {*data.published, *data.named}
    parts = printed | _sums(data.published)
    for number in numbers:
        known = (parts if number.whole else printed | totals) | {*data.others, "0", "1"}
        counts_steps = STEP.match(number.rest) or (number.ordinal and number.value != "1")
        if data.steps and counts_steps:
            if number.value not in {*data.steps, *data.published}:
                yield f"says {number.value}, and its data {' or '.join(sorted(data.steps))}"
        elif number.value in known:
            for other in data.published:  # of several that are the same, one that is not
                if data.published.count(number.value) > 1 and other not in values and _copied(number.value, other):
                    yield f"says {number.value}, and {other} is published"
        else:
            near = {other for other in printed if _telling(number.value, other) or printed.intersection(number.ends)}
            near |= parts if number.whole in totals else set()
            near |= totals if number.part in parts else set()
            for noun, counted in data.totals.items():
                near |= set(counted) if re.match(rf"\s+{noun}\b", number.rest) else set()
            unsaid = {other for other in near if values[other] < max(1, data.named[other])}
            if near := {other for other in unsaid if _copied(number.value, other)}:
                yield f"says {number.value}, and its data {' or '.join(sorted(near))}"


def _quantifiers(words: str, published: str) -> Iterator[str]:
    """Say whether most is published and few is said, or the other way."""
    sides = [[side & set(re.findall(r"[a-z]+", text.lower())) for side in (MANY, FEW)] for text in (words, published)]
    (many, few), (printed_many, printed_few) = sides
    if (printed_many and few and not many) or (printed_few and many and not few):
        yield f"says {' and '.join(sorted(many | few))}, and {published!r} is published"


def said(text: str) -> list[Said]:
    """Return the numbers of a sentence, in digits or in words; those of tables, figures and years left out."""
    text = PLACE.sub(lambda place: " " * len(place[0]), text)
    places = []
    for match in NUMBER.finditer(text):
        digits, word, end = match["digits"], (match["word"] or "").lower(), match.end()
        if digits and YEAR.fullmatch(digits):
            continue
        value = Decimal(digits.replace(",", "")) if digits else Decimal(WORDS[word])
        if scale := SCALE.match(text, end):
            value, end = value * SCALES[scale[1].lower()], scale.end()
        places.append((_plain(str(value)), match.start(), end, word in ORDINALS))
    found = [Said(value, text[end:], ordinal) for value, _, end, ordinal in places]
    for at, (one, other) in enumerate(pairwise(places)):
        between, low, high = text[one[2] : other[1]], one[0], other[0]
        if OF.fullmatch(between):
            found[at], found[at + 1] = replace(found[at], whole=high), replace(found[at + 1], part=low)
        elif TO.fullmatch(between):
            found[at], found[at + 1] = replace(found[at], ends=[high]), replace(found[at + 1], ends=[low])
    return found


def _plain(number: str) -> str:
    """Write a number without closing zeros and without an exponent."""
    return f"{Decimal(number).normalize():f}"


def _sums(numbers: Sequence[str]) -> set[str]:
    """Return what some of a few counts add up to."""
    counts = [int(number) for number in numbers if number.isdigit()][:MOST_SUMMED]
    return {str(sum(some)) for size in range(2, len(counts) + 1) for some in combinations(counts, size)}


def _telling(one: str, other: str) -> bool:
    """Tell whether nothing else need speak for two numbers being one: round numbers are often a digit apart."""
    return "." in one or max(len(number.strip("-0")) for number in (one, other)) > 1


def _copied(one: str, other: str) -> bool:
    """Tell whether two numbers differ in a digit, or in the order of two neighbours."""
    if len(one) != len(other) or one.find(".") != other.find("."):
        return False
    apart = [at for at, (x, y) in enumerate(zip(one, other, strict=True)) if x != y]
    if len(apart) == 2:
        first, second = apart
        return second - first == 1 and (one[first], one[second]) == (other[second], other[first])
    return len(apart) == 1
