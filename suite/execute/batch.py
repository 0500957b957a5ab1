"""The runs of a plan that one call of `suite run` is to execute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from suite.spec import RunSpec, most_threads
from suite.store.folder import RunFolder
from suite.store.record import CorruptRunError
from suite.store.runs import Store


class Batch:
    """The runs that are missing of a plan, as the store has it now.

    Parameters
    ----------
    store : where runs are kept.
    specs : the plan.
    rerun : names of runs that are executed alone; all by default.
    only_failed : leave out what was never tried.
    """

    def __init__(
        self, store: Store, specs: Sequence[RunSpec], *, rerun: Sequence[str] = (), only_failed: bool = False
    ) -> None:
        self.store, self.specs, self.only_failed = store, specs, only_failed
        self.asked = [spec for spec in specs if not rerun or spec.run in rerun]
        self.states = {spec.run: store.record(spec.run).state for spec in specs}
        self.missing = [spec for spec in self.asked if self._is_missing(spec)]
        self.lacking: list[RunSpec] = []
        """Runs that are done, but lack post-run steps."""

    def _is_missing(self, spec: RunSpec) -> bool:
        state = self.states[spec.run]
        return state == "failed" if self.only_failed else state != "done"

    @property
    def unfinished(self) -> list[RunSpec]:
        """All that is to be executed."""
        return [*self.missing, *self.lacking]

    @property
    def threads(self) -> int:
        """Threads of the run that has most."""
        return most_threads(self.unfinished)

    @property
    def described(self) -> str:
        """The number of runs, in words."""
        done = sum(state == "done" for state in self.states.values())
        lacking = f", {len(self.lacking)} to do post-run steps of" if self.lacking else ""
        return f"{len(self.states)} runs, {done} done, {len(self.missing)} to run{lacking}"

    def announce(self, wanted: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Write into the store what is still to come, so that others see it.

        Parameters
        ----------
        wanted : how post-run steps are to be done, by run and step.
        """
        for spec in self.missing:
            with suppress(CorruptRunError, OSError):  # met again, and named, when it is started
                self.store.folder(spec.run).prepare(spec)
        for run in wanted.keys() & self.states.keys():
            if isinstance(folder := self.store.record(run), RunFolder):  # what is published has nothing to compute with
                with suppress(CorruptRunError, OSError):
                    for step, settings in wanted[run].items():
                        folder.want(step, dict(settings))
        if not self.only_failed:
            self.lacking = [spec for spec in self.asked if self.store.record(spec.run).lacking]

    def start_over(self) -> None:
        """Forget that runs were given up: somebody asks for them anew."""
        for spec in self.missing:
            if self.store.record(spec.run).state == "failed":
                with suppress(OSError):  # another user's: named when it is started
                    self.store.folder(spec.run).forgive()
        for spec in self.lacking:
            folder = self.store.folder(spec.run)
            with suppress(OSError):  # met again when it is started
                for step in folder.lacking:
                    folder.forget_step_failure(step)

    def is_done(self) -> bool:
        """True if every run that was missing is done now."""
        return all(self.store.record(spec.run).state == "done" for spec in self.missing)
