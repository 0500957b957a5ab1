"""The page in a real browser, opened from a file with the network refused."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.inspect.clips import write_clip
from suite.report import page_of
from suite.report.clips import clip_path, find_clips
from suite.report.files import write_page
from suite.report.live import live
from suite.report.server import PageServer
from suite.store.runs import Store
from tests.suite.report.browser import chromium, sized
from tests.suite.report.written import write_report
from tests.suite.stores import embed, fail, finish, make_spec

webdriver = pytest.importorskip("selenium.webdriver")
Keys = webdriver.Keys
Select = pytest.importorskip("selenium.webdriver.support.select").Select
pytestmark = pytest.mark.browser

SHIFT_TAB = "\ue008\ue004"
CONTROL_V = "\ue009v"
"""As WebDriver writes keys."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = Store(folder / "results")
    generator = np.random.default_rng(0)
    for environment, low, high in (("cheetah-vel", -300.0, -90.0), ("reach-v1", 0.0, 9e4)):
        for label, share, took in (
            ("tcl-pearl", 0.9, 4),
            ("pearl", 0.85, 3),
            ("oracle-sac", 1.0, 2),
            ("blind-sac", 0.2, 1),
        ):
            for seed in range(3):
                end = low + (high - low) * share * (1 + 0.1 * generator.normal())
                spec = make_spec(label, environment, seed, budget=250_000)
                curve = lambda t, low=low, end=end: low + (end - low) * (1 - np.exp(-4 * t))  # noqa: E731
                finish(store, spec, curve, seconds=(10.0, 30.0 * took - 10, 10.0))
    embed(store, make_spec("pearl", "reach-v1", budget=250_000))
    fail(
        store,
        make_spec("pearl", "cheetah-vel", 9, budget=250_000),
        "out of memory",
        log="Traceback\n<script>alert(1)</script>",
    )
    return write_report(store, folder / "reports")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile"), downloads) as driver:
        yield driver


EVERY_SCORE = "#scores-section details:has(#scores) > summary"
"""Folds the long table away, behind the one that a paper prints."""


@pytest.fixture
def browser(started: Any, page: Path) -> Iterator[Any]:
    started.set_window_size(1280, 1600)
    started.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    started.get(page.as_uri())
    yield started
    started.execute_script("sessionStorage.clear()")


def column(browser: Any, table: str, index: int) -> list[str]:
    script = (
        "return [...document.getElementById(arguments[0]).tBodies[0].rows].map(r => r.cells[arguments[1]].textContent)"
    )
    return list(browser.execute_script(script, table, index))


def find(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def press(browser: Any, selector: str) -> None:
    """Press with the keyboard."""
    element = find(browser, selector)
    browser.execute_script("arguments[0].focus()", element)
    element.send_keys(" ")


def shown(browser: Any, selector: str) -> list[bool]:
    script = (
        "return [...document.querySelectorAll(arguments[0])].map(e => e.getClientRects().length > 0"
        " && !e.closest('details:not([open]) > :not(summary)'))"
    )
    return list(browser.execute_script(script, selector))


def wait_until(true: Callable[[], bool], words: str) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, f"not so: {words}"
        time.sleep(0.05)


def downloaded(folder: Path, name: str) -> str:
    wait_until((folder / name).exists, f"{name} was downloaded")
    return (folder / name).read_bytes().decode()


def test_opens_without_network_and_without_console_errors(browser: Any) -> None:
    assert browser.title == "Reproducing meta-reinforcement learning"
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)") in (
        [],
        ["data:,"],
    )


def test_sorts_numbers_as_numbers_both_ways(browser: Any) -> None:
    press(browser, EVERY_SCORE)
    heading = "#scores th:nth-child(4)"
    press(browser, f"{heading} button")
    assert find(browser, heading).get_attribute("aria-sort") == "ascending"
    values = [float(value.replace(",", "")) for value in column(browser, "scores", 3)]
    assert values == sorted(values)
    press(browser, f"{heading} button")
    assert find(browser, heading).get_attribute("aria-sort") == "descending"
    assert [float(value.replace(",", "")) for value in column(browser, "scores", 3)] == sorted(values, reverse=True)


