"""Progress of a benchmark: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from suite.spec import RunSpec
from suite.store.runs import CorruptRunError, Store

QUIET_SECONDS = 20.0
"""Without a running run, of which some are pending: nobody is working on them. Between two attempts, nothing runs."""

LINES_SECONDS = 60.0
"""Between two lines on each running run, where there is no terminal."""

MARKS = {"pending": "·", "running": "▶", "done": "✓", "failed": "✗"}


class Progress:
    """Shows how far each run of a plan is, read from the store."""

    def __init__(self, store: Store, specs: Sequence[RunSpec], console: Console) -> None:
        self.store, self.specs, self.console = store, specs, console
        self.begun = self.seen = self.told = time.monotonic()
        self.states = {spec.run: store.folder(spec.run).state for spec in specs}
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.update()
        if self._live:
            self._live.stop()

    def update(self) -> None:
        """Look at the store again; print what changed, and now and then what is running."""
        time_to_tell = time.monotonic() - self.told >= LINES_SECONDS
        if time_to_tell:
            self.told = time.monotonic()
        for spec in self.specs:
            before, now = self.states[spec.run], self.store.folder(spec.run).state
            self.states[spec.run] = now
            if not self._live and (before != now or (time_to_tell and now == "running")):
                self.console.print(
                    f"[{self._counts()}] {now} {spec.label} on {spec.environment}, seed {spec.seed}"
                    f"{self._detail(spec)}",
                    highlight=False,
                    soft_wrap=True,
                )
        if self._live:
            self._live.update(self._table(), refresh=True)

    def is_worked_on(self) -> bool:
        """Whether somebody is working on the runs, or was a moment ago and has not done them all."""
        states = self.states.values()
        if "running" in states:
            self.seen = time.monotonic()
        return "running" in states or ("pending" in states and time.monotonic() - self.seen < QUIET_SECONDS)

    def _counts(self) -> str:
        done = sum(state in ("done", "failed") for state in self.states.values())
        return f"{done}/{len(self.states)} {time.monotonic() - self.begun:.0f} s"

    def _detail(self, spec: RunSpec) -> str:
        folder = self.store.folder(spec.run)
        try:
            if self.states[spec.run] == "failed":
                return f": {folder.failure().get('reason', 'no reason given')}"
            if self.states[spec.run] == "running" and (at := folder.progress()):
                steps, seconds = at["environment_steps"], at["seconds"]
                share = steps / spec.budget
                return f" {share:4.0%}, {steps / seconds:,.0f} steps/s, {seconds * (1 - share) / share:.0f} s left"
        except (CorruptRunError, LookupError, ArithmeticError, ValueError, TypeError):
            pass
        return ""

    def _table(self) -> Table:
        table = Table(title=f"{self._counts()} elapsed", title_justify="left", box=None, pad_edge=False)
        for column in ("", "algorithm", "environment", "seed", "progress"):
            table.add_column(column)
        room = max(5, self.console.height - 5)
        order = {"running": 0, "failed": 1, "pending": 2, "done": 3}
        for spec in sorted(self.specs, key=lambda spec: order[self.states[spec.run]])[:room]:
            state = self.states[spec.run]
            detail = self._detail(spec) or (state if state != "running" else "starting")
            table.add_row(MARKS[state], spec.label, spec.environment, str(spec.seed), detail)
        if len(self.specs) > room:
            table.add_row("", f"… and {len(self.specs) - room} more", "", "", "")
        return table
