"""The statistic of docs/adding-a-statistic.md, added step by step as the page says, until a claim names it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from suite.versions import ROOT
from tests.suite.checkouts import checkout, python

PAGE = ROOT / "docs" / "adding-a-statistic.md"

ASKED = """
from pydantic import TypeAdapter
from suite.papers.claims import AnyStatement
import numpy as np
claim = {"statistic": "better everywhere", "statement": "s", "where": "w", "published": "p",
         "entries": ["a", "b"], "environments": ["e"], "side": "above"}
found = TypeAdapter(AnyStatement).validate_python(claim)
samples = [[np.array([2.0, 2.25, 2.5])] * 6, [np.array([1.0, 1.25, 1.5])] * 6]
print(type(found).__name__, found.value(samples), found.find(samples).estimate, found.find(samples).direction)
"""


def test_the_page_on_adding_one_is_true_as_written(tmp_path: Path) -> None:
    home = checkout(tmp_path / "checkout")
    page = PAGE.read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    function, _ = re.findall(r"^def .*?(?=^\S)", program, re.DOTALL | re.MULTILINE)
    written, imported, line = re.findall(r"^   ```text\n(.*?)^   ```$", page, re.DOTALL | re.MULTILINE)
    hypotheses, statements = home / "suite" / "analysis" / "hypotheses.py", home / "suite" / "papers" / "statements"
    hypotheses.write_text(hypotheses.read_text() + "\n\n" + function)
    (statements / "everywhere.py").write_text(textwrap.dedent(written))
    front = statements / "__init__.py"
    before, last, after = front.read_text().partition("    | ShareReaching")
    union = before + textwrap.indent(textwrap.dedent(line), "    ") + last + after
    front.write_text(union.replace("\n\n__all__", "\n" + textwrap.dedent(imported) + "\n\n__all__"))
    done = python(home, ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "BetterEverywhere (1.0, '') 1.0 1\n"
