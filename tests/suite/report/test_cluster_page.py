from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import pytest
from scipy import stats

from suite.inspect.cluster_records import ClusterRecord
from suite.papers.paper import read_papers
from suite.report import cluster_page, tables_as
from suite.store.runs import Store
from tests.suite.report.test_page import Page
from tests.suite.report.written import write_report
from tests.suite.stores import CLUSTERS, embed, finish, linear, make_spec, make_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(
        tmp_path / "results", {("pearl", "push-v1"): [1.0, 2.0], ("tcl-pearl", "push-v1"): [3.0]}, budget=1000
    )


def spec(label: str, seed: int = 0) -> str:
    return make_spec(label, "push-v1", seed, budget=1000).run


def test_table_2_stands_beside_ours_and_each_run_has_a_figure(store: Store, tmp_path: Path) -> None:
    for seed in (1, 0):
        embed(store, make_spec("pearl", "push-v1", seed, budget=1000))
    html = write_report(store, tmp_path).read_text()
    text = Page(html).text
    assert "pearl, Table 2 of TCL-PEARL push-v1 – 38.8 44.9 1.16 – – – – – –" in text
    row = "1.25 5 4 0.500 1.25 5 – 0.500"
    assert f"pearl push-v1 0 {row} {spec('pearl')} pearl push-v1 1 {row} {spec('pearl', 1)}" in text
    assert len(re.findall(r'id="clusters-\d-figure"', html)) == 2
    assert f"{spec('pearl')}: 8 tasks (grid), 5 rollouts each after 2 exploration episodes, windows of 64" in text
    assert "asks a finished run" not in text


def record(
    store: Store, label: str, environment: str, seed: int, ratio: float | None, silhouette: float
) -> ClusterRecord:
    """Make a record with some statistics in the latent space."""
    made = embed(store, finish(store, make_spec(label, environment, seed), linear(0.0, 1.0)).spec())
    latent = made.latent.model_copy(update={"ratio": ratio, "silhouette": silhouette})
    return made.model_copy(update={"latent": latent})


def test_seeds_that_were_embedded_alike_have_a_mean_and_an_interval(tmp_path: Path) -> None:
    store = Store(tmp_path)
    records = [record(store, "pearl", "push-v1", seed, 2.0**seed, seed / 4) for seed in range(3)]
    records += [record(store, "pearl", "reach-v1", 0, 1.0, 0.5)]  # one seed has no interval
    records += [record(store, "tcl-pearl", "push-v1", seed, None, 0.0) for seed in range(2)]
    table = cluster_page.over_seeds(records, read_papers())
    (printed, _, pearl, tcl) = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (printed["entry"], printed["tsne_ratio"]) == ("pearl, Table 2 of TCL-PEARL", pytest.approx(1.16, abs=5e-3))
    assert (pearl["environment"], pearl["entry"], pearl["seeds"]) == ("push-v1", "pearl", 3)
    assert pearl["latent_ratio"] == pytest.approx(2.0)  # of 1, 2 and 4
    assert pearl["latent_silhouette"] == pytest.approx(0.25)
    half = stats.t.ppf(0.975, 2) * 0.25 / 3**0.5  # of 0, 1/4 and 1/2, whose deviation is 1/4
    assert pearl["latent_silhouette_ci"] == pytest.approx((0.25 - half, 0.25 + half))
    assert pearl["latent_ratio_ci"] == pytest.approx(
        (2 ** (1 - 4 * half), 2 ** (1 + 4 * half))
    )  # the same three, four times as far apart, as powers of two
    assert (tcl["entry"], tcl["seeds"], tcl["latent_silhouette"]) == ("tcl-pearl", 2, 0.0)
    assert math.isnan(tcl["latent_ratio"])  # type: ignore[arg-type]
    assert cluster_page.over_seeds(records[3:4], read_papers()).rows == ()


def test_the_first_seeds_of_every_entry_are_drawn_side_by_side(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = [
        record(store, label, environment, seed, 1.0, 0.0)
        for label in ("pearl", "tcl-pearl")
        for environment in ("reach-v1", "push-v1")
        for seed in range(3)
    ]
    shown = cluster_page.section(made, read_papers(), most=6)
    assert [caption for _, _, caption in shown.figures] == [
        "pearl on push-v1, seed 0",
        "tcl-pearl on push-v1, seed 0",
        "pearl on push-v1, seed 1",
        "pearl on reach-v1, seed 0",
        "tcl-pearl on reach-v1, seed 0",
        "pearl on reach-v1, seed 1",
    ]
    assert shown.undrawn == 6


def test_every_task_has_its_own_look(store: Store, tmp_path: Path) -> None:
    embed(store, make_spec("pearl", "push-v1", budget=1000))
    figure = re.findall(
        r'<figure id="clusters-0-figure">.*?</figure>', write_report(store, tmp_path).read_text(), re.S
    )[0]
    looks = Counter(re.findall(r'<use xlink:href="#([\w-]+)"[^>]*?var\((--s\d)\)', figure))
    tasks = [look for look, count in looks.items() if count == 5]  # the others are the legend's
    assert len(tasks) == len({marker for marker, _ in tasks}) == 8
    assert len({colour for _, colour in tasks}) == 7


def test_the_page_of_clusters_shows_the_same(store: Store, tmp_path: Path) -> None:
    record = embed(store, make_spec("pearl", "push-v1", budget=1000))
    report = write_report(store, tmp_path).read_text()
    page = cluster_page.write_clusters(tmp_path, [record], read_papers()).read_text()
    Page(page)
    figure = re.findall(r'<figure id="clusters-0-figure">.*?</figure>', page, re.S)[0]
    assert figure in report
    table = re.findall(r'<table id="clusters">.*?</table>', page, re.S)[0]
    assert table in report


def test_where_there_are_none_the_page_says_how_to_get_them(store: Store, tmp_path: Path) -> None:
    text = Page(write_report(store, tmp_path).read_text()).text
    assert "suite clusters RUN measures it for a finished run" in text
    assert "pearl, Table 2 of TCL-PEARL push-v1" not in text
    assert "pearl, Table 2 of TCL-PEARL | push-v1" not in tables_as("markdown", store)


def test_plain_tables_hold_them(store: Store) -> None:
    embed(store, make_spec("pearl", "push-v1", budget=1000))
    assert "| pearl, Table 2 of TCL-PEARL | push-v1 | – | 38.8 |" in tables_as("markdown", store)


def test_a_damaged_one_is_named_and_nothing_else_is_lost(store: Store, tmp_path: Path) -> None:
    for label in ("pearl", "tcl-pearl"):
        embed(store, make_spec(label, "push-v1", budget=1000))
    path = store.folder(spec("pearl")).path / CLUSTERS
    path.write_text(path.read_text()[:100])
    text = Page(write_report(store, tmp_path).read_text()).text
    assert "3 of 3 runs done" in text
    assert f"{path}: " in text
    assert f"tcl-pearl push-v1 0 1.25 5 4 0.500 1.25 5 – 0.500 {spec('tcl-pearl')}" in text
    assert "push-v1 pearl 2 0.0015" in text


def test_many_runs_share_the_page_with_few_figures(store: Store) -> None:
    record = embed(store, make_spec("pearl", "push-v1", budget=1000))
    found = cluster_page.section([record] * 3, read_papers(), most=2)
    assert (len(found.table.rows), len(found.figures), found.undrawn) == (5, 2, 1)
