"""Characters that a terminal or a page would obey instead of showing them, and letters that look like others."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""C0 but for tabs and line feeds, DEL and C1; separators of lines; what turns the direction of writing; halves of
surrogate pairs, which no file takes; and text that is not shown: annotations and tags."""


def visible(text: str) -> str:
    r"""Return a text with its control characters written out: whoever reads a log is not written to by the run.

    Examples
    --------
    >>> visible("\x1b]52;c;eA==\x07 a\tb\x00\x9b")
    '\\x1b]52;c;eA==\\x07 a\tb\\x00\\x9b'
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_EAST_ASIAN = {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"}
"""Scripts written together, and with Latin, in one word (Unicode Technical Standard 39: highly restrictive)."""

_SCRIPTS = _EAST_ASIAN | {
    *("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "THAANA", "GEORGIAN", "ETHIOPIC"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM"),
    *("SINHALA", "THAI", "LAO", "TIBETAN", "MYANMAR", "KHMER"),
}
"""Scripts in wide use, as Unicode Standard Annex 31 recommends them. Others have letters that look like Latin ones."""

_LIKE_LATIN = frozenset(
    "АВЕЅІЈКМНОРСТУХѴԌԚԜӀҮаеѕіјорсухѵԁԛԝһӏүԍ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧͿορνικυϲϳ"  # Greek
    "ՍՏՕՒաոսցհօզյ"  # Armenian
)
"""Letters of other scripts that look like Latin ones (Unicode's confusables.txt)."""

_PHONETIC = re.compile(
    "[\u01c0-\u01c3\u0237\u0250-\u0258\u025a-\u02ff\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]"
)
"""Letters of phonetics, and modifiers: many look like other letters or like punctuation."""

_LIKE_ASCII = frozenset("‐‑‒–—−⁃➖۔־⁄∕╱⟋⧸∶։׃⁚ː٬‚٫‘’‛′‵´՚׳“”‟″‶״∣│┃⏐∗⁎٭✱∼⁓‹›❨❩❲❳᜵᛫‧∙⋅•―─━￼�")
"""Punctuation that looks like what a keyboard has (confusables.txt), and what stands for something not shown."""


def lookalike(text: str) -> str | None:
    """Return a part of a text that could be taken for another.

    That is a word of two scripts, of letters that all look Latin, of a script in little use, or of phonetic letters;
    and a sign that looks like another one. Greek letters are symbols too: a small one may stand by itself, unless it is
    an omicron, and one that looks like no Latin letter may begin a word of these.
    """
    if found := next((each for each in text if each in _LIKE_ASCII or _PHONETIC.match(each)), None):
        return found
    for is_word, letters in groupby(text, lambda each: unicodedata.category(each)[0] in "LM"):
        word = "".join(letters)
        if is_word and (_is_mixed(word) or _looks_latin(word)):
            return word
    return None


def _is_mixed(word: str) -> bool:
    scripts = [unicodedata.name(each, "").split(" ")[0] for each in word if unicodedata.category(each)[0] == "L"]
    if not _SCRIPTS.issuperset(scripts):
        return True
    if scripts[:1] == ["GREEK"] and word[0] not in _LIKE_LATIN | {"α"}:
        scripts = scripts[1:]
    found = set(scripts)
    return len(found) > 1 and not (found & _EAST_ASIAN and found <= _EAST_ASIAN | {"LATIN"})


def _looks_latin(word: str) -> bool:
    is_symbol = len(word) == 1 and "α" <= word <= "ω" and word != "ο"
    return _LIKE_LATIN.issuperset(word) and not is_symbol
