"""The runs of a plan that one call of `suite run` is to execute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from suite.spec import RunSpec, most_threads
from suite.store.runs import CorruptRunError, Store


class Batch:
    """What is missing of a plan, as the store has it now.

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
        self.states = {spec.run: store.folder(spec.run).state for spec in specs}
        self.missing = [spec for spec in self.asked if self._is_missing(spec)]
        self.bare: list[RunSpec] = []
        """Runs that are done, but for the embedding of their contexts."""

    def _is_missing(self, spec: RunSpec) -> bool:
        state = self.states[spec.run]
        return state == "failed" if self.only_failed else state != "done"

    @property
    def unfinished(self) -> list[RunSpec]:
        """All that is to be executed."""
        return [*self.missing, *self.bare]

    @property
    def threads(self) -> int:
        """Of the run that has most."""
        return most_threads(self.unfinished)

    @property
    def described(self) -> str:
        """How much there is, in words."""
        done = sum(state == "done" for state in self.states.values())
        to_embed = f", {len(self.bare)} to embed" if self.bare else ""
        return f"{len(self.states)} runs, {done} done, {len(self.missing)} to run{to_embed}"

    def announce(self, embeddings: Mapping[str, Mapping[str, Any]]) -> None:
        """Write into the store what is still to come, so that others see it.

        Parameters
        ----------
        embeddings : how contexts are to be embedded, by run.
        """
        for spec in self.missing:
            with suppress(CorruptRunError, OSError):  # met again, and named, when it is started
                self.store.folder(spec.run).prepare(spec)
        for run in embeddings.keys() & self.states.keys():
            with suppress(CorruptRunError, OSError):
                self.store.folder(run).want_clusters(dict(embeddings[run]))
        if not self.only_failed:
            self.bare = [spec for spec in self.asked if self.store.folder(spec.run).lacks_clusters]

    def start_over(self) -> None:
        """Forget that runs were given up: somebody asks for them anew."""
        for spec in self.missing:
            if self.store.folder(spec.run).state == "failed":
                with suppress(OSError):  # another user's: named when it is started
                    self.store.folder(spec.run).forgive()
        for spec in self.bare:
            with suppress(OSError):  # met again when it is started
                self.store.folder(spec.run).forget_clusters_failure()

    def is_done(self) -> bool:
        """Whether every run that was missing is done now."""
        return all(self.store.folder(spec.run).state == "done" for spec in self.missing)
