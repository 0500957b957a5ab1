from __future__ import annotations

import pytest

from suite.table import Table, as_latex, as_markdown, number

TABLE = Table("t", "A & B", ("name_1", "value"), (("<b>|x", 0.5), ("50 % \\", None)), "a note")


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567.0, "1,234,567"), (0.04567, "0.0457"), (12.0, "12"), (-93.456, "-93.5"), (0.0, "0"), (float("nan"), "–")],
)
def test_numbers_have_three_digits(value: float, written: str) -> None:
    assert number(value) == written


def test_markdown_is_escaped_and_aligned() -> None:
    lines = as_markdown(TABLE).splitlines()
    assert lines[0] == "### A &amp; B"
    assert lines[4:] == ["| name\\_1 | value |", "| --- | ---: |", "| &lt;b&gt;\\|x | 0.500 |", "| 50 % \\\\ | – |"]


def test_latex_is_escaped_and_aligned() -> None:
    latex = as_latex(TABLE)
    assert r"\caption{A \& B. a note}" in latex
    assert r"\begin{tabular}{lr}" in latex
    assert r"  \textless{}b\textgreater{}|x & 0.500 \\" in latex
    assert r"  50 \% \textbackslash{} & -- \\" in latex
