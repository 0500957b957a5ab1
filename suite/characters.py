"""Characters that a terminal or a page would obey instead of showing them, and letters that look like others."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""C0 but for tabs and line feeds, DEL and C1; separators of lines; what turns the direction of writing."""


def visible(text: str) -> str:
    r"""Return a text with its control characters written out: whoever reads a log is not written to by the run.

    Examples
    --------
    >>> visible("\x1b]52;c;eA==\x07 a\tb\x00\x9b")
    '\\x1b]52;c;eA==\\x07 a\tb\\x00\\x9b'
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}
"""Scripts written together, and with Latin, in one word (Unicode Technical Standard 39: highly restrictive)."""

_LIKE_LATIN = frozenset(
    "АВЕЅІЈКМНОРСТУХѴԌԚԜӀҮаеѕіјорсухѵԁԛԝһӏүԍ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧͿορνικυϲϳ"  # Greek
    "ՍՏՕՒաոսցհօզյ"  # Armenian
    "ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃᏭᎩᏎᏋᏂᏳ"  # Cherokee
)
"""Letters of other scripts that look like Latin ones (Unicode's confusables.txt)."""


def lookalike(text: str) -> str | None:
    """Return a word of a text that could be taken for another: of two scripts, or of letters that all look Latin.

    Greek letters are symbols too: a small one may stand by itself, unless it is an omicron, and one that looks like no
    Latin letter may begin a word of these.
    """
    for is_word, letters in groupby(text, lambda each: unicodedata.category(each)[0] in "LM"):
        word = "".join(letters)
        if is_word and (_is_mixed(word) or _looks_latin(word)):
            return word
    return None


def _is_mixed(word: str) -> bool:
    scripts = [unicodedata.name(each, "").split(" ")[0] for each in word if unicodedata.category(each)[0] == "L"]
    if scripts[:1] == ["GREEK"] and word[0] not in _LIKE_LATIN | {"α"}:
        scripts = scripts[1:]
    found = set(scripts)
    return len(found) > 1 and not (found & _EAST_ASIAN and found <= _EAST_ASIAN | {"LATIN"})


def _looks_latin(word: str) -> bool:
    is_symbol = len(word) == 1 and "α" <= word <= "ω" and word != "ο"
    return _LIKE_LATIN.issuperset(word) and not is_symbol