def test_filters_rows_by_every_word(browser: Any) -> None:
    press(browser, EVERY_SCORE)
    find(browser, "[data-filter=scores]").send_keys("reach blind")
    visible = [
        name
        for name, seen in zip(column(browser, "scores", 1), shown(browser, "#scores tbody tr"), strict=True)
        if seen
    ]
    assert visible == ["blind-sac"]


def test_filters_environments(browser: Any) -> None:
    find(browser, "#environment-filter").send_keys("cheetah")
    assert shown(browser, ".environment") == [True, False]


@pytest.mark.parametrize("part", ["seed", "band", "paper"])
def test_parts_of_the_curves_can_be_hidden(browser: Any, part: str) -> None:
    selector = f".environment .{part}"
    assert all(shown(browser, selector))
    press(browser, f"[data-part={part}]")
    assert not any(shown(browser, selector))
    assert all(shown(browser, ".environment .mean"))


def test_an_entry_can_be_hidden(browser: Any) -> None:
    press(browser, "[data-series='0']")
    assert not any(shown(browser, ".environment .series-0"))
    assert all(shown(browser, ".environment .series-1.mean"))


def test_tables_download_as_csv_with_full_precision(browser: Any, downloads: Path) -> None:
    press(browser, EVERY_SCORE)
    press(browser, "[data-csv=scores]")
    rows = list(csv.reader(downloaded(downloads, "scores.csv").splitlines()))
    assert rows[0][:4] == ["environment", "entry", "seeds", "score"]
    assert len(rows) == 9
    assert len(rows[1][3]) > 10
    assert {row[2] for row in rows[1:]} == {"3"}  # as written
    (untrained,) = {row[rows[0].index("untrained")] for row in rows[1:5]}  # of cheetah-vel
    assert float(untrained) == -300


def test_the_table_of_a_paper_is_copied_with_the_keyboard(browser: Any) -> None:
    browser.execute_script("document.querySelector('main').append(document.createElement('textarea'))")
    area = find(browser, "textarea")
    held: dict[str, str] = {}
    for form in ("Markdown", "LaTeX", "CSV"):
        press(browser, f"[data-copy=by-environment-{form}]")
        wait_until(lambda form=form: find(browser, "#said").text == f"Copied: {form}", f"{form} was copied")  # type: ignore[misc]
        assert browser.switch_to.active_element.get_attribute("data-copy") == f"by-environment-{form}"
        area.clear()
        area.send_keys(CONTROL_V)
        held[form] = area.get_property("value")
    table = find(browser, "#by-environment")
    assert [head.text for head in table.find_elements("css selector", "thead button")] == [
        "entry",
        "cheetah-vel",
        "reach-v1",
    ]
    bold = [cell.text for cell in table.find_elements("css selector", "b")]
    assert len(bold) == 1  # on cheetah-vel pearl lost a run
    assert all(f"**{cell}**".replace("[", "\\[").replace("]", "\\]") in held["Markdown"] for cell in bold)
    assert all(f"\\textbf{{{cell}}}" in held["LaTeX"] for cell in bold)
    rows = list(csv.reader(held["CSV"].splitlines()))
    assert rows[0][:4] == ["entry", "cheetah-vel", "cheetah-vel low", "cheetah-vel high"]
    best = max((row[4] for row in rows[1:3]), key=float)  # controls stand below
    assert bold[0].startswith(f"{float(best):.1f} ")
    assert len(best) > 10
    wait_until(lambda: find(browser, "[data-copy$=CSV]").text == "Copy CSV", "the button is as before")


def test_the_table_of_a_paper_sorts_by_value(browser: Any) -> None:
    press(browser, "#by-environment th:nth-child(2) button")
    values = [float(value.split(" ")[0]) for value in column(browser, "by-environment", 1)]
    assert len(values) == 4
    assert values == sorted(values)
    assert len({len(str(abs(value)).split(".")[0]) for value in values}) > 1  # texts would stand in another order


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_download_as_shown_for_white_paper(browser: Any, downloads: Path, theme: str) -> None:
    (downloads / "environment-0-curves.svg").unlink(missing_ok=True)
    browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
    press(browser, "[data-part=seed]")
    press(browser, "[data-svg=environment-0-curves-figure]")
    svg = downloaded(downloads, "environment-0-curves.svg")
    assert svg.startswith("<svg")
    assert "var(--" not in svg
    assert "currentColor" not in svg
    assert "#0b62a4" in svg
    assert "series-0 mean" in svg
    assert "series-0 seed" not in svg
    assert re.findall(r"(?:role|tabindex|aria-\w+)=", svg) == []
    assert browser.execute_script("return document.documentElement.dataset.theme") == theme


