"""Plain YAML: what is clear is taken; what could mean two things is refused, with the spelling to use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from suite.errors import UsageError
from suite.plain_yaml import read_yaml


class File(BaseModel):
    value: object


def read(folder: Path, text: str) -> object:
    path = folder / "file.yaml"
    path.write_text(f"value: {text}\n", encoding="utf-8")
    return read_yaml(path, File, "file").value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3e-4", 0.0003),
        ("3E-4", 0.0003),
        ("1e6", 1_000_000),
        ("1.0e6", 1_000_000),
        ("1.5e+6", 1_500_000),
        ("-2e3", -2000),
        ("1_000_000", 1_000_000),
        ("1000", 1000),
        ("0", 0),
        ("0x10", 16),
        ("0.5", 0.5),
        ("true", True),
        ("'1e6'", "1e6"),
        ('"0100"', "0100"),
        ("'yes'", "yes"),
        ("'1:30'", "1:30"),
        ("reach-v1", "reach-v1"),
        ("e6", "e6"),
        ("null", None),
    ],
)
def test_what_is_plainly_meant_is_taken(written: str, meant: object, tmp_path: Path) -> None:
    found = read(tmp_path, written)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("0100", "write 100"),
        ("-007", "write -7"),
        ("1:30", "write a plain number"),
        ("1:30.5", "write a plain number"),
        ("1,000,000", "write 1000000"),
        ("1 000", "write 1000"),
        ("yes", "write true or false"),
        ("Off", "write true or false"),
        ("2024-01-01", "in quotes"),
        ("1e999999999", "beyond all numbers"),
        ("[1, 0100]", "write 100"),
    ],
)
def test_what_is_ambiguous_is_refused_with_the_spelling_to_use(written: str, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as said:
        read(tmp_path, written)
    assert remedy in str(said.value)
    assert "line 1" in str(said.value)
    assert "\n" not in str(said.value)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e290, max_value=1e290))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_number_is_read_as_it_is_written(tmp_path: Path, number: float) -> None:
    assert read(tmp_path, repr(number)) == pytest.approx(number, rel=0, abs=0)


@pytest.mark.parametrize("number", ["1e99999999999999999999", "1.5e+99999999999999999999", "1e-99999999999999999999"])
def test_an_exponent_that_nothing_holds_is_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is ambiguous: it is beyond all numbers that are computed with"):
        read(tmp_path, number)
