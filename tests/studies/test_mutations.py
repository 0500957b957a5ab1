"""Changes of single digits in a copy of a paper's folder, and whether its audit shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studies.mutations import NUMBER, Place, another, as_table, audited, change, changes, places
from tests.suite.papers import made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tables = made.make_tables(0)
    return made.write_paper(tmp_path / "made", tables, made.make_audit(tables))


@pytest.mark.parametrize("text", ["0.005", "-11.68", "7", "1000000"])
def test_another_number_has_one_other_digit(text: str) -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        to = another(text, draw)
        assert NUMBER.fullmatch(to)
        assert float(to) != float(text)
        assert sum(x != y for x, y in zip(text, to, strict=True)) == 1


@pytest.mark.parametrize("kind", ["tables", "audit.yaml"])
def test_a_place_is_where_its_number_stands(folder: Path, kind: str) -> None:
    found = places(folder, kind)
    assert found
    for place in found:
        text = (folder / place.file).read_text()
        assert text[place.start : place.start + len(place.text)] == place.text
    assert len({(place.file, place.start) for place in found}) == len(found)


def test_numbers_within_published_texts_are_places(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text("x:\n  published: -11.68 to -3.33\n  share: 20\ny:\n  published: '0.70'\n")
    assert [place.text for place in places(tmp_path, "claims.yaml")] == ["-11.68", "-3.33", "0.70"]


def test_numbers_of_names_and_places_are_none_of_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "audit.yaml").write_text("x:\n  claim: RL2 in Table 4, on 2D ML1, 17 of 25 at 0.5\n  where: page 7\n")
    (tmp_path / "claims.yaml").write_text("x:\n  statement: at least 20 % better\n")
    assert [place.text for place in places(tmp_path, "sentences")] == ["17", "25", "0.5", "20"]


def test_what_a_mean_follows_from_is_found_and_put_back(folder: Path) -> None:
    expected = audited(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (published,) = [place for place in places(folder, "audit.yaml") if place.name == ".mean.published.ours"]
    assert change(folder, published, np.random.default_rng(0), expected).shows == "found"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_nothing_follows_from_is_not_found(folder: Path) -> None:
    (folder / "audit.yaml").write_text("x:\n  claim: c\n  where: w\n  check: not derivable\n  needs: 12 figures\n")
    cell = places(folder, "tables")[0]
    assert change(folder, cell, np.random.default_rng(0), audited(folder)).shows == ""


def test_the_table_counts_what_is_found(tmp_path: Path) -> None:
    made_changes = changes("tcl-pearl", tmp_path / "tcl-pearl", 2)
    assert {kind: len(each) for kind, each in made_changes.items()} == {
        "tables": 2,
        "logs": 0,
        "claims.yaml": 2,
        "settings.yaml": 2,
        "audit.yaml": 2,
        "sentences": 2,
    }
    assert all(isinstance(each.place, Place) for kind in made_changes.values() for each in kind)
    (row,) = as_table({"tcl-pearl": made_changes}).rows
    assert row[0] == "tcl-pearl"
    assert row[2] == "–"