CHART = "#environment-0-curves-figure svg.chart"
"""Learning curves on cheetah-vel: 11 evaluations of 250,000 steps."""


def test_a_chart_reads_its_values_to_the_keyboard(browser: Any) -> None:
    chart = find(browser, CHART)
    assert chart.get_attribute("aria-label").startswith("Values of Learning curves on cheetah-vel")
    assert chart.get_attribute("role") == "slider"
    assert chart.get_attribute("aria-valuenow") == "100"
    browser.execute_script("arguments[0].focus()", chart)
    chart.send_keys(Keys.HOME)
    said = chart.get_attribute("aria-valuetext")
    assert said.startswith("environment steps: 0; ")
    assert said.count("-300.0") == 4  # where all begin
    chart.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    said = chart.get_attribute("aria-valuetext")
    assert said.startswith("environment steps: 25,000; oracle-sac ")
    assert said.count("3 seeds") == 4
    assert find(browser, ".tip").text.startswith("environment steps: 25,000")
    chart.send_keys(Keys.END)
    value, low, high = re.findall(r"pearl (-[\d.]+) \[(-[\d.]+), (-[\d.]+)\]", chart.get_attribute("aria-valuetext"))[
        -1
    ]
    rows = zip(*(column(browser, "scores", index) for index in range(5)), strict=True)
    (score,) = [row for row in rows if row[:2] == ("cheetah-vel", "pearl")]
    assert float(value) == pytest.approx(float(score[3]), abs=1)  # the last evaluation is the last tenth
    assert [float(low), float(high)] == pytest.approx([float(end) for end in score[4][1:-1].split(", ")], abs=1)
    chart.send_keys(Keys.ESCAPE)
    assert not shown(browser, ".tip")


def test_a_chart_reads_its_values_to_the_pointer(browser: Any) -> None:
    chart = find(browser, CHART)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    webdriver.ActionChains(browser).move_to_element(chart).perform()
    tip = find(browser, ".tip")
    assert re.match(r"environment steps: 1(00|25),000\n", tip.text)
    assert [name in tip.text for name in ("oracle-sac", "tcl-pearl", "pearl", "blind-sac")] == [True] * 4
    assert len(shown(browser, ".cursor circle")) == 4
    press(browser, "[data-series='0']")
    webdriver.ActionChains(browser).move_to_element_with_offset(chart, 30, 0).perform()
    assert len(shown(browser, ".cursor circle")) == 3  # what is hidden is not read
    webdriver.ActionChains(browser).move_to_element(find(browser, "#environments-section h2")).perform()
    assert not shown(browser, ".tip")


def text_of(browser: Any, selector: str) -> str:
    return " ".join(find(browser, selector).text.split())


def test_aggregates_read_their_values_to_keyboard_and_pointer(browser: Any) -> None:
    figure = find(browser, "#ranking-aggregates-figure svg")
    names = column(browser, "ranking", 0)
    ranked = [column(browser, "ranking", index) for index in (4, 5, 6, 7)]  # IQM, its interval, median, mean
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", figure)
    browser.execute_script("arguments[0].focus()", figure)
    for row, name in enumerate(names):  # from the top, as drawn
        said = figure.get_attribute("aria-valuetext").split("; ")
        iqm, limits, median, mean = (cells[row] for cells in ranked)
        assert said[:2] == [name, f"median {median}"]
        assert said[2] == f"IQM {iqm} {limits}".removesuffix(" –")
        assert said[3].startswith(f"mean {mean}")
        assert text_of(browser, ".tip").startswith(f"{name} median {median}")
        figure.send_keys(Keys.ARROW_DOWN)
    figure.send_keys(Keys.ESCAPE)
    assert not shown(browser, ".tip")
    browser.execute_script("arguments[0].blur()", figure)
    mark = find(browser, "#ranking-aggregates-figure .series-1.mean")
    webdriver.ActionChains(browser).move_to_element(mark).perform()
    legend = browser.execute_script("return document.querySelector('[data-series=\"1\"]').value")
    assert text_of(browser, ".tip").startswith(f"{legend} median ")


