"""Values that settings of trajectory contrastive learning may have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Crops = Literal["window", "rows"]

Temperature = Annotated[float, Field(ge=1e-3, le=1e3)]
"""Divides similarities, which are squared distances: far below, their exponentials are all 0 or 1."""
