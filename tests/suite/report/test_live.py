"""The page while runs are going: how often it is written, what an open one does, and what is left in the end."""

from __future__ import annotations

import errno
import html
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
import yaml
from rich.console import Console

import suite as package
from suite.errors import UsageError
from suite.execute import patience
from suite.execute.registry import EXECUTORS
from suite.plan.benchmark import Benchmark
from suite.report import live as module
from suite.report import page_of
from suite.report.clips import clip_path, find_clips, poster_path
from suite.report.live import SOONEST, LivePage, Pace, live
from suite.report.server import PageServer, follow
from suite.store.record import RunRecord
from suite.store.runs import Store
from tests.suite import instant
from tests.suite.report.test_page import Page
from tests.suite.stores import finish, linear, make_spec
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite


def test_writing_takes_two_percent_of_a_core_at_most() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    assert pace.due
    for cost, wait in ((0.5, 25.0), (4.0, 200.0), (0.01, SOONEST)):
        pace.spent(cost)
        assert pace.seconds == wait
        assert cost / (cost + wait) <= 0.02
        now += wait - 0.001
        assert not pace.due
        now += 0.001
        assert pace.due


def test_a_live_page_says_so_and_loads_itself_and_is_otherwise_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(), linear(0.0, 5.0))
    page = page_of(store)
    found = live(page, 12.4, "Runs in progress")
    banner = Page(found)
    assert "Runs in progress" in banner.text
    assert "Reload every 12 s" in banner.text
    assert ("meta", {"http-equiv": "refresh", "content": "12"}) in banner.tags
    assert 'id="live"' not in page
    assert "refresh" not in [attributes.get("http-equiv") for _, attributes in Page(page).tags]
    assert page == page_of(store)
    lines = found.splitlines()
    assert [line for line in page.splitlines() if line not in lines] == [
        line for line in page.splitlines() if "Content-Security-Policy" in line
    ]


def waited(page: LivePage) -> None:
    for thread in threading.enumerate():
        if thread.name == "page":
            thread.join()


def test_it_is_written_as_something_changes_and_left_as_one_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made, said = tmp_path / "reports" / "index.html", iter("abcdef"), list[str]()
    text = '<head><title></title></head><main id="main">{}</main>'
    monkeypatch.setattr(module, "SOONEST", 0.0)
    with suppress(KeyboardInterrupt), LivePage(path, lambda: text.format(next(made)), said.append) as page:
        for shows, letter in ((1, "a"), (1, "a"), (2, "b"), (3, "c")):
            page._pace = Pace()
            page.tick(shows)
            waited(page)
            assert f"</p>{letter}</main>" in path.read_text().replace("\n", "")
            assert 'id="live"' in path.read_text()
        page.tick(3)
        raise KeyboardInterrupt
    assert path.read_text() == text.format("c")
    assert said == [f"report: {path}, updated as runs end"]


def test_an_interrupt_waits_for_no_page(tmp_path: Path) -> None:
    path, go_on, made = tmp_path / "index.html", threading.Event(), iter("ab")
    text = '<head><title></title></head><main id="main">{}</main>'

    def make() -> str:
        letter = next(made)
        if letter == "b":
            assert go_on.wait(60)
        return text.format(letter)

    with suppress(KeyboardInterrupt), LivePage(path, make, lambda _: None) as page:
        page.tick(1)
        waited(page)
        page._pace = Pace()
        page.tick(2)
        raise KeyboardInterrupt
    assert path.read_text() == text.format("a")
    go_on.set()
    waited(page)
    assert path.read_text() == text.format("a")


def test_a_page_that_cannot_be_made_stops_nothing_and_is_told_once(tmp_path: Path) -> None:
    def make() -> str:
        raise ZeroDivisionError("of a user module")

    said: list[str] = []
    with LivePage(tmp_path / "index.html", make, said.append) as page:
        for shows in range(3):
            page._pace = Pace()
            page.tick(shows)
            waited(page)
    assert said == ["report: not updated as runs end (ZeroDivisionError: of a user module)"]
    assert list(tmp_path.iterdir()) == []


