"""Characters that a terminal or a page would obey instead of showing them."""

from __future__ import annotations

import re

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
