"""Patience with a store that goes away for a while, as a network's does when its server is started anew."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from suite.errors import UsageError
from suite.failures import is_away
from suite.store.record import CorruptRunError

PAUSE_SECONDS = 1.0
"""Before something is tried again that is nobody's failure."""

AWAY_SECONDS = 600.0
"""Seconds for a store, or for what starts attempts, to come back."""

REMEMBERED = 16
"""Most runs by which a store is known again."""

Result = TypeVar("Result")


class Patience:
    """Patience with one store: what reads it is put off while it is away.

    Parameters
    ----------
    results : the store's folder, for messages.
    say : is told once each time that the store has gone away, and when it is back.
    """

    def __init__(self, results: Path, say: Callable[[str], object] = lambda message: None) -> None:
        self.results = results
        self._say = say
        self._since: float | None = None
        self._again = 0.0
        self._known: list[Path] = []
        """Folders of runs that the store has held."""
        with suppress(OSError):
            self._remember()

    def tried(self, act: Callable[[], object]) -> bool:
        """Do something, unless the store is away and was asked a moment ago; return whether it was done.

        What is done must leave everything as it was where it meets a store that is away.

        Raises
        ------
        UsageError
            If the store stays away.
        """
        if time.monotonic() < self._again:
            return False
        try:
            self._recognise()
            act()
            self._remember()
        except (OSError, CorruptRunError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not is_away(cause):
                raise
            now = time.monotonic()
            if self._since is None:
                self._since = now
                self._say(f"{self.results}: is away ({error}); waiting for it, {AWAY_SECONDS / 60:.0f} minutes at most")
            if now - self._since > AWAY_SECONDS:
                raise UsageError(f"{self.results}: is away ({error}); waited for {AWAY_SECONDS:.0f} s") from error
            self._again = now + PAUSE_SECONDS
            return False
        if self._since is not None:
            self._since = None
            self._say(f"{self.results}: is back")
        return True

    def _recognise(self) -> None:
        """Raise an OSError if the store holds none of the runs that it held, as the empty folder of a lost mount."""
        if not self._known or any(path.is_dir() for path in self._known):
            return
        self._known = self._there() or self._known  # the runs may have been pruned, and others be there
        if not any(path.is_dir() for path in self._known):
            raise OSError(errno.ESTALE, "the runs that it held are not there")

    def _remember(self) -> None:
        self._known = self._known or self._there()

    def _there(self) -> list[Path]:
        runs = self.results / "runs"
        there = runs.glob("[!.]*") if runs.is_dir() else iter(())  # whatever begins with a dot is soon gone
        return [path for path in islice(there, REMEMBERED) if path.is_dir()]

    def insist(self, act: Callable[[], Result]) -> Result:
        """Do something as soon as the store is there, and return its result; raises as `tried`."""
        found: list[Result] = []
        while not self.tried(lambda: found.append(act())):
            time.sleep(PAUSE_SECONDS / 10)
        return found[0]
