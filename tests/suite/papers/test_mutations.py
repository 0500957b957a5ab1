"""One number of a paper is changed at a time: the audit notices whatever no longer adds up, and nothing else.

What no longer adds up is computed anew here, from the tables, without the audit's own code.
"""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import pytest
import yaml

from suite.errors import UsageError
from suite.papers.audit import Audit, audit_row, read_checks
from suite.papers.checks.check import Check
from suite.papers.folder import Folder, PrintedTable, read_folder, shipped_papers
from suite.papers.paper import Paper, read_paper
from tests.suite.papers import made

Tables = dict[str, list[list[str]]]
Draw = np.random.Generator
Rows = dict[str, list[str]]

MUTATIONS = 60
"""Mutations of each kind."""


def rounds_to(printed: str, value: Fraction) -> bool:
    decimals = len(printed.partition(".")[2])
    return abs(Fraction(printed) - value) <= Fraction(1, 2 * 10**decimals)


def adds_up(tables: Tables, audit: dict[str, Any], hours: Fraction = Fraction(1)) -> bool:
    """Tell whether everything that is printed twice, or follows from something else, still does."""
    scores, again = (made.columns(tables[key]) for key in ("scores", "again"))
    found = made.recomputed(tables)
    found["hours"] = {name: value * hours for name, value in found["hours"].items()}
    lines = [[Fraction(cell) for cell in line[1:4]] for line in tables["scores"][1:]]
    assert all(line.count(max(line)) == 1 for line in lines)  # who is credited with a tie is a matter of its own
    numbers = all(rounds_to(text, found[key][name]) for key in found for name, text in audit[key]["published"].items())
    best = [made.ENTRIES[line.index(max(line))] for line in lines]
    ours = [line[0] for line in lines]
    ranks = [(sum(other > x for other in ours) + 1, sum(other >= x for other in ours)) for x in ours]
    whole = dict(zip(scores["place"], ours, strict=True))
    return (
        numbers
        and best == scores["best"]
        and all(low <= Fraction(rank) <= high for (low, high), rank in zip(ranks, scores["rank"], strict=True))
        and all(rounds_to(text, whole[name]) for name, text in zip(again["place"], again["score"], strict=True))
        and len({tuple(line[1:]) for line in tables["times"][1:]}) == made.ROWS
        and len({tuple(scores[name]) for name in made.ENTRIES}) == len(made.ENTRIES)
        and all(0 <= number <= 100 for line in lines for number in line)
    )


def cell(
    tables: Tables, audit: dict[str, Any], draw: Draw, keys: tuple[str, ...] = ("scores", "again", "times")
) -> None:
    """Move one number by a random amount, from its last digit to many times its size."""
    key = str(draw.choice(keys))
    columns = {"scores": (1, 2, 3), "again": (1,), "times": (1, 2), "schedule": (1,)}[key]
    line = tables[key][int(draw.integers(1, len(tables[key])))]
    at = int(draw.choice(columns))
    decimals = len(line[at].partition(".")[2])
    amount = max(1, int(10 ** draw.uniform(0, 5))) * (1 if draw.integers(2) else -1)
    line[at] = f"{float(Fraction(line[at]) + Fraction(amount, 10**decimals)):.{decimals}f}"


