from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from scipy import stats

from suite.papers.paper import read_paper, read_papers
from suite.plan.environment_sets import environment_sets
from suite.report import page_of, tables_as
from suite.report.clips import find_clips
from suite.store.files import write_json
from suite.store.runs import Store
from suite.table import Format, number
from tests.suite.papers.planned import planned
from tests.suite.report.written import write_report
from tests.suite.stores import embed, fail, finish, linear, make_spec, make_store

VOID = {"meta", "link", "input", "br", "path", "use"}


class Page(HTMLParser):
    """A browser's view: tags, attributes, ids, text; fails on tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(re.sub(r'<a class="term" href="[^"]+">(.*?)</a>', r"\1", html))  # inside words and before commas
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(store: Store, tmp_path: Path, *args: object, **options: object) -> tuple[str, Page]:
    html = write_report(store, tmp_path / "reports", *args, **options).read_text()  # type: ignore[arg-type]
    return html, Page(html)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(
        tmp_path / "results",
        {
            ("pearl", "point-goal-2d"): [3.25, 5.25],
            ("tcl-pearl", "point-goal-2d"): [7.0, 9.0],
            ("pearl", "cheetah-vel"): [1.0],
        },
        start=-20.0,
        budget=20_000,
    )


def test_clips_are_shown_where_there_are_any(store: Store, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    by_seed = {seed: make_spec("pearl", "point-goal-2d", seed, budget=20_000).run for seed in (0, 1)}
    (reports / "clips").mkdir(parents=True)
    for name in (f"{by_seed[1]}-task0.mp4", f"{by_seed[1]}-task10.mp4", f"{by_seed[1]}-task0.jpg", "other-task0.mp4"):
        (reports / "clips" / name).write_bytes(b"")
    _, page = report(store, tmp_path, clips=find_clips(reports))
    (video,) = [attributes for tag, attributes in page.tags if tag == "video"]  # of another run's there is no place
    assert video["src"] == f"clips/{by_seed[1]}-task0.mp4"
    assert video["poster"] == f"clips/{by_seed[1]}-task0.jpg"
    assert (video["preload"], "autoplay" in video) == ("none", False)
    assert video["aria-label"] == "pearl, seed 1, test task 0"
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    links = [link for link in links if link.startswith("clips/")]
    assert links == [f"clips/{by_seed[1]}-task0.mp4", f"clips/{by_seed[1]}-task10.mp4"]
    (reports / "clips" / f"{by_seed[0]}-task4.mp4").write_bytes(b"")
    _, page = report(store, tmp_path, clips=find_clips(reports))
    (video,) = [attributes for tag, attributes in page.tags if tag == "video"]
    assert (video["aria-label"], "poster" in video) == ("pearl, seed 0, test task 4", False)
    html, page = report(store, tmp_path)
    assert "trained agent, after adaptation" not in html
    assert all(tag != "video" for tag, _ in page.tags)


def test_page_shows_scores_untrained_values_and_seeds(store: Store, tmp_path: Path) -> None:
    _, page = report(store, tmp_path)
    assert "point-goal-2d pearl 2 4.25 [-8.46, 17.0] -20" in page.text
    assert "cheetah-vel pearl 1 1 – -20" in page.text


def test_the_table_of_a_paper_has_the_fewer_across_the_best_in_bold_and_the_worse_starred(tmp_path: Path) -> None:
    ends = {
        ("pearl", "ant-fb"): [10.0, 11.0, 12.0],
        ("mql", "ant-fb"): [-90.0, -89.0, -88.0],
        ("oracle-sac", "ant-fb"): [90.0, 91.0, 92.0],
        ("pearl", "reach-v1"): [1000.0],
    }
    store = make_store(tmp_path / "results", ends, budget=1000)
    html, page = report(store, tmp_path)
    half = stats.t.ppf(0.975, 2) * 3**-0.5  # of a standard deviation of 1
    cells = {mean: f"{mean} [{number(mean - half)}, {number(mean + half)}]" for mean in (11, -89, 91)}
    assert f"entry ant-fb reach-v1 pearl {cells[11]} 1 mql {cells[-89]} * – oracle-sac {cells[91]} –" in page.text
    table = html.partition('<table id="by-environment">')[2].partition("</table>")[0]
    assert re.findall("<b>(.*?)</b>", table) == [cells[11], "1"]
    assert "Bold: the highest, controls left out (oracle-sac)." in page.text
    assert "On reach-v1: in thousands, as the papers print them." in page.text
    assert f"**{cells[11]}**".replace("[", "\\[").replace("]", "\\]") in tables_as("markdown", store)
    finish(store, make_spec("pearl", "push-v1"), linear(0.0, 2000.0))
    finish(store, make_spec("pearl", "sweep-v1"), linear(0.0, 3000.0))
    _, page = report(store, tmp_path)
    assert f"environment pearl mql oracle-sac ant-fb {cells[11]} {cells[-89]} * {cells[91]} push-v1 2 – –" in page.text


def test_one_figure_an_environment_with_one_line_a_seed(store: Store, tmp_path: Path) -> None:
    html, _ = report(store, tmp_path)
    articles = re.findall(r"<article.*?</article>", html, flags=re.DOTALL)
    assert [len(re.findall(r'class="series-\d seed"', article)) for article in articles] == [1, 4]
    assert "Success rate on point-goal-2d" in html  # cheetah-vel defines none
    assert html.count('<div class="scroll" tabindex="0" role="region" aria-label="Figure') == 4  # with wall-clock


@pytest.mark.parametrize("count", [8, 9])
def test_many_environments_have_contents_of_their_own(tmp_path: Path, count: int) -> None:
    names = [str(name) for name in environment_sets()["ml1-50"][:count]]
    store = make_store(tmp_path / "results", {("pearl", name): [1.0] for name in names}, evaluations=2)
    html, _ = report(store, tmp_path)
    listed = re.search(r'<ul class="within">(.*?)</ul>', html)
    links = re.findall(r'href="#([\w-]+)">([\w-]+)<', listed[1] if listed else "")
    assert [name for _, name in links] == (sorted(names) if count > 8 else [])
    assert all(f'<h3 id="{key}">{name}</h3>' in html for key, name in links)


def test_verdict_header_counts_and_names_every_claim(store: Store, tmp_path: Path) -> None:
    _, page = report(store, tmp_path, papers=read_papers())
    count = sum(len(paper.claims) for paper in read_papers())
    assert f"0 reproduced 0 not reproduced {count} not enough runs 0 not at the paper's settings" in page.text
    assert (
        "relative gain on ML1, mean paper 4.3, ours – no finished run of tcl-pearl or pearl on the claim's environments"
    ) in page.text


def test_paper_values_stand_beside_ours(tmp_path: Path) -> None:
    ends = {("pearl", "reach-v1"): [80_000.0, 90_000.0], ("tcl-pearl", "reach-v1"): [70_000.0, 70_000.0]}
    store = make_store(tmp_path / "results", ends, exploration_episodes=10)
    html, page = report(store, tmp_path)
    assert "reach-v1 84.47 85.00 97.33 70.00 better worse" in page.text
    assert "reach-v1 35.91 – 66.06 – 106.42 – 84.47 85.00 97.33 70.00" in page.text
    assert "reach-v1 24,477.98 100.00 18,205.53 100.00 1.34 1.00" in page.text
    assert len(re.findall(r'class="series-\d paper"', html)) == 2
    assert "Meta-World v3's geometry is not v1's" in page.text


def test_what_did_not_learn_on_every_seed_is_named(tmp_path: Path) -> None:
    ends = {
        ("pearl", "reach-v1"): [80_000.0, 90_000.0],
        ("tcl-pearl", "reach-v1"): [10.0, 90_000.0],  # one seed of two
        ("mql", "reach-v1"): [100.0, 101.0],  # a gain that is clear, and small
        ("blind-sac", "reach-v1"): [100.0],
    }
    _, page = report(make_store(tmp_path / "results", ends, start=99.0), tmp_path)
    named = re.search(r"Did not learn on every seed: (.*?)\.", page.text)
    assert named is not None
    assert sorted(named[1].split(", ")) == ["blind-sac (0 of 1)", "mql (0 of 2)", "tcl-pearl (1 of 2)"]


def test_another_protocol_is_said_and_stands_beside_no_value_of_the_paper(tmp_path: Path) -> None:
    ends = {("pearl", "reach-v1"): [80_000.0, 90_000.0], ("tcl-pearl", "reach-v1"): [70_000.0, 70_000.0]}
    store = make_store(tmp_path / "results", ends, horizon=500, test_tasks=5)
    html, page = report(store, tmp_path)
    assert "Protocol deviations: pearl (horizon 500 for 200, test tasks 5 for 10)." in page.text
    assert "reach-v1 tcl-pearl horizon 500 for 200, test tasks 5 for 10 2" in page.text
    assert "Reported and measured" not in page.text
    assert not re.findall(r'class="series-\d paper"', html)
    assert "### Protocol deviations" in tables_as("markdown", store)
    plain = make_store(tmp_path / "plain", ends)
    assert "Protocol deviations" not in report(plain, tmp_path)[1].text


def on(processor: str, seconds: float, **more: object) -> dict[str, object]:
    return {"machine": {"processor": processor}, "device": "cpu", "seconds_total": seconds, **more}


def test_seconds_of_different_machines_stand_apart(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    for seed, (processor, seconds) in enumerate((("one", 1000.0), ("another", 10.0), ("another", 12.0))):
        finish(store, make_spec("pearl", seed=seed), linear(0, 1), provenance=on(processor, seconds))
    finish(store, make_spec("tcl-pearl"), linear(0, 1), provenance=on("a third", 7.0))
    _, page = report(store, tmp_path)
    assert "reach-v1 pearl 2 30 60 10 11 – 11,111 1,667 10,000 another, cpu" in page.text
    assert "reach-v1 pearl 1 30 60 10 1,000 – 11,111 1,667 10,000 one, cpu" in page.text
    assert "Table 9 of TCL-PEARL" not in page.text


def test_table_9_has_the_machine_that_ran_both(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    for label, seconds in (("pearl", 10.0), ("tcl-pearl", 13.0)):
        finish(store, make_spec(label), linear(0, 1), provenance=on("both", seconds))
    finish(store, make_spec("pearl", seed=1), linear(0, 1), provenance=on("another", 1000.0))
    _, page = report(store, tmp_path)
    assert "reach-v1 24,477.98 13.00 18,205.53 10.00 1.34 1.30 2 wall both, cpu" in page.text


def test_table_9_compares_processor_seconds_where_all_runs_have_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    for label, worked in (("pearl", 8.0), ("tcl-pearl", 10.0)):
        finish(store, make_spec(label), linear(0, 1), provenance=on("both", 99.0, processor_seconds=worked))
    _, page = report(store, tmp_path)
    assert "reach-v1 24,477.98 10.00 18,205.53 8.00 1.34 1.25 2 processor both, cpu" in page.text
    assert "reach-v1 pearl 1 30 60 10 99 8 11,111" in page.text


def test_oracle_gives_normalised_scores_and_profiles(tmp_path: Path) -> None:
    ends = {("pearl", "ant-fb"): [50.0, 60.0], ("oracle-sac", "ant-fb"): [108.0, 112.0]}
    html, page = report(make_store(tmp_path / "results", ends, budget=1000), tmp_path)
    assert 'id="ranking-profiles-figure"' in html
    assert "Ranking of 2 entries on 1 environment" in page.text
    assert "On ant-fb, which all of them finished." in page.text
    # Standard errors of 5 and 2 on a scale of 110, whose upper end moves 0.5 half as much.
    own, scale = (5 / 110) ** 2, (0.5 * 2 / 110) ** 2
    half = stats.t.ppf(0.975, (own + scale) ** 2 / (own**2 + scale**2)) * (own + scale) ** 0.5
    interval = f"[{number(0.5 - half)}, {number(0.5 + half)}]"
    assert f"pearl 0 2 0 0.500 {interval} 0.500 0.500 {interval} 0.500" in page.text


def test_entries_on_fewer_environments_stand_apart(tmp_path: Path) -> None:
    ends = {(label, place): [1.0, 2.0] for label in ("pearl", "tcl-pearl") for place in ("ant-fb", "cheetah-vel")}
    ends |= {("rl2-ppo", "ant-fb"): [90.0, 91.0]}
    _, page = report(make_store(tmp_path / "results", ends, budget=1000), tmp_path)
    first, _, second = page.text.partition("Ranking of 2 entries on 2 environments")
    assert "Ranking of 3 entries on 1 environment" in first
    assert "On ant-fb, cheetah-vel, which all of them finished." in second
    assert "rl2-ppo" not in second.partition("Final scores")[0]


def test_win_matrix_and_control(tmp_path: Path) -> None:
    ends = {("pearl", "ant-fb"): [55.0, 56.0], ("blind-sac", "ant-fb"): [55.2, 55.8]}
    _, page = report(make_store(tmp_path / "results", ends, budget=1000), tmp_path)
    assert "0.50 [0.01, 0.99] 0 won, 1 tied, 0 lost of 1" in page.text
    assert "ant-fb pearl gains nothing by adapting 0 55.5 55.5" in page.text


def test_runs_at_other_settings_have_a_table_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    used = {"printed_settings": {"latent_size": 7}, "used_settings": {"latent_size": 5}}
    for label, ends in (("pearl", (5.0, 6.0, 7.0)), ("tcl-pearl", (8.0, 9.0, 10.0))):
        for seed, end in enumerate(ends):
            finish(store, make_spec(label, "cheetah-vel", seed, budget=160_000), linear(0, end), provenance=used)
    _, page = report(store, tmp_path)
    assert "0 reproduced 0 not reproduced" in page.text
    assert (
        "better or comparable in most MuJoCo Controls same direction share of environments: 1, 95 % CI [1, 1]; "
        "p = 0.005 for the claimed side 1 of 6 environments (cheetah-vel), 3 seeds, 160,000 environment steps"
    ) in page.text


def test_machines_are_described_once_and_in_human_units(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    provenance = {
        "machine": {"processor": "a processor", "cores": 2, "memory_bytes": 25_276_502_016, "system": "Linux"},
        "device": "cpu",
        "peak_memory_bytes": 512 * 2**20,
        "versions": {"numpy": "2.4.6"},
    }
    for seed in range(3):
        finish(store, make_spec(seed=seed), linear(0, 1), provenance=provenance)
    _, page = report(store, tmp_path)
    assert "A 3 a processor cpu 2 24 GiB Linux – numpy 2.4.6" in page.text
    assert "done pearl 0 A – 512 MiB" in page.text
    assert "25276502016" not in page.text


def test_runs_that_were_cut_off_and_begun_anew_are_marked(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    runs = []
    for seed, again in enumerate([0, 1, 2, "<b>5</b>", True, None]):
        spec = make_spec(seed=seed)
        runs.append(spec.run)
        finish(store, spec, linear(0, 1), provenance={"started_again": again})
    html, page = report(store, tmp_path)
    assert f"those of the last attempt: {runs[1]} (once), {runs[2]} (twice)." in page.text
    assert page.text.count("started again") == 2
    assert "done, started again twice" in page.text
    assert "<b>5" not in html


def test_each_claim_stands_once(store: Store, tmp_path: Path) -> None:
    html, _ = report(store, tmp_path, papers=read_papers())
    for paper in read_papers():
        for claim in paper.claims:
            assert html.count(f'<span class="statement">{escape(claim.name)}</span>') == 1


def test_what_three_seeds_cannot_decide_is_listed_with_the_seeds_that_it_needs(store: Store, tmp_path: Path) -> None:
    _, page = report(store, tmp_path, papers=read_papers())
    tried = {paper.about.short: paper.power for paper in read_papers() if paper.power}
    assert tried
    for short, found in tried.items():
        listed = page.text.partition(f"What three seeds leave undecided even if {short} is right What three")[2]
        for row in found:
            needed = "more than 50" if row.seeds is None else str(row.seeds)
            words = f"{row.claim} {100 * row.deviation:.0f} % {100 * row.decided:.0f} % {needed} {row.assumed}"
            assert (words in listed) is (row.decided < 0.8)


def test_every_claim_with_a_printed_number_was_tried_for_what_three_seeds_decide() -> None:
    paper = read_paper("tcl-pearl")
    assert {row.claim for row in paper.power} == {claim.about.statement for claim in paper.claims}


def test_a_single_run_gives_a_page_without_intervals(tmp_path: Path) -> None:
    _, page = report(make_store(tmp_path / "results", {("pearl", "reach-v1"): [5000.0]}), tmp_path)
    assert "reach-v1 pearl 1 5 – 0" in page.text


@pytest.mark.parametrize("draw", range(6))
def test_a_page_is_written_of_any_part_of_the_runs_in_any_state(tmp_path: Path, draw: int) -> None:
    random = np.random.default_rng(draw)
    store, planned = Store(tmp_path / "results"), []
    ends = random.choice([0.0, 5.0, -3.0, 5e4], size=4) * random.choice([0.0, 1.0])
    for entry in ("tcl-pearl", "pearl", "mql", "maml-trpo", "oracle-sac", "blind-sac"):
        for environment, end in zip(("cheetah-vel", "ant-fb", "reach-v1", "push-v1"), ends, strict=True):
            usual = random.choice(["done", "absent"])
            for seed in range(3):
                spec = make_spec(entry, environment, seed, budget=int(random.choice([1000, 1000, 1000, 2000])))
                planned.append(spec)
                state = random.choice([usual, usual, usual, "done", "diverged", "memory"])
                if state == "done":
                    finish(store, spec, linear(0.0, end * random.choice([1.0, random.normal()])))
                    if "pearl" in entry and random.random() < 0.5:
                        embed(store, spec)
                elif state != "absent":
                    fail(store, spec, "lost", kind=state)
    page = page_of(store, planned if draw % 2 else None)
    done = sum(store.record(spec.run).state == "done" for spec in planned)
    total = len(planned) if draw % 2 else len(list(store.records()))
    assert f"{done} of {total} runs done" in page


def test_the_audit_needs_no_run(tmp_path: Path) -> None:
    _, page = report(Store(tmp_path / "results"), tmp_path, papers=read_papers())
    assert "hours for the same training contradicted" in page.text


def test_a_newer_schema_is_named(store: Store, tmp_path: Path) -> None:
    path = store.folder(make_spec("pearl", "cheetah-vel", budget=20_000).run).path / "run.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    _, page = report(store, tmp_path)
    assert "written by a newer version of the suite (schema 99, this one reads 1)" in page.text
    assert "point-goal-2d tcl-pearl 2 8" in page.text


@pytest.mark.parametrize(
    ("format", "row"),
    [("markdown", "| point-goal-2d | pearl | 2 | 4.25 |"), ("latex", "point-goal-2d & pearl & 2 & 4.25 &")],
)
def test_tables_alone(store: Store, format: Format, row: str) -> None:
    written = tables_as(format, store)
    assert row in written
    assert "contradicted" not in written
    assert "contradicted" in tables_as(format, store, papers=read_papers())


def test_page_needs_nothing_from_outside(store: Store, tmp_path: Path) -> None:
    _, page = report(store, tmp_path)
    links = [value for _, attrs in page.tags for key, value in attrs.items() if key in {"src", "href", "xlink:href"}]
    assert links
    assert all(link is not None and link.startswith(("#", "data:")) for link in links)


def test_ids_are_unique_and_every_reference_resolves(store: Store, tmp_path: Path) -> None:
    html, page = report(store, tmp_path)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    referenced = set(
        re.findall(r'(?:href="#|url\(#|aria-labelledby="|data-csv="|data-svg="|data-filter=")([^")]+)', html)
    )
    assert referenced <= set(ids)


def test_identical_results_give_identical_bytes(store: Store, tmp_path: Path) -> None:
    first = write_report(store, tmp_path / "a").read_bytes()
    assert write_report(store, tmp_path / "b").read_bytes() == first


def test_hostile_names_and_logs_are_harmless(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>$\\frac'
    finish(store, make_spec(hostile, "point-goal-2d", algorithm="pearl"), linear(0, 1))
    fail(store, make_spec("pearl", seed=1), hostile, log=f"Traceback\n{hostile}\n</pre></main>")
    _, page = report(store, tmp_path, None, hostile)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert all(tag != "img" for tag, _ in page.tags)
    assert page.text.count("alert(1)") > 3


@pytest.mark.parametrize("label", ["_hidden", "$x$", "a,b=c", "  ", "é–日本"])
def test_odd_labels_appear_in_page_and_figures(tmp_path: Path, label: str) -> None:
    store = Store(tmp_path / "results")
    finish(store, make_spec(label, "point-goal-2d", algorithm="pearl"), linear(0, 1))
    html, _ = report(store, tmp_path)
    assert html.count(label) > 5
    article = re.findall(r"<article.*?</article>", html, flags=re.DOTALL)[0]
    assert re.search(rf"<text[^>]*>\u200b?{re.escape(label)}</text>", article)


def test_missing_failed_and_foreign_runs_are_shown(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    specs = [make_spec(seed=seed) for seed in range(3)]
    finish(store, specs[0], linear(0, 1))
    fail(store, specs[1], "out of memory", log="the last line")
    finish(store, make_spec("foreign", algorithm="mql"), linear(0, 1))
    _, page = report(store, tmp_path, specs)
    assert "1 of 3 runs done · 1 pending ✗ 1 failed" in page.text
    assert "out of memory the last line" in page.text
    assert "1 further runs in the store" in page.text
    assert "foreign" not in page.text


@pytest.mark.parametrize(("kind", "shown"), [("time", "timed out"), ("silence", "timed out"), ("error", "failed")])
def test_running_out_of_time_is_distinguished_from_other_failures(tmp_path: Path, kind: str, shown: str) -> None:
    store = Store(tmp_path / "results")
    spec = make_spec()
    write_json(fail(store, spec, "why").path / "failed.json", {"kind": kind, "reason": "why"})
    html, page = report(store, tmp_path)
    assert f"{spec.run}: {shown} {kind}: why" in page.text
    assert f'title="{spec.run}: {shown}"' in html


def test_a_corrupt_run_is_named_and_the_rest_is_shown(store: Store, tmp_path: Path) -> None:
    victim = store.folder(make_spec("pearl", "cheetah-vel", budget=20_000).run)
    (victim.path / "evaluations.parquet").write_bytes(b"half")
    _, page = report(store, tmp_path)
    assert f"{victim.path}/evaluations.parquet: differs from what the run committed" in page.text
    assert "point-goal-2d tcl-pearl 2 8" in page.text


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    _, page = report(Store(tmp_path / "results"), tmp_path)
    assert "No finished run yet" in page.text


def test_settings_stand_beside_the_papers_with_their_sources(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    finish(store, planned("ml1-25", "mql", "push-v1", settings={"batch": 32}), linear(0, 1))
    _, page = report(store, tmp_path)
    assert "mql and TCL-PEARL: push-v1" in page.text
    assert "learning_rate 0.008 0.008 printed Table 6 yes" in page.text
    assert "batch 32 256 authors' code amazon-research/meta-q-learning, run_script.py:73-83" in page.text
    assert "as_published [] [] ours as in the paper; its code's deviations are left out yes" in page.text
    assert "1 of 23 settings differ from those of TCL-PEARL." in page.text


def test_each_finished_run_has_its_settings_provenance_and_log(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    changed = planned("ml1-25", "mql", "push-v1", settings={"batch": 32})
    folder = finish(store, changed, linear(0, 1), provenance={"commit": "abc", "command": "suite exec x --again"})
    log = "".join(f"line {number}\n" for number in range(1, 9)) + "\x1b[31m</pre><script>alert(1)</script>\n"
    (folder.path / "log.txt").write_text(log)
    failed = make_spec("pearl", "push-v1", seed=1)
    fail(store, failed, "ValueError: bad", log="Traceback\n")
    html, page = report(store, tmp_path)
    part = html.partition(f'<details class="run" id="run-{changed.run}">')[2].partition("</details>")[0]
    text = Page(f"<details>{part}</details>").text
    assert "settings 1 of 23 settings differ from those of TCL-PEARL machine A commit abc" in text
    assert "commit abc" in text
    assert "suite exec x --again" not in text  # in Provenance
    assert "The command that repeats a run is in Provenance" in page.text
    assert text.endswith("line 5 line 6 line 7 line 8 \\x1b[31m</pre><script>alert(1)</script>")
    anchor = re.search(r'href="#(settings-\d+-title)"', part)
    assert anchor is not None
    assert f'id="{anchor[1]}">mql and TCL-PEARL: push-v1' in html
    assert ("a", "#run-" + changed.run) in [(tag, attributes.get("href")) for tag, attributes in page.tags]
    assert f"run-{failed.run}" not in html  # its reason and log stand under what failed


def test_external_results_are_drawn_and_listed_and_not_judged(tmp_path: Path) -> None:
    store = make_store(tmp_path / "a", {("pearl", "humanoid-dir-2d"): [900.0], ("mql", "cheetah-fb"): [900.0]})
    html, page = report(store, tmp_path)
    assert "humanoid-dir-2d pearl 500,000 380 1 yes the authors' code without changes; one seed" in page.text
    assert "cheetah-fb mql 950,000 986 1 no training return" in page.text
    assert "hollow: external results" in page.text
    figures = {
        name: re.search(rf'aria-label="Figure: Learning curves on {name}.*?</figure>', html, re.S)
        for name in ("humanoid-dir-2d", "cheetah-fb")
    }
    drawn = {name: len(re.findall(r'class="series-\d paper"', found[0])) for name, found in figures.items() if found}
    assert drawn == {"humanoid-dir-2d": 1, "cheetah-fb": 0}  # what does not compare is not drawn
    assert "humanoid-dir-2d pearl 1 900 –" in page.text


def test_longer_external_results_do_not_stretch_the_axis(tmp_path: Path) -> None:
    store = make_store(tmp_path / "a", {("pearl", "cheetah-vel"): [-50.0]}, budget=340_000)
    html, page = report(store, tmp_path)
    assert "hollow: external results" in page.text  # 500,000 steps
    assert "external results beyond the axis: pearl -43.1 after 780,000 steps" in page.text
    assert len(re.findall(r'class="series-\d paper"', html)) == 1


def test_a_paper_is_reported_alone(tmp_path: Path) -> None:
    html = write_report(Store(tmp_path / "results"), tmp_path, papers=[read_paper("pearl")]).read_text()
    text = Page(html).text
    assert '<h3 id="verdict-pearl">PEARL</h3>' in html
    assert "ProMP (Rothfuss et al. 2019), which is not in the suite" in text
    assert "most wins of five algorithms" not in text
    assert "of TCL-PEARL" not in text
