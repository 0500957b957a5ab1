"""Post-run steps: each computes something from a finished run's agent, which is kept beside the run.

It comes after the commit and is no part of the run: whatever becomes of it, the run is finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suite.errors import UsageError, first_error
from suite.plan.requests import StepSettings
from suite.store.layout import record_file, wanted_file
from suite.store.record import CorruptRunError, NewerVersionError, RunRecord

if TYPE_CHECKING:
    from suite.training.trainer import Trainer

Tick = Callable[[int, int], None]
"""Called after every piece of a step's work: how many are done, and of how many. It may raise, to end the step."""


class StepRecord(BaseModel):
    """The result of a post-run step: the content of its `STEP.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    SCHEMA: ClassVar[int] = 1
    """Version of the record's layout; one of a newer version is refused."""

    schema_version: int = Field(1, alias="schema")
    run: str
    settings: dict[str, Any] | None = None
    """The settings that were asked for, as `StepSettings`: where a run wants others, the step is done anew."""

    @property
    def summary(self) -> str:
        """The result, in a line for the log."""
        return "done"

    def plain(self) -> dict[str, Any]:
        """Return it as its file holds it."""
        return self.model_dump(mode="json", by_alias=True)


Settings = TypeVar("Settings", bound=StepSettings)
Record = TypeVar("Record", bound=StepRecord)


@dataclass(frozen=True)
class PostRunStep(Generic[Settings, Record]):
    """A step that a benchmark file can ask for, and that is done by whoever executes the run."""

    name: str
    """In `suite.store.layout.POST_RUN_STEPS`, where it names the step's files, and in benchmark files."""
    wanted: type[Settings]
    """The settings of the step."""
    compute: Callable[[Trainer, Settings, Tick], Record]
    """Does it with the agent of a finished run; what is slow to import is imported in it."""
    record: type[Record]
    """The type of its result."""

    def read_wanted(self, run: RunRecord) -> Settings:
        """Read how the step is to be done after a run.

        Raises
        ------
        UsageError
            If that cannot be read.
        """
        try:
            return self.wanted.model_validate(run.wanted(self.name))
        except ValidationError as error:
            raise UsageError(f"{run.path / wanted_file(self.name)}: {first_error(error)}") from error

    def read(self, run: RunRecord) -> Record | None:
        """Read what the step found of a run; None if it was not done.

        Raises
        ------
        CorruptRunError
            If it cannot be read, was written by a newer version, or is another run's.
        """
        name = record_file(self.name)
        path = run.path / name
        if not run.has(name):
            return None
        try:
            value = json.loads(run.content(name))
            version = value.get("schema", 0)
            if isinstance(version, int) and version > self.record.SCHEMA:
                raise NewerVersionError(
                    f"{path}: written by a newer version of the suite "
                    f"(schema {version}, this one reads {self.record.SCHEMA})"
                )
            record = self.record.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise CorruptRunError(f"{path}: {where}: {first['msg']}") from error
        except (OSError, ValueError, RecursionError, AttributeError) as error:
            raise CorruptRunError(f"{path}: {error}") from error
        if record.run != run.run:
            raise CorruptRunError(f"{path}: describes another run, {record.run}")
        return record