def setting(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Change one number of the schedule."""
    cell(tables, audit, draw, ("schedule",))


def printed(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Change one printed mean, median, sum, count, ratio or percentage."""
    key = str(draw.choice([key for key, check in audit.items() if "published" in check]))
    name = str(draw.choice(sorted(audit[key]["published"])))
    text = audit[key]["published"][name]
    decimals = len(text.partition(".")[2])
    amount = max(1, int(10 ** draw.uniform(0, 3))) * (1 if draw.integers(2) else -1)
    audit[key]["published"][name] = f"{float(Fraction(text) + Fraction(amount, 10**decimals)):.{decimals}f}"


def digits(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Swap two digits of one number, as a typist does."""
    key, columns = [("scores", 4), ("again", 2), ("times", 3)][int(draw.integers(3))]
    line = tables[key][int(draw.integers(1, len(tables[key])))]
    at = int(draw.integers(1, columns))
    text = list(line[at])
    places = [index for index, character in enumerate(text) if character.isdigit()]
    one, other = draw.choice(places, 2, replace=False)
    text[one], text[other] = text[other], text[one]
    line[at] = "".join(text)


def mark(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Mark another number of a row as its best."""
    line = tables["scores"][int(draw.integers(1, made.ROWS + 1))]
    line[4] = str(draw.choice([name for name in made.ENTRIES if name != line[4]]))


def rank(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Give a row the rank of another."""
    one, other = (int(at) for at in 1 + draw.choice(made.ROWS, 2, replace=False))
    tables["scores"][one][5] = tables["scores"][other][5]


def copied_row(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Print one row's numbers in another row."""
    one, other = (int(at) for at in 1 + draw.choice(made.ROWS, 2, replace=False))
    tables["times"][one][1:] = tables["times"][other][1:]


def copied_column(tables: Tables, audit: dict[str, Any], draw: Draw) -> None:
    """Print one column's numbers in another column; the third stays above, so that nothing is tied."""
    for line in tables["scores"][1:]:
        line[2] = line[3]
        if Fraction(line[1]) <= Fraction(line[2]):
            line[1] = f"{float(Fraction(line[2]) + Fraction(1, 100)):.2f}"


KINDS: list[Callable[[Tables, dict[str, Any], Draw], None]] = [
    cell,
    setting,
    printed,
    digits,
    mark,
    rank,
    copied_row,
    copied_column,
]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Tables, dict[str, Any], Folder]]:
    """Five papers that add up."""
    found = []
    for seed in range(5):
        tables = made.make_tables(seed)
        audit = made.make_audit(tables)
        folder = made.write_paper(tmp_path_factory.mktemp("paper") / "made", tables, audit)
        found.append((tables, audit, read_folder(str(folder))))
    return found


def contradicted(paper: Folder, tables: Tables, audit: dict[str, Any]) -> set[str]:
    """Audit other tables and prints in the place of a paper's own."""
    checks: dict[str, Check] = dict(Audit.model_validate(audit).root)
    changed = {key: with_cells(table, tables[key]) for key, table in paper.tables.items()}
    rows = {key: audit_row(replace(paper, tables=changed), key, check) for key, check in checks.items()}
    return {key for key, row in rows.items() if row["verdict"] == "contradicted"}


def with_cells(table: PrintedTable, lines: list[list[str]]) -> PrintedTable:
    columns = zip(*(line[1:] for line in lines[1:]), strict=True)
    return replace(table, cells=dict(zip(table.cells, columns, strict=True)))


def test_what_adds_up_is_not_contradicted(papers: list[tuple[Tables, dict[str, Any], Folder]]) -> None:
    for tables, audit, paper in papers:
        assert adds_up(tables, audit)
        assert read_checks(paper).keys() == audit.keys()
        assert contradicted(paper, tables, audit) == set()


@pytest.mark.parametrize("mutate", KINDS, ids=lambda kind: kind.__name__)
def test_a_change_is_noticed_when_something_no_longer_adds_up(
    papers: list[tuple[Tables, dict[str, Any], Folder]], mutate: Callable[[Tables, dict[str, Any], Draw], None]
) -> None:
    seen: Counter[bool] = Counter()
    for seed in range(MUTATIONS):
        tables, audit, paper = papers[seed % len(papers)]
        tables, audit = copy.deepcopy(tables), copy.deepcopy(audit)
        mutate(tables, audit, np.random.default_rng([seed, KINDS.index(mutate)]))
        expected = not adds_up(tables, audit)
        found = contradicted(paper, tables, audit)
        assert bool(found) == expected, (seed, found)
        seen[expected] += 1
    assert seen[True] > MUTATIONS / 3


@pytest.mark.parametrize(("unit", "hours"), [("minutes", 60), ("hours", 3600), ("days", 86400)])
def test_another_unit_is_noticed(papers: list[tuple[Tables, dict[str, Any], Folder]], unit: str, hours: int) -> None:
    for tables, audit, paper in papers:
        about = paper.tables["times"].about.model_copy(update={"unit": unit})
        other = {**paper.tables, "times": replace(paper.tables["times"], about=about)}
        assert not adds_up(tables, audit, Fraction(hours))
        assert contradicted(replace(paper, tables=other), tables, audit) == {"hours"}


SHIPPED_MUTATIONS = 240


def tcl_pearl_adds_up(table1: Rows, table3: Rows, table9: Rows) -> dict[str, bool]:
    """Tell of every statement that follows from the tables of TCL-PEARL whether it does, with the prints in here."""
    shared = all(
        rounds_to(text, Fraction(table1[name][at])) for name in table3 for at, text in enumerate(table3[name][3:])
    )
    numbers = {name: [Fraction(text) for text in line] for name, line in table3.items()}
    winners = [[at for at, x in enumerate(line) if x == max(line)] for line in numbers.values()]
    tied = [line for line in winners if len(line) > 1]
    strict = [sum(line == [at] for line in winners) for at in range(5)]
    possible = [[strict[at] + holders.count(at) for at in range(5)] for holders in product(*tied)]
    pairs = [(Fraction(ours), Fraction(baseline), group) for baseline, ours, group in table1.values()]
    levels = sorted(max(ours, baseline) for ours, baseline, _ in pairs)

    def group(ours: Fraction, baseline: Fraction, failure: Fraction) -> str:
        near = ours >= baseline - abs(baseline) / 10 or max(ours, baseline) <= failure
        return "better" if ours > baseline else "comparable" if near else "worse"

    def gains(rule: str) -> list[Fraction]:
        kept = {
            "either": [(x, y) for x, y, _ in pairs if max(x, y) > 0],
            "raw": [(x, y) for x, y, _ in pairs],
            "both": [(x, y) for x, y, _ in pairs if min(x, y) > 0],
            "baseline": [(x, y) for x, y, _ in pairs if y > 0],
        }[rule]
        ratios = [x / y for x, y in kept if y]
        return [max(ratio, Fraction()) for ratio in ratios] if rule == "either" else ratios

    seconds = [mean(Fraction(line[at]) for line in table9.values()) for at in range(2)]
    return {
        "two_tables": shared,
        "table3_wins": [4, 6, 4, 4, 7] in possible,
        "figure5_pairwise": sum(line[4] > line[3] for line in numbers.values()) == 17
        and sum(line[4] > max(line[:4]) for line in numbers.values()) == 7,
        "table1_groups": any(all(group(x, y, level) == printed for x, y, printed in pairs) for level in levels),
        "ml1_relative_gain": any(
            rounds_to("4.3", mean(gains(rule))) and rounds_to("1.4", median(gains(rule)))
            for rule in ("either", "raw", "both", "baseline")
        ),
        "table9_average_seconds": rounds_to("24305.93", seconds[0]) and rounds_to("18623.79", seconds[1]),
        "a2_hours": rounds_to("6.75", seconds[0] / 3600) and rounds_to("5.17", seconds[1] / 3600),
    }


def test_changes_of_a_shipped_papers_tables_are_noticed() -> None:
    paper = read_folder("tcl-pearl")
    checks = read_checks(paper)
    names = ("table1", "table3", "table9")
    seen: Counter[bool] = Counter()
    for seed in range(SHIPPED_MUTATIONS):
        draw = np.random.default_rng(seed)
        key = names[seed % 3]
        cells = {name: list(column) for name, column in paper.tables[key].cells.items()}
        row = int(draw.integers(len(paper.tables[key].rows)))
        column = list(cells)[int(draw.integers(2 if key == "table1" else len(cells)))]
        amount = Fraction(int(10 ** draw.uniform(0, 4)), 100) * int(draw.choice([-1, 1]))
        moved = Fraction(cells[column][row]) + amount
        cells[column][row] = f"{float(moved):.2f}"
        changed = replace(paper, tables={**paper.tables, key: replace(paper.tables[key], cells=cells)})
        expected = tcl_pearl_adds_up(
            *(
                {
                    row: [cells[at] for cells in changed.tables[table].cells.values()]
                    for at, row in enumerate(changed.tables[table].rows)
                }
                for table in names
            )
        )
        found = {check: audit_row(changed, check, checks[check])["verdict"] == "holds" for check in expected}
        assert found == expected, (key, row, column, moved)
        seen[all(expected.values())] += 1
    assert min(seen.values()) > SHIPPED_MUTATIONS / 6


def said_twice(paper: Paper) -> Iterator[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]]:
    """Yield every number of a folder that another of its files has too: its file, and how to change it there."""

    def put(*keys: str, to: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def changed(value: dict[str, Any]) -> dict[str, Any]:
            inner = value
            for key in keys[:-1]:
                inner = inner[key]
            inner[keys[-1]] = to
            return value

        return changed

    for key, check in paper.checks.items():
        for name in {**check.cells, **check.settings}:
            yield "audit.yaml", put(key, "published", name, to="987654")
    for claim in paper.claims:
        twice = claim.about.table, claim.about.cell, claim.about.audited
        if any(place is not None for place in twice):
            yield "claims.yaml", put(claim.key, "published", to="987654")
    for table in paper.tables.values():
        for heading in table.about.settings:
            in_row = heading in table.rows
            for at, row in enumerate(table.rows):
                if row == heading or not in_row:
                    column = 1 if in_row else 1 + list(table.cells).index(heading)
                    yield f"tables/{table.about.file}", put(str(at + 1), str(column), to="987654")


@pytest.mark.parametrize("name", [name for name in shipped_papers() if name not in ("rl2", "mql")])
def test_a_number_that_is_said_twice_and_changed_once_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.papers.paper._check_settings", lambda *_: None)  # what the algorithms allow
    folder = shutil.copytree(read_paper(name).folder, tmp_path / name)
    places = list(said_twice(read_paper(str(folder))))
    assert places
    for file, change in places:
        path = folder / file
        text = path.read_text()
        if path.suffix == ".csv":
            lines = list(csv.reader(text.splitlines()))
            cells = change({str(at): {str(to): cell for to, cell in enumerate(line)} for at, line in enumerate(lines)})
            path.write_text("".join(",".join(line.values()) + "\n" for line in cells.values()))
        else:
            path.write_text(json.dumps(change(yaml.safe_load(text))))
        with pytest.raises(UsageError, match="987654"):
            read_paper(str(folder))
        path.write_text(text)
