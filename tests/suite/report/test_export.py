"""Exported tables say what the store holds, in every format the same."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from suite.analysis.results import CURVE_COLUMNS, read_results
from suite.errors import UsageError
from suite.papers.paper import read_papers
from suite.report.export import CLAIM_COLUMNS, COUNTS, SCORE_COLUMNS, TEXTS, tables, write_tables
from suite.store.runs import Store
from suite.table import harmless
from tests.suite.stores import fail, finish, linear, make_spec, make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("results"))
    for seed in range(2):
        finish(store, make_spec(seed=seed), linear(0.1, 1 / 3 + seed))
    fail(store, make_spec("tcl-pearl"), 'ValueError: bad, with a comma and a "quote"')
    damaged = finish(store, make_spec(seed=2), linear(0, 1))
    (damaged.path / "evaluations.parquet").write_bytes(b"nothing")
    return store


def read(path: Path) -> pd.DataFrame:
    """Read an exported file as anybody would, and give its columns their kinds."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
    kinds = {"adaptive": "boolean"} | dict.fromkeys(COUNTS, "Int64") | dict.fromkeys(TEXTS, "string")
    return table.astype({name: kinds.get(str(name), "Float64") for name in table})


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_every_format_gives_back_the_same_tables(form: str, store: Store, tmp_path: Path) -> None:
    found = tables(read_results(store), read_papers())
    paths = write_tables(found, tmp_path / "deep" / "down", form)  # type: ignore[arg-type]
    assert [path.name for path in paths] == [f"{name}.{form}" for name in ("scores", "curves", "metrics", "claims")]
    for path in paths:
        expected = found[path.stem]
        if form == "json":  # has no infinite number
            expected = expected.mask(expected.isin([float("inf"), float("-inf")]))
        if form == "csv":  # what looks like a formula is written as a text
            texts = expected.select_dtypes("string")
            expected = expected.assign(**texts.map(harmless, na_action="ignore").astype("string"))
        assert_frame_equal(read(path), expected, check_exact=True)


def test_a_csv_file_has_no_formulas_and_keeps_negative_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"entry": pd.Series(["=1+1", "-x", None, "a"], dtype="string"), "score": [-1.0, 2.0, 3.0, 4.0]}
    )
    (path,) = write_tables({"scores": table}, tmp_path, "csv")
    assert path.read_text().splitlines() == ["entry,score", "'=1+1,-1.0", "'-x,2.0", ",3.0", "a,4.0"]


def test_scores_and_curves_are_those_of_the_runs(store: Store) -> None:
    found = tables(read_results(store), read_papers())
    scores, curves, claims = (found[name] for name in ("scores", "curves", "claims"))
    columns = [tuple(table) for table in (scores, curves, claims)]
    assert columns == [SCORE_COLUMNS, CURVE_COLUMNS, CLAIM_COLUMNS]
    assert sorted(scores["state"]) == ["done", "done", "failed", "unreadable"]
    done = scores[scores["state"] == "done"].sort_values("seed")
    assert done["score"].tolist() == pytest.approx([1 / 3, 4 / 3])
    assert scores.loc[scores["state"] != "done", "score"].isna().all()
    one = curves[curves["run"] == make_spec(seed=1).run]
    assert one["environment_steps"].tolist() == [100_000 * mark for mark in range(11)]
    assert one["return"].tolist() == pytest.approx([linear(0.1, 4 / 3)(mark / 10) for mark in range(11)])
    assert set(claims["paper"]) == {paper.name for paper in read_papers() if paper.claims}
    assert claims["verdict"].notna().all()
    assert not claims.duplicated(["paper", "claim"]).any()


def test_entries_whose_seeds_were_added_are_marked_and_so_are_claims_about_them(store: Store) -> None:
    papers = read_papers()
    environment = make_spec().environment
    found = tables(read_results(store), papers, {environment: {"pearl"}})
    scores, claims = found["scores"], found["claims"]
    marked = scores[scores["adaptive"]]
    assert set(marked["entry"].dropna()) == {"pearl"} < set(scores["entry"].dropna())
    assert not claims["adaptive"].any()  # no claim rests on runs of pearl alone


def test_a_claim_is_marked_where_it_rests_on_runs_of_entries_whose_seeds_were_added(tmp_path: Path) -> None:
    store = make_store(tmp_path, {(entry, "reach-v1"): [1.0, 2.0] for entry in ("pearl", "tcl-pearl")})
    papers = read_papers()
    claims = tables(read_results(store), papers, {"reach-v1": {"pearl"}})["claims"]
    about = {
        claim.name
        for paper in papers
        for claim in paper.claims
        if "reach-v1" in claim.environments and set(claim.entries) == {"pearl", "tcl-pearl"}
    }
    assert set(claims.loc[claims["adaptive"], "statement"]) == about != set()
    assert not any(
        table.get("adaptive", pd.Series(False)).any() for table in tables(read_results(store), papers).values()
    )


def test_an_empty_store_gives_tables_with_all_columns_and_no_runs(tmp_path: Path) -> None:
    paths = write_tables(tables(read_results(Store(tmp_path)), read_papers()), tmp_path / "out", "parquet")
    scores, curves, metrics, claims = map(pd.read_parquet, paths)
    assert (len(scores), len(curves), len(metrics)) == (0, 0, 0)
    assert (tuple(scores), tuple(curves)) == (SCORE_COLUMNS, CURVE_COLUMNS)
    assert set(claims["verdict"]) == {"not enough runs"}


def test_a_folder_that_cannot_be_written_is_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--out .*file/in: cannot be written"):
        write_tables({"scores": pd.DataFrame()}, tmp_path / "file" / "in", "csv")
