"""Numbers of a sentence, in digits and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import prod

ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
WORDS = {word: value for value, word in enumerate(ONES)} | {word: 10 * ten for ten, word in enumerate(TENS, start=2)}
SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9}

_WORD = rf"\b(?<!-)(?:(?:{'|'.join(TENS)})[- ](?:{'|'.join(ONES[1:10])})|{'|'.join(WORDS)})\b"
_SCALE = rf"\b(?:{'|'.join(SCALES)})\b"
NUMBER = re.compile(
    r"(?:(?<![\w.,/^×-])(?P<digits>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![\w/^×-]|[.,]\d)"
    rf"|(?P<words>{_WORD})(?!-))(?P<scales>(?:\s+{_SCALE})*)",
    re.IGNORECASE,
)
TO = re.compile(r"\s*(?:to|–)\s*")

_LABEL = r"\(?[A-Z]?\.?\d+(?:\.\d+)*\)?"
_LABELS = rf"{_LABEL}(?:(?:,\s+and|,|\s+and|\s+to|\s*&|\s*–)\s*{_LABEL})*"
_KINDS = "table|figure|section|algorithm|equation|theorem|lemma|listing|page|line|chapter"
_LEFT_OUT = [
    re.compile(rf"\b(?:(?:{_KINDS})s|appendices|figs\.?|eqs\.?|pp\.)\s+{_LABELS}|§+\s*{_LABELS}", re.IGNORECASE),
    re.compile(rf"\b(?:{_KINDS}|appendix|fig\.?|eq\.?|sec\.?)\s+{_LABEL}", re.IGNORECASE),
    re.compile(r"(?:\b(?:in|of|since)\s+|\(|al\.,?\s+)(?:19|20)\d\d\b(?![,.]?\d|\s+[a-z-]+s\b)"),
    re.compile(rf"(?:[\w,.]+\s+)?{_SCALE}(?:\s+and)?\s+{_WORD}", re.IGNORECASE),
]
"""Places in a paper, which count nothing; years; and `two hundred and fifty`, which is not read."""
_HYPHEN = re.compile(r"(?<![\w.-])(\d+)-(?=\d+(?![\w-]))")
"""That of `20-100`."""


@dataclass(frozen=True)
class Number:
    """A number of a text."""

    value: str
    """Its digits, without commas and closing zeros."""
    before: str
    after: str
    """What precedes it and what follows."""
    low: str = ""
    """The 20, of the 100 of `20 to 100`."""


def counting(sentence: str) -> str:
    """Return a sentence, as long as it was, in which numbers that count nothing are crossed out."""
    for pattern in _LEFT_OUT:
        sentence = pattern.sub(lambda found: "_" * len(found[0]), sentence)
    return sentence


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text, in their order."""
    text = _HYPHEN.sub(r"\1–", text)
    found = list(NUMBER.finditer(text))
    values = [_value(each) for each in found]
    joined = [bool(TO.fullmatch(text, one.end(), other.start())) for one, other in pairwise(found)]
    lows = ["", *(value if to else "" for value, to in zip(values, joined, strict=False))]
    return [
        Number(value, text[: each.start()], text[each.end() :], low)
        for value, each, low in zip(values, found, lows, strict=False)
    ]


def numbers_before(sentence: str, unit: str) -> list[str]:
    """Return the numbers directly before a unit, a regular expression; of `20 to 100 times` the 20."""
    pattern = re.compile(rf"\s*{unit}")
    return [number.low or number.value for number in numbers(counting(sentence)) if pattern.match(number.after)]


def copied(one: str, other: str) -> bool:
    """Tell whether two numbers differ in one digit, or in the order of two neighbours."""
    if len(one) != len(other) or one.find(".") != other.find("."):
        return False
    apart = [at for at, (x, y) in enumerate(zip(one, other, strict=True)) if x != y]
    exchanged = len(apart) == 2 and apart[1] - apart[0] == 1 and sorted(one) == sorted(other)
    return len(apart) == 1 or exchanged


def plain(number: str) -> str:
    """Write a number in digits without commas, closing zeros and an exponent."""
    return f"{Decimal(number.replace(',', '')).normalize():f}"


def _value(found: re.Match[str]) -> str:
    words = re.split(r"[- ]", (found["words"] or "").lower())
    number = Decimal(found["digits"].replace(",", "")) if found["digits"] else sum(WORDS[word] for word in words)
    return plain(str(number * prod(SCALES[scale] for scale in found["scales"].lower().split())))