def test_a_benchmark_writes_its_page_as_runs_end_and_a_plain_one_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXECUTORS, "instant", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "score", lambda spec: 7.0)
    written: list[str] = []
    write = module.write_page
    monkeypatch.setattr(module, "write_page", lambda path, page: (written.append(page), write(path, page))[1])
    shown = io.StringIO()
    outcome = package.run(
        Benchmark.model_validate(yaml.safe_load(TINY)),
        results=tmp_path / "r",
        reports=tmp_path / "p",
        executor="instant",
        console=Console(file=shown, width=500),
    )
    assert ['id="live"' in page for page in written] == [True, False]
    assert all("2 of 2 runs done" in page for page in written)
    assert outcome.report is not None
    assert outcome.report.read_text() == written[-1]
    assert shown.getvalue().count("updated as runs end") == 1


def asked(
    server: PageServer, method: str = "GET", path: str = "/", host: str | None = None, **headers: str
) -> HTTPResponse:
    port = int(server.address.rpartition(":")[2].strip("/"))
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=headers if host is None else {"Host": host})
    return connection.getresponse()


def test_the_server_serves_one_page_and_its_clips_to_this_machine(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a b-task0.mp4").write_bytes(b"film")
    (tmp_path / "clips" / "notes.txt").write_bytes(b"not a clip")
    (tmp_path / "other.mp4").write_bytes(b"elsewhere")
    (tmp_path / "clips" / "link.mp4").symlink_to(tmp_path / "other.mp4")
    server = PageServer(0, tmp_path)
    assert server._server.server_address[0] == "127.0.0.1"
    with server.serving():
        assert asked(server, "HEAD").status == 503  # an open page asks again
        server.show('<head></head><main id="main">one</main>')
        first = asked(server)
        assert (first.status, first.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
        body = first.read().decode()
        assert "Updated as the store changes" in body
        assert "one</main>" in body
        head = asked(server, "HEAD", "/index.html", host="localhost")
        assert (head.status, head.read()) == (200, b"")
        tag = first.getheader("ETag")
        assert head.getheader("ETag") == tag
        assert f'data-version="{tag}"' in html.unescape(body)
        server.show('<head></head><main id="main">two</main>')
        assert asked(server).getheader("ETag") != first.getheader("ETag")
        assert asked(server, path="/../pyproject.toml").status == 404
        assert asked(server, path="/results").status == 404
        clip = asked(server, path="/clips/a%20b-task0.mp4")
        assert (clip.status, clip.getheader("Content-Type"), clip.read()) == (200, "video/mp4", b"film")
        for path in ("notes.txt", "missing.mp4", "link.mp4", "../other.mp4", "..%2Fother.mp4"):
            assert asked(server, path=f"/clips/{path}").status == 404
        assert asked(server, path="/clips/a%20b-task0.mp4", host="elsewhere.example").status == 421
        assert asked(server, host="elsewhere.example").status == 421
        assert asked(server, "POST").status == 501
        port = int(server.address.rpartition(":")[2].strip("/"))
        with pytest.raises(UsageError, match=rf"^--port {port}: cannot be used \(Address already in use\)$"):
            PageServer(port, tmp_path)


@pytest.mark.parametrize(
    ("asks", "status", "part", "bytes_sent"),
    [
        ("bytes=0-1", 206, "bytes 0-1/8", b"01"),  # what Safari asks first
        ("bytes=5-", 206, "bytes 5-7/8", b"567"),
        ("bytes=6-99", 206, "bytes 6-7/8", b"67"),
        ("bytes=8-", 416, "bytes */8", b""),
        ("bytes=5-4", 416, "bytes */8", b""),
        ("bytes=-3", 200, None, b"01234567"),
        ("bytes=0-1,4-5", 200, None, b"01234567"),
        ("lines=0-1", 200, None, b"01234567"),
    ],
)
def test_a_clip_is_served_in_parts(tmp_path: Path, asks: str, status: int, part: str | None, bytes_sent: bytes) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a-task0.mp4").write_bytes(b"01234567")
    server = PageServer(0, tmp_path)
    with server.serving():
        found = asked(server, path="/clips/a-task0.mp4", Range=asks)
        assert (found.status, found.getheader("Content-Range"), found.read()) == (status, part, bytes_sent)
        assert found.getheader("Content-Length") == str(len(bytes_sent))
        whole = asked(server, path="/clips/a-task0.mp4", Range=asks, **{"If-Range": '"another"'})
        assert (whole.status, whole.read()) == (200, b"01234567")
        head = asked(server, "HEAD", path="/clips/a-task0.mp4", Range=asks)
        assert (head.status, head.getheader("Accept-Ranges"), head.getheader("Content-Length")) == (200, "bytes", "8")


def test_a_clip_of_any_name_is_linked_and_served(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 #1-task0.mp4")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / name).write_bytes(b"film")
    ((clip,),) = find_clips(tmp_path).values()
    assert clip.source == "clips/caf%E9%20%231-task0.mp4"
    server = PageServer(0, tmp_path)
    with server.serving():
        assert asked(server, path=f"/{clip.source}").read() == b"film"


def between_looks(events: Iterator[Callable[[], object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one thing happen each time that the server waits to look at the store again, and then an interrupt."""

    def sleep(seconds: float) -> None:
        assert seconds >= 1
        event = next(events, None)
        if event is None:
            raise KeyboardInterrupt
        event()

    monkeypatch.setattr("suite.report.server.time.sleep", sleep)
    monkeypatch.setattr(Pace, "due", True)


def test_the_page_is_made_again_when_the_store_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, shown = Store(tmp_path), list[str]()
    events = iter(
        [
            lambda: None,
            lambda: finish(store, make_spec(), linear(0.0, 5.0)),
            lambda: None,
            lambda: finish(store, make_spec(seed=1), linear(0.0, 5.0)),
            lambda: None,
        ]
    )
    between_looks(events, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        follow(
            store, tmp_path, lambda: str(len(list(store.records()))), lambda page, seconds: shown.append(page), print
        )
    assert shown == ["0", "1", "2"]


def test_the_page_is_made_again_when_there_is_another_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, shown = Store(tmp_path / "results"), list[str]()
    clip = clip_path(tmp_path, make_spec().run, 0)
    clip.parent.mkdir()
    between_looks(iter([lambda: None, clip.touch, lambda: None, poster_path(clip).touch, lambda: None]), monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        follow(store, tmp_path, lambda: str(find_clips(tmp_path)), lambda page, seconds: shown.append(page), print)
    assert ["mp4" in page for page in shown] == [False, True, True]
    assert ["jpg" in page for page in shown] == [False, False, True]


def test_a_page_that_cannot_be_made_again_is_told_and_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, shown, said = Store(tmp_path), list[str](), list[str]()
    events = iter([lambda: finish(store, make_spec(), linear(0.0, 5.0)), lambda: None])
    pages = iter(["one", UsageError("benchmark b.yaml: is half written"), "two"])

    def make() -> str:
        page = next(pages)
        if isinstance(page, UsageError):
            raise page
        return page

    between_looks(events, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        follow(store, tmp_path, make, lambda page, seconds: shown.append(page), said.append)
    assert shown == ["one", "two"]
    assert said == ["report: not updated (benchmark b.yaml: is half written)"]
    with pytest.raises(UsageError, match="no such file"):
        follow(store, tmp_path, raising("no such file"), lambda page, seconds: None, said.append)


@pytest.mark.parametrize("how", ["emptied", "stale"])
def test_a_store_that_goes_away_leaves_the_page_as_it_was(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a lost mount leaves an empty folder, or a handle that its server does not know any more."""
    store, shown, said = Store(tmp_path / "r"), list[str](), list[str]()
    finish(store, make_spec(), linear(0.0, 5.0))
    records = Store.records

    def stale(self: Store) -> Iterator[RunRecord]:
        raise OSError(errno.ESTALE, "Stale file handle")

    def go() -> None:
        (tmp_path / "r").rename(tmp_path / "elsewhere")
        (tmp_path / "r").mkdir()

    def come() -> None:
        (tmp_path / "r").rmdir()
        (tmp_path / "elsewhere").rename(tmp_path / "r")

    def come_changed() -> None:
        come() if how == "emptied" else monkeypatch.setattr(Store, "records", records)
        finish(store, make_spec(seed=1), linear(0.0, 5.0))

    leave = go if how == "emptied" else lambda: monkeypatch.setattr(Store, "records", stale)
    between_looks(iter([leave, lambda: None, lambda: None, come_changed, lambda: None]), monkeypatch)
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        follow(
            store,
            tmp_path,
            lambda: str(len(list(store.records()))),
            lambda page, seconds: shown.append(page),
            said.append,
        )
    assert shown == ["1", "2"]
    assert len(said) == 2
    assert "is away" in said[0]
    assert said[1].endswith("is back")


def test_what_a_user_module_raises_ends_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, shown, said = Store(tmp_path), list[str](), list[str]()
    pages = iter(["one", ZeroDivisionError("of my own"), ZeroDivisionError("of my own"), "two"])

    def make() -> str:
        page = next(pages)
        if isinstance(page, Exception):
            raise page
        return page

    change = lambda: finish(store, make_spec(), linear(0.0, 5.0))  # noqa: E731
    between_looks(iter([change, lambda: None, lambda: None]), monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        follow(store, tmp_path, make, lambda page, seconds: shown.append(page), said.append)
    assert shown == ["one", "two"]
    assert said == ["report: not updated (of my own)"]


def raising(words: str) -> Callable[[], str]:
    def make() -> str:
        raise UsageError(words)

    return make


def test_reports_are_served_until_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    finish(Store(tmp_path / "r"), make_spec(), linear(0.0, 5.0))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("suite.report.server.time.sleep", interrupt)
    folders = ("--results", tmp_path / "r", "--reports", tmp_path / "p")
    assert suite("report", *folders, "--serve", "--port", 0, "--open") == 0
    page = tmp_path / "p" / "index.html"
    printed = capfd.readouterr()
    assert printed.out == f"report: {page}, served at {opened[0]} until Ctrl-C\n"
    assert opened[0].startswith("http://127.0.0.1:")
    assert 'id="live"' not in page.read_text()


@pytest.mark.parametrize("there", [True, False])
def test_the_page_is_opened_or_its_address_is_told(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    finish(Store(tmp_path / "r"), make_spec(), linear(0.0, 5.0))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or there)
    assert suite("report", "--results", tmp_path / "r", "--reports", tmp_path / "p", "--open") == 0
    page = tmp_path / "p" / "index.html"
    assert opened == [page.as_uri()]
    printed = capfd.readouterr()
    assert printed.out == f"report: {page}\n"
    assert printed.err == ("" if there else f"no browser here; to open in one: {page.as_uri()}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "markdown", "--serve"], "--format markdown: is printed, and cannot be opened or served"),
        (["--format", "latex", "--open"], "--format latex: is printed, and cannot be opened or served"),
        (["--port", "8000"], "--port: is for --serve"),
        (["--serve", "--port", "65536"], "Invalid value for '--port': Input should be less than or equal to 65535"),
        (["--serve", "--port", "http"], "Invalid value for '--port': Input should be a valid integer"),
    ],
)
def test_wrong_usage_is_one_line(words: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("report", *words) == 2
    printed = capfd.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