def test_profiles_read_their_values_to_the_keyboard(browser: Any) -> None:
    profiles = find(browser, "#ranking-profiles-figure svg")
    browser.execute_script("arguments[0].focus()", profiles)
    profiles.send_keys(Keys.HOME)
    said = profiles.get_attribute("aria-valuetext").split("; ")
    assert said[0].startswith("normalised score")
    assert len(said) == 5
    assert all(" 1.0" in each for each in said[1:])  # all runs are above the lowest level


def test_wall_clock_bars_read_their_values(browser: Any) -> None:
    bars = find(browser, "#wall-clock-split-figure svg")
    browser.execute_script("arguments[0].focus()", bars)
    bars.send_keys(Keys.HOME)
    first = bars.get_attribute("aria-valuetext")
    took = {"tcl-pearl": 130, "pearl": 100, "oracle-sac": 70, "blind-sac": 40}  # seconds a run, with 10 of evaluating
    name = first.split("; ")[0]
    unit = 60
    assert first == (
        f"{name}; sampling {10 / unit:.3g} minutes; updating {(took[name] - 20) / unit:.3g} minutes; "
        f"evaluating {10 / unit:.3g} minutes; total {took[name] / unit:.3g} minutes"
    )
    assert int(bars.get_attribute("aria-valuenow")) < 50
    said = [first]
    for key in (Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.END, Keys.ARROW_RIGHT):
        bars.send_keys(key)
        said.append(bars.get_attribute("aria-valuetext"))
    top, below, again, last, still = said  # left and right are for the box, where it cuts the figure off
    assert top == again != below
    assert last == still
    assert len({top, below, last}) == 3
    assert int(bars.get_attribute("aria-valuenow")) > 50


def test_a_figure_that_is_cut_off_scrolls_by_keyboard(browser: Any) -> None:
    box = "document.querySelector('#ranking-aggregates-figure .scroll')"
    assert browser.execute_script(f"return {box}.tabIndex") == -1
    with sized(browser, 390):
        wait_until(lambda: browser.execute_script(f"return {box}.tabIndex") == 0, "the keyboard reaches the box")
        curves = f"document.querySelector({CHART!r}).parentElement"
        assert browser.execute_script(f"return {curves}.tabIndex") == -1  # wide enough
        for selector in ("#ranking-aggregates-figure .scroll", "#ranking-aggregates-figure svg"):
            browser.execute_script(f"{box}.scrollLeft = 0; document.querySelector(arguments[0]).focus()", selector)
            browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
            wait_until(lambda: browser.execute_script(f"return {box}.scrollLeft") > 0, f"{selector} scrolls")
    wait_until(lambda: browser.execute_script(f"return {box}.tabIndex") == -1, "the figure alone is reached")


@pytest.mark.parametrize(("kind", "says"), [(".forest", "difference"), (".place ul", "untrained")])
def test_strips_and_forest_plots_read_their_values(browser: Any, kind: str, says: str) -> None:
    rows = browser.find_elements("css selector", f"{kind}:not(details *) > [aria-label]")[:2]
    browser.execute_script("arguments[0].focus()", rows[0])
    assert says in text_of(browser, ".tip")
    assert text_of(browser, ".tip") == rows[0].get_attribute("aria-label")
    webdriver.ActionChains(browser).move_to_element(rows[0]).move_to_element(find(browser, "h1")).perform()
    assert text_of(browser, ".tip") == rows[0].get_attribute("aria-label")  # the keyboard is still there
    rows[0].send_keys(Keys.ARROW_DOWN)
    assert browser.switch_to.active_element == rows[1]
    assert text_of(browser, ".tip") == rows[1].get_attribute("aria-label")
    rows[1].send_keys(Keys.ESCAPE)
    assert not shown(browser, ".tip")
    browser.execute_script("arguments[0].blur()", rows[1])
    webdriver.ActionChains(browser).move_to_element(rows[0]).perform()
    assert text_of(browser, ".tip") == rows[0].get_attribute("aria-label")
    stops = f"return document.querySelector('{kind}').querySelectorAll('[tabindex=\"0\"]').length"
    assert browser.execute_script(stops) == 1  # of the keyboard


