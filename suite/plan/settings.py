"""Settings of algorithms as plain JSON values: printed ones, overridden ones, checked ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from algorithms import ENTRANTS, paper_settings
from environments import family_spec
from suite.errors import UsageError, first_error, unknown


def default_settings(algorithm: str) -> dict[str, Any]:
    """Return the defaults of all settings of an algorithm, as JSON values: where no paper prints others."""
    defaults: dict[str, Any] = _adapter(algorithm).dump_python(ENTRANTS[algorithm].Settings(), mode="json")
    return defaults


def printed_settings(algorithm: str, environment: str) -> dict[str, Any]:
    """Return the settings that the papers print for an algorithm on an environment, as JSON values.

    Without those that came later (`algorithms.declaration.added`) and are at their defaults: they make no run another.
    """
    return _as_json(algorithm, paper_settings(algorithm, environment, family_spec(environment).kind))


def used_settings(algorithm: str, environment: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the printed settings with a benchmark's overrides, checked, as JSON values.

    Raises
    ------
    UsageError
        If a key is unknown or a value is not allowed.
    """
    settings = printed_settings(algorithm, environment)
    known = {field.name for field in fields(ENTRANTS[algorithm].Settings)}
    for key, value in overrides.items():
        if key not in known:
            raise UsageError(unknown(f"settings of {algorithm}:", key, known))
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"settings of {algorithm}: {key}: {value}: must be a finite number")
        settings[key] = value
    published = ENTRANTS[algorithm].published
    if isinstance(settings.get("as_published"), str):
        preset = settings["as_published"]
        if preset not in published:
            raise UsageError(unknown(f"settings of {algorithm}: as_published:", preset, published))
        settings["as_published"] = sorted(published[preset])
    try:
        return _as_json(algorithm, settings)
    except ValidationError as error:
        raise UsageError(f"settings of {algorithm}: {first_error(error)}") from error


def load_settings(algorithm: str, settings: Mapping[str, Any]) -> Any:
    """Make an algorithm's settings value from JSON values."""
    return _adapter(algorithm).validate_json(json.dumps(settings), strict=True)


@cache
def _adapter(algorithm: str) -> TypeAdapter[Any]:
    return TypeAdapter(ENTRANTS[algorithm].Settings)


def _as_json(algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    jsonable = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in settings.items()}
    adapter = _adapter(algorithm)
    dumped: dict[str, Any] = adapter.dump_python(load_settings(algorithm, jsonable), mode="json")
    usual = default_settings(algorithm)
    later = {field.name for field in fields(ENTRANTS[algorithm].Settings) if field.metadata.get("added")}
    return {
        key: sorted(value) if key == "as_published" else value
        for key, value in dumped.items()
        if key not in later or value != usual[key]
    }
