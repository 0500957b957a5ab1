"""The base of whatever is read from a file that somebody writes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suite.errors import unknown


class Strict(BaseModel):
    """Part of a file: every key known, every value of its type."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    @model_validator(mode="after")
    def _refuse_unknown_keys(self) -> Self:
        """Refuse an unknown key; pydantic's own words for it (extra="forbid") do not say which there are."""
        for key in self.model_extra or ():
            raise ValueError(unknown("key", key, type(self).model_fields))
        return self


Text = Annotated[str, Field(min_length=1)]
