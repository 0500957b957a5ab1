from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

import suite.report
from suite.characters import visible
from suite.table import DAGGER_NOTE, FORMULA, Estimate, Interval, Table, as_csv, as_latex, as_markdown, harmless, number

TABLE = Table("t", "A & B", {"name": "name_1", "value": "value"}, (("<b>|x", 0.5), ("50 % \\", None)), "a note")


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


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\t=1", "\n=1", "\ta", "  =1", "\u3000+1", "＝1+1", " ＋1", "－1", "＠sum"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula_of_a_spreadsheet(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"


def test_control_characters_are_written_out_in_every_format() -> None:
    text = "\r=1 \x1b]52;c;eA==\x07 \x9b \u202e \u061c \ud800 \U000e0041"
    table = Table(text, text, {"key": text}, ((text,),), text)
    csv, markdown, latex = as_csv(table), as_markdown(table), as_latex(table)
    assert csv.splitlines() == [r"'\r=1 \x1b]52;c;eA==\x07 \x9b \u202e \u061c \ud800 \U000e0041"] * 2
    assert markdown.count(r"\\r=1 \\x1b\]52;c;eA==\\x07 \\x9b \\u202e \\u061c \\ud800 \\U000e0041") == 4
    assert latex.count(r"\textbackslash{}x9b \textbackslash{}u202e \textbackslash{}u061c \textbackslash{}ud800") == 4
    assert all(visible(written) == written for written in (csv, markdown, latex))


def test_the_page_guards_spreadsheets_by_the_same_rule() -> None:
    script = (Path(suite.report.__file__).parent / "page.js").read_text()
    assert f"formula = /{FORMULA.pattern}/;" in script


def test_plain_tables_name_columns_by_key_and_seeds_that_were_added_by_a_field() -> None:
    table = Table(
        "t", "T", {"entry": "the entry", "score_ci": "95 % CI"}, (("a", Interval(1.0, math.inf)), ("b", None))
    )
    assert table.plain()["columns"] == [
        {"key": "entry", "header": "the entry"},
        {"key": "score_ci", "header": "95 % CI"},
    ]
    assert table.plain()["rows"] == [{"entry": "a", "score_ci": [1.0, "inf"]}, {"entry": "b", "score_ci": None}]
    marked = replace(table, adaptive=(frozenset({"entry"}), frozenset()))
    assert [(row["entry"], row["adaptive"]) for row in marked.plain()["rows"]] == [("a", True), ("b", False)]
    assert "†" not in json.dumps(marked.plain(), ensure_ascii=False)
    assert "| a † | \\[1, ∞\\] |" in as_markdown(marked)
    assert DAGGER_NOTE[:20] in as_markdown(marked)
    assert r"a $\dagger$ & [1, $\infty$]" in as_latex(marked)


def test_latex_is_escaped_and_aligned() -> None:
    latex = as_latex(TABLE)
    assert r"\caption{A \& B. a note}" in latex
    assert r"\begin{tabular}{lr}" in latex
    assert r"  \textless{}b\textgreater{}|x & 0.500 \\" in latex
    assert r"  50 \% \textbackslash{} & -- \\" in latex


MARKED = Table(
    "m",
    "M",
    {"entry": "entry", "=a": "=a", "b_1": "b_1"},
    (
        ("@x", Estimate(-1234.5, -1300.25, -1168.75), Estimate(2.0, math.nan, math.nan)),
        ("y, z", None, Estimate(0.5, 0.25, 0.75)),
    ),
    adaptive=(frozenset({"b_1"}), frozenset()),
    bold=(frozenset({"=a"}), frozenset({"b_1"})),
    starred=(frozenset({"b_1"}), frozenset()),
)


def test_estimates_are_numbers_with_intervals_and_may_be_bold_or_starred() -> None:
    assert MARKED.numeric == (False, True, True)
    assert as_markdown(MARKED).splitlines()[4:] == [
        "| entry | =a | b\\_1 |",
        "| --- | ---: | ---: |",
        r"| @x | **-1,234 \[-1,300, -1,169\]** | 2 \* † |",
        r"| y, z | – | **0.500 \[0.250, 0.750\]** |",
    ]
    latex = as_latex(MARKED)
    assert r"  @x & \textbf{-1,234 [-1,300, -1,169]} & 2 * $\dagger$ \\" in latex
    assert r"  y, z & -- & \textbf{0.500 [0.250, 0.750]} \\" in latex


def test_csv_has_estimates_in_full_and_no_formula() -> None:
    assert as_csv(MARKED).split("\n") == [
        "entry,'=a,'=a low,'=a high,b_1,b_1 low,b_1 high",
        "'@x,-1234.5,-1300.25,-1168.75,2.0,,",
        '"y, z",,,,0.5,0.25,0.75',
        "",
    ]
