"""Progress of a benchmark: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from types import TracebackType
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from suite.console.terminal import is_live
from suite.console.time_left import TimeLeft
from suite.spec import RunSpec
from suite.store.record import CorruptRunError, RunRecord, RunState
from suite.store.runs import Store

TICK_SECONDS = 1.0
"""Between two looks at the store, at least, for whoever has other things to do."""

SHARE = 0.01
"""Share of the time that such readings may take."""

LOOK_SECONDS = 0.01
"""For the runs of which nobody says that they may have changed: what is not looked at now is looked at next."""

QUIET_SECONDS = 20.0
"""Without a running run, of which some are pending: nobody is working on them. Between two attempts, nothing runs."""

LINES_SECONDS = 60.0
"""Between two lines on each running run, where there is no terminal."""

Shown = RunState | Literal["post-run due", "post-run"]
"""A finished run's post-run steps, if it has some, are to come or underway."""

MARKS: dict[Shown, str] = {
    "running": "▶",
    "post-run": "▷",
    "failed": "✗",
    "unreadable": "?",
    "pending": "·",
    "post-run due": "·",
    "done": "✓",
}
"""In the order in which they are shown."""

WAITING: tuple[Shown, ...] = ("pending", "post-run due")
UNDERWAY: tuple[Shown, ...] = ("running", "post-run")


def shown(record: RunRecord) -> Shown:
    """Return what a run is shown as."""
    state = record.state
    if state == "done" and record.owed:
        return "post-run" if record.is_held else "post-run due"
    return state


class Progress:
    """Shows how far each run of a plan is, read from the store.

    Parameters
    ----------
    left : forecasts the time that is left; without it, none is shown.
    """

    def __init__(self, store: Store, specs: Sequence[RunSpec], console: Console, left: TimeLeft | None = None) -> None:
        self.console, self.left = console, left
        self.begun = self.seen = self.told = time.monotonic()
        self.specs = {spec.run: spec for spec in specs}
        self.records = {run: store.record(run) for run in self.specs}
        self.states = {run: shown(record) for run, record in self.records.items()}
        self._in: dict[Shown, dict[str, None]] = {state: {} for state in MARKS}
        """The runs of each state."""
        for run, state in self.states.items():
            self._in[state][run] = None
        self._unfinished = deque(run for run, state in self.states.items() if state != "done")
        self._next = 0.0
        self._time_left: str | None = None
        """In words; None if it is to be found out anew."""
        self._live = Live(console=console, auto_refresh=False) if is_live(console) else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.update(seconds=float("inf"))
        except OSError:
            if error is None:
                raise
        finally:
            if self._live:
                self._live.stop()

    def tick(self, underway: Callable[[], Iterable[str]]) -> None:
        """Update now and then; costs nothing in between.

        Parameters
        ----------
        underway : returns the runs that may have changed since it was last called.
        """
        if (begun := time.monotonic()) >= self._next:
            self.update(underway())
            took = time.monotonic() - begun
            self._next = begun + max(TICK_SECONDS, took / SHARE)

    def update(self, underway: Iterable[str] = (), seconds: float = LOOK_SECONDS) -> None:
        """Look at the store again; print what changed, and now and then what is running.

        Parameters
        ----------
        underway : runs that may have changed; those that were running may have, too.
        seconds : for looking at some of the others.
        """
        self._time_left = None
        looked = dict.fromkeys(chain(self._all(UNDERWAY), (run for run in underway if run in self.specs)))
        for run in looked:
            self._look(run)
        deadline = time.monotonic() + seconds
        for _ in range(len(self._unfinished)):
            run = self._unfinished[0]
            if run not in looked:
                self._look(run)  # may find that the store is away: then the run stays
            self._unfinished.popleft()
            if self.states[run] != "done":
                self._unfinished.append(run)
            if time.monotonic() >= deadline:
                break
        if self._live:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() - self.told >= LINES_SECONDS:
            self.told = time.monotonic()
            for run in self._all(UNDERWAY):
                self._say(run)

    @property
    def ended(self) -> int:
        """The number of runs that are done, or will not be."""
        return sum(len(self._in[state]) for state in ("done", "failed", "unreadable"))

    def is_worked_on(self) -> bool:
        """True if somebody is working on the runs, or was a moment ago and has not done them all."""
        if any(self._all(UNDERWAY)):
            self.seen = time.monotonic()
            return True
        return any(self._all(WAITING)) and time.monotonic() - self.seen < QUIET_SECONDS

    def _all(self, states: Iterable[Shown]) -> Iterator[str]:
        return chain.from_iterable(self._in[state] for state in states)

    def _look(self, run: str) -> None:
        before, now = self.states[run], shown(self.records[run])
        self.states[run] = now
        if now == "running" or (now == "done" and now != before):
            self._note(run)
        if before != now:
            del self._in[before][run]
            self._in[now][run] = None
            if not self._live:
                self._say(run)

    def _say(self, run: str) -> None:
        spec = self.specs[run]
        self.console.print(
            f"[{self._counts()}] {self.states[run]} {spec.label} on {spec.environment}, seed {spec.seed}"
            f"{self._detail(run)}",
            highlight=False,
            soft_wrap=True,
        )

    def _counts(self) -> str:
        return f"{self.ended}/{len(self.specs)} {time.monotonic() - self.begun:.0f} s{self._left()}"

    def _left(self) -> str:
        """Return the time left in words, found out once an update."""
        if self.left is None:
            return ""
        if self._time_left is None:
            self._time_left = self.left.text(self._all(("running", "pending")))
        return self._time_left

    def _note(self, run: str) -> None:
        """Tell the forecast how far a run is."""
        if self.left is None:
            return
        record = self.records[run]
        with suppress(CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
            if self.states[run] == "done":
                share, seconds = 1.0, float(record.provenance()["seconds_total"])
            else:
                at = record.progress()
                share, seconds = at["environment_steps"] / self.specs[run].budget, float(at["seconds"])
            if math.isfinite(share) and math.isfinite(seconds):
                self.left.note(run, share, seconds)

    def _detail(self, run: str) -> str:
        record = self.records[run]
        try:
            if self.states[run] == "failed":
                return f": {record.failure().get('reason', 'no reason given')}"
            if self.states[run] == "running" and (at := record.progress()):
                steps, seconds = at["environment_steps"], at["seconds"]
                share = steps / self.specs[run].budget
                return f" {share:4.0%}, {steps / seconds:,.0f} steps/s, {seconds * (1 - share) / share:.0f} s left"
            if self.states[run] == "post-run":
                at = record.progress()
                return f" {at['post_run']} {at['post_run_done'] / at['post_run_of']:4.0%}"
        except (CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
            pass
        return ""

    def _table(self) -> Table:
        table = Table(title=f"{self._counts()} elapsed", title_justify="left", box=None, pad_edge=False)
        for column in ("", "algorithm", "environment", "seed", "progress"):
            table.add_column(column, overflow="fold")  # whole names, on a narrow terminal too
        room = max(5, self.console.height - 5)
        for run in islice(self._all(MARKS), room):
            spec, state = self.specs[run], self.states[run]
            detail = self._detail(run)
            if state == "post-run" or not detail:
                detail = f"{'starting' if state == 'running' else state}{detail}"
            table.add_row(MARKS[state], spec.label, spec.environment, str(spec.seed), detail)
        if len(self.specs) > room:
            table.add_row("", f"… and {len(self.specs) - room} more", "", "", "")
        return table
