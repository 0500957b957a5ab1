"""The outcome of a search for settings, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from suite.analysis.results import Results
from suite.spec import RunSpec


@dataclass(frozen=True)
class Trial:
    """One trial: some settings, run with each seed of the search."""

    number: int
    """Number of the trial: 0 is the entry as its benchmark has it."""
    values: Mapping[str, Any]
    """The settings that are searched."""
    score: float | None
    """Mean over the seeds; None if one of its runs failed."""
    untrained: float | None
    """Return before training, likewise."""
    seconds: float
    """Seconds that its finished runs took, added."""
    failure: str
    """The reason for which it has no score; empty if it has one."""
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """The search for the settings of one entry on one environment."""

    group: int
    """The place of its group in the benchmark."""
    environment: str
    entry: str
    heirs: tuple[str, ...]
    """Entries that are given what was found for this one."""
    serves: tuple[str, ...]
    """The environments that it speaks for."""
    own: Mapping[str, Any]
    """The values that the entry has in the benchmark."""
    trials: tuple[Trial, ...]
    importances: Mapping[str, float]
    """Each setting's share in how much the scores of trials vary."""

    @property
    def best(self) -> Trial | None:
        """The trial with the highest score, the first of several; None if none has a score."""
        scored = [trial for trial in self.trials if trial.score is not None]
        return max(scored, key=lambda trial: trial.score or 0.0) if scored else None

    @property
    def seconds(self) -> float:
        """Seconds of all its runs, added."""
        return sum(trial.seconds for trial in self.trials)

    def plain(self) -> dict[str, Any]:
        """Return it as a value that JSON holds."""
        return {**asdict(self), "best": None if self.best is None else self.best.number, "seconds": self.seconds}


def trial(number: int, values: Mapping[str, Any], specs: Sequence[RunSpec], results: Results) -> Trial:
    """Read a trial, all of whose runs have ended, from its runs."""
    runs = tuple(spec.run for spec in specs)
    done = results.done[results.done["run"].isin(runs)]
    failures = [results.each[run].failure.get("reason", "") for run in runs if results.each[run].state == "failed"]
    whole = len(done) == len(runs)
    return Trial(
        number,
        values,
        float(done["score"].mean()) if whole else None,
        float(done["untrained"].mean()) if whole else None,
        float(done["seconds_total"].sum()),
        failures[0] if failures else "",
        runs,
    )