def test_only_one_entry_and_all_again(browser: Any) -> None:
    press(browser, "[data-only='1']")
    assert all(shown(browser, ".environment .series-1.mean"))
    assert not any(shown(browser, ".environment :is(.series-0, .series-2, .series-3).mean"))
    press(browser, "[data-only='']")
    assert all(shown(browser, ".environment .mean"))


def test_curves_over_seconds(browser: Any) -> None:
    ends = f"return [...document.querySelectorAll('{CHART} .mean')].map(p => p.getBBox().width)"
    before = browser.execute_script(ends)
    assert len(set(before)) == 1  # all spent the same steps
    choose = Select(find(browser, "#axis"))
    choose.select_by_value("seconds")
    after = browser.execute_script(ends)
    assert sorted(after) == pytest.approx([before[0] * share for share in (1 / 4, 2 / 4, 3 / 4, 1)], abs=2)
    chart = find(browser, CHART)
    browser.execute_script("arguments[0].focus()", chart)
    chart.send_keys(Keys.END)
    assert chart.get_attribute("aria-valuetext").startswith("seconds of training: 120; ")
    assert chart.get_attribute("aria-valuetext").count("seeds") == 1  # the others had ended
    choose.select_by_value("steps")
    assert browser.execute_script(ends) == pytest.approx(before)


def test_the_address_keeps_what_is_shown(browser: Any, page: Path) -> None:
    Select(find(browser, "#axis")).select_by_value("seconds")
    press(browser, "[data-only='2']")
    find(browser, "#environments-section .permalink").send_keys(Keys.ENTER)
    wait_until(lambda: "#environments-section" in browser.current_url, "the address has the section")
    address = browser.current_url
    assert "#environments-section?" in address
    seen = [shown(browser, ".environment .mean"), Select(find(browser, "#axis")).first_selected_option.text]
    assert seen[0].count(True) == 2
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
    browser.get(address)
    assert [
        shown(browser, ".environment .mean"),
        Select(find(browser, "#axis")).first_selected_option.text,
    ] == seen
    assert find(browser, f"{CHART} [data-axis=seconds]").is_displayed()
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#clusters-0-figure?axis=seconds")
    assert all(shown(browser, "#clusters-0-figure svg"))  # folded otherwise
    assert find(browser, f"{CHART} [data-axis=seconds]").is_displayed()


