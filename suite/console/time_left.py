"""The time that is left of a plan: its forecast, corrected by how long runs really take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from suite.durations import duration

TRUSTED_SECONDS = 60.0
"""Seconds of runs after which what they took counts as much as their forecast."""


class TimeLeft:
    """The time that is left of a plan.

    Parameters
    ----------
    seconds : the forecast of each run that is executed.
    workers : runs at once; none where a cluster is asked for nothing.
    """

    def __init__(self, seconds: Mapping[str, float], workers: int) -> None:
        self.seconds, self.workers = dict(seconds), max(1, workers)
        self._done: dict[str, float] = {}
        """Share of each run that is done."""
        self._taken: dict[str, float] = {}
        """Seconds that this took."""

    def note(self, run: str, share: float, seconds: float) -> None:
        """Take note of how far a run is, and of the seconds of all its attempts."""
        if run in self.seconds:
            self._done[run], self._taken[run] = min(1.0, share), seconds

    @property
    def correction(self) -> float:
        """The seconds that runs take over those that were forecast for as much of them."""
        forecast = sum(self.seconds[run] * share for run, share in self._done.items())
        return (sum(self._taken.values()) + TRUSTED_SECONDS) / (forecast + TRUSTED_SECONDS)

    def left(self, unfinished: Iterable[str]) -> float:
        """Return the seconds until the last of these runs ends; runs without a forecast take none."""
        each = [self.seconds.get(run, 0.0) * (1.0 - self._done.get(run, 0.0)) for run in unfinished]
        return self.correction * max(sum(each) / self.workers, max(each, default=0.0))

    def text(self, unfinished: Iterable[str]) -> str:
        """Write it in words; empty if nothing is left."""
        return f", about {duration(seconds)} left" if (seconds := self.left(unfinished)) >= 1.0 else ""
