"""The requests of a benchmark file for post-run steps: for which runs, and with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from suite.errors import UsageError, unknown
from suite.schema import Strict
from suite.spec import RunSpec


class StepSettings(Strict):
    """The settings of a post-run step; part of its record, and of no run's identity."""

    def check(self, spec: RunSpec) -> None:
        """Make sure, before anything runs, that the step can be done like this after a run.

        Raises
        ------
        UsageError
            If not.
        """


class Request(Strict):
    """An item of a step's list in a benchmark file: runs that it plans, by entry and environment."""

    how: ClassVar[type[StepSettings]]
    """The step's settings, which an item's other keys are."""

    algorithms: Annotated[list[str], Field(min_length=1)]
    """Labels of entries."""
    environments: Annotated[list[str], Field(min_length=1)]

    def selected(self, specs: Sequence[RunSpec]) -> dict[str, StepSettings]:
        """Select among the runs of a plan, and say how the step is to be done after each.

        Raises
        ------
        UsageError
            If an entry or an environment is not of the plan, both of it but never together, or the step cannot be done
            like this after one of them.
        """
        for what, names, planned in (
            ("algorithms:", self.algorithms, {spec.label for spec in specs}),
            ("environments:", self.environments, {spec.environment for spec in specs}),
        ):
            for name in names:
                if name not in planned:
                    raise UsageError(unknown(what, name, planned))
        settings = self.how(**self.model_dump(include=set(self.how.model_fields)))
        runs = [spec for spec in specs if spec.label in self.algorithms and spec.environment in self.environments]
        if not runs:
            raise UsageError(f"no run of {', '.join(self.algorithms)} on {', '.join(self.environments)} is planned")
        for spec in runs:
            settings.check(spec)
        return {spec.run: settings for spec in runs}