def test_numbers_of_an_environment(browser: Any) -> None:
    press_link = "document.querySelector('[data-find=reach-v1]').click()"
    browser.execute_script(press_link)
    rows = zip(column(browser, "scores", 0), shown(browser, "#scores tbody tr"), strict=True)
    assert {name for name, seen in rows if seen} == {"reach-v1"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white_and_cuts_nothing(browser: Any, theme: str) -> None:
    browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    width = 1030  # A4 landscape within its margins, in CSS pixels
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert not any(shown(browser, "#provenance-section details table, .tall .scroll"))
        kept = ("answers", "learned", "better", "verdict", "directions", "ranking", "scores", "environments")
        printed = [name for name in kept if any(shown(browser, f"#{name}-section"))]
        assert printed == list(kept)
        sections = [each.get_attribute("id") for each in browser.find_elements("css selector", "main > section")]
        rest = [name for name in sections if name.removesuffix("-section") not in kept]
        assert len(rest) > 5
        assert not any(shown(browser, f"#{name}")[0] for name in rest)
        assert shown(browser, "main > .left-out") == [True]
        said = find(browser, "main > .left-out").text
        assert said.startswith("Left out on paper: ")
        assert all(each in said for each in ("Wins", "Wall-clock", "Runs", "Provenance", "Glossary"))
        folded = "getComputedStyle(document.querySelector('#scores-section summary'), '::after').content"
        assert browser.execute_script(f"return {folded}") == '" (folded: left out on paper)"'
        browser.execute_script("print = () => {}")
        browser.execute_script("document.getElementById('print-all').click()")
        wider = (
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > arguments[0] + 1)"
        )
        assert browser.execute_script(f"return {wider}.map(e => e.outerHTML.slice(0, 200))", width) == []
        colours = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        assert browser.execute_script(colours) == ["rgb(255, 255, 255)", "rgb(28, 30, 33)"]
        assert not any(shown(browser, "nav, .tools, .legend, figcaption button"))
        assert all(shown(browser, "#provenance-section details table, .tall .scroll"))
        assert not any(shown(browser, ".left-out"))
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
        assert (
            browser.execute_script("return document.querySelectorAll('#provenance-section details[open]').length") == 0
        )
        assert not any(shown(browser, ".tall .scroll"))
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_heading_figure_and_claim_has_a_link_to_itself(browser: Any) -> None:
    counts = browser.execute_script(
        "return [document.querySelectorAll('main > section :is(h2, h3, h4), figure, .claims li').length,"
        " document.querySelectorAll('.permalink').length]"
    )
    assert counts[0] == counts[1] > 30
    links = browser.execute_script(
        "return [...document.querySelectorAll('.permalink')].map(l => [l.hash, l.getAttribute('aria-label'),"
        " document.querySelectorAll(l.hash).length])"
    )
    assert {number for *_, number in links} == {1}
    assert ["#scores-section", "Link to Final scores by environment", 1] in links
    assert all(name.startswith("Link to ") and len(name) > 10 for _, name, _ in links)


def test_a_link_shows_when_the_keyboard_reaches_it(browser: Any) -> None:
    opacity = "return getComputedStyle(document.querySelector('#scores-section .permalink')).opacity"
    assert browser.execute_script(opacity) == "0"
    browser.execute_script("document.querySelector('#scores-section .tools *').focus()")
    browser.switch_to.active_element.send_keys(SHIFT_TAB)
    assert browser.switch_to.active_element.get_attribute("aria-label") == "Link to Final scores by environment"
    assert browser.execute_script(opacity) == "1"


def test_an_address_leads_into_what_is_folded(browser: Any, page: Path) -> None:
    assert not any(shown(browser, "#clusters-0-figure svg"))
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#clusters-0-figure")
    assert all(shown(browser, "#clusters-0-figure svg"))


@pytest.mark.parametrize(
    ("section", "named"),
    [("learned", "Summary"), ("scores", "Scores"), ("provenance", "Provenance"), ("glossary", "Glossary")],
)
def test_the_contents_mark_where_one_is(browser: Any, section: str, named: str) -> None:
    browser.execute_script(
        "document.getElementById(arguments[0]).scrollIntoView({behavior: 'instant'})", f"{section}-section"
    )
    marked = "return [...document.querySelectorAll('nav [aria-current=location]')].map(e => e.textContent)"
    wait_until(lambda: browser.execute_script(marked) == [named], f"{named} is marked")


def test_dark_and_light(browser: Any) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(background)
    press(browser, "#theme")
    assert browser.execute_script(background) != before
    press(browser, "#theme")
    assert browser.execute_script(background) == before


def test_the_theme_follows_the_system_until_one_is_chosen(browser: Any) -> None:
    def prefer(theme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": theme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})

    offered = "return document.getElementById('theme').textContent"
    paper = "return getComputedStyle(document.body).backgroundColor"
    try:
        prefer("dark")
        wait_until(lambda: browser.execute_script(offered) == "Light", "the button offers the other theme")
        dark = browser.execute_script(paper)
        prefer("light")
        wait_until(lambda: browser.execute_script(offered) == "Dark", "the button offers the other theme")
        assert browser.execute_script(paper) != dark
        press(browser, "#theme")
        browser.refresh()
        assert browser.execute_script(offered) == "Light"
        assert browser.execute_script(paper) == dark
    finally:
        prefer("")


def test_folds_and_filters_outlive_a_reload(browser: Any) -> None:
    def seen() -> list[list[bool]]:
        kinds = ("#provenance-section details section", "#scores tbody tr", ".environment", ".series-0.mean", ".band")
        return [shown(browser, selector) for selector in kinds]

    press(browser, EVERY_SCORE)
    fresh = seen()
    press(browser, "#provenance-section summary")
    find(browser, "[data-filter=scores]").send_keys("reach blind")
    press(browser, "[data-series='0']")
    press(browser, "[data-part=band]")
    find(browser, "#environment-filter").send_keys("cheetah")
    left = seen()
    assert all(before != after for before, after in zip(fresh, left, strict=True))
    browser.refresh()
    assert seen() == left
    assert find(browser, "[data-filter=scores]").get_attribute("value") == "reach blind"


def test_a_table_that_is_cut_says_so_and_does_not_cut_the_decision(browser: Any) -> None:
    press(browser, "#wins-section summary")
    box = "document.getElementById('wins').parentElement"
    right = "document.querySelector('#wins [data-key=decision]').getBoundingClientRect().right"
    assert browser.execute_script(f"return {right} <= {box}.getBoundingClientRect().right")
    assert browser.execute_script(f"return {right} > {box}.getBoundingClientRect().left + 100")
    browser.set_window_size(950, 1600)
    wait_until(lambda: browser.execute_script(f"return {box}.scrollWidth > {box}.clientWidth"), "it is cut")
    shadows = browser.execute_script(f"return getComputedStyle({box}).backgroundImage").count("linear-gradient")
    assert shadows == 4  # two edges, and what covers each where nothing is cut


@pytest.fixture
def going(page: Path, tmp_path: Path) -> Path:
    """The page as it is while runs are going; an open one loads itself again every second."""
    path = tmp_path / "index.html"
    path.write_text(live(page.read_text(), 1, "Runs in progress"))
    return path


def times(browser: Any) -> float:
    """Return when the page was loaded."""
    return float(browser.execute_script("return performance.timeOrigin"))


def test_a_page_loads_itself_again_while_runs_are_going_and_stays_where_it_was(
    browser: Any, page: Path, going: Path
) -> None:
    hold, let_go = (f"dispatchEvent(new Event('{event}print'))" for event in ("before", "after"))
    browser.get(going.as_uri())
    browser.execute_script(f"{hold}; document.documentElement.style.scrollBehavior = 'auto'")  # nothing is on its way
    press(browser, "#provenance-section summary")
    find(browser, "#environment-filter").send_keys("reach")
    top = "return Math.round(document.getElementById('wins-section').getBoundingClientRect().top)"
    browser.execute_script(
        "document.getElementById('wins-section').scrollIntoView();"
        "scrollBy(0, -7); document.querySelector('#wins-section summary').focus({preventScroll: true})"
    )
    before, loaded = browser.execute_script(top), times(browser)
    text = going.read_text()
    longer = text.replace(
        '<section id="scores-section">', '<p style="height: 300px">More.</p><section id="scores-section">'
    )
    assert longer != text
    going.write_text(longer)  # above what is looked at
    browser.execute_script(let_go)
    wait_until(lambda: times(browser) > loaded, "it was loaded again")
    browser.execute_script(hold)
    assert find(browser, "#environment-filter").get_attribute("value") == "reach"
    assert shown(browser, ".environment") == [False, True]
    assert all(shown(browser, "#provenance-section details[open] table"))
    assert abs(browser.execute_script(top) - before) <= 1
    focus = "const e = document.activeElement; return [e.tagName, e.closest('section').id]"
    assert browser.execute_script(focus) == ["SUMMARY", "wins-section"]
    going.write_text(page.read_text())
    browser.execute_script(let_go)
    wait_until(lambda: not browser.find_elements("id", "live"), "the finished page is there")
    loaded = times(browser)
    time.sleep(2.5)
    assert times(browser) == loaded
    assert browser.get_log("browser") == []


def test_a_page_does_not_load_itself_again_while_it_is_printed_or_when_told_not_to(browser: Any, going: Path) -> None:
    browser.get(going.as_uri())
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    loaded = times(browser)
    time.sleep(2.5)
    assert times(browser) == loaded
    press(browser, "#reload")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    time.sleep(2.5)
    assert times(browser) == loaded
    press(browser, "#reload")
    wait_until(lambda: times(browser) > loaded, "it was loaded again")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not any(shown(browser, ".live label"))


def test_a_served_page_loads_itself_again_when_there_is_another_and_outlives_its_server(
    browser: Any, page: Path
) -> None:
    text = page.read_text()
    server = PageServer(0, page.parent)
    with server.serving():
        server.show(text, 1)
        browser.get(server.address)
        loaded = times(browser)
        time.sleep(2.5)
        assert times(browser) == loaded
        assert browser.get_log("browser") == []
        server.show(text.replace("<h1>", "<h1>Again: "), 1)
        heading = "return document.querySelector('h1')?.textContent.startsWith('Again: ')"
        wait_until(lambda: browser.execute_script(heading), "the other page is shown")
        loaded = times(browser)
    time.sleep(2.5)
    assert times(browser) == loaded
    assert browser.execute_script(heading)


@pytest.mark.parametrize("served", [False, True])
def test_a_clip_stands_beside_its_curve_and_plays(browser: Any, tmp_path: Path, served: bool) -> None:
    store = Store(tmp_path / "results")
    spec = make_spec("pearl", "reach-v1", budget=250_000)
    finish(store, spec, lambda t: 9e4 * t)
    clip = clip_path(tmp_path, spec.run, 3)
    clip.parent.mkdir()
    write_clip(clip, [np.full((360, 480, 3), shade, np.uint8) for shade in range(0, 240, 12)])
    text = page_of(store, clips=find_clips(tmp_path))
    write_page(tmp_path / "index.html", text)
    server = PageServer(0, tmp_path)
    with server.serving():
        server.show(text)
        browser.get(server.address if served else (tmp_path / "index.html").as_uri())
        browser.get_log("browser")  # of the page before, whose server may have gone
        video = find(browser, ".environment figure ~ .clips video")
        assert video.get_attribute("aria-label") == "pearl, seed 0, test task 3"
        state = "const v = arguments[0]; return [v.paused, v.readyState, v.currentTime]"
        assert browser.execute_script(state, video) == [True, 0, 0]  # nothing is loaded, nothing plays
        browser.execute_script("arguments[0].focus()", video)
        video.send_keys(" ")
        wait_until(lambda: browser.execute_script(state, video)[2] > 0, "it plays")
        assert browser.get_log("browser") == []
        press(browser, "[data-series='0']")
        assert shown(browser, ".clips li") == [False]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_itself_never_scrolls_sideways(browser: Any, width: int) -> None:
    with sized(browser, width):
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width


WIDE = """
for (const row of document.querySelectorAll('.place li')) {
  row.querySelector('.score').textContent = '-0.0880';
  row.querySelector('.entry').className = 'entry whole';
  row.querySelector('.entry').lastChild.textContent = arguments[0];
  row.querySelector('.lame')?.remove();
  row.insertAdjacentHTML('beforeend', '<span class="lame">did not learn</span>');
}
"""
BEYOND = """
return [...document.querySelectorAll('.place li')].filter(row => row.offsetParent && row.lastElementChild
  .getBoundingClientRect().right > row.closest('.place').getBoundingClientRect().right).length
"""


@pytest.mark.parametrize("entry", ["oracle-sac", "maml-trpo as garage"])
def test_what_learned_stays_within_its_cards(browser: Any, entry: str) -> None:
    browser.execute_script(WIDE, entry)
    try:
        for width in (390, 768, 1024, 1280, 1600):
            with sized(browser, width):
                assert browser.execute_script(BEYOND) == 0, width
    finally:
        browser.refresh()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_accessibility_finding(browser: Any, theme: str) -> None:
    pytest.importorskip("axe_selenium_python")
    axe = files("axe_selenium_python") / "node_modules" / "axe-core" / "axe.min.js"
    browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    browser.execute_script(axe.read_text(encoding="utf-8"))
    browser.set_script_timeout(300)  # on a busy machine it takes longer than half a minute
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    serious = [
        f"{finding['id']}: {node['html'][:160]}"
        for finding in found["violations"]
        if finding["impact"] in {"serious", "critical"}
        for node in finding["nodes"][:3]
    ]
    assert serious == []
    assert len(found["passes"]) > 20
