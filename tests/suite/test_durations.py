"""Durations and sizes in words."""

from __future__ import annotations

import pytest

from suite.durations import duration, size


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.2, None, "1 second"),
        (71.0, None, "71 seconds"),
        (1810.0, None, "30 minutes"),
        (9000.0, None, "2.5 hours"),
        (6.4e6, None, "1,778 hours"),
        (600.0, 2400.0, "10 to 40 minutes"),
        (0.7, 2.0, "1 to 2 seconds"),
        (4.0, 5000.0, "4 seconds to 83 minutes"),
        (40.0, 40.2, "40 seconds"),
    ],
)
def test_durations_and_ranges_of_them(low: float, high: float | None, written: str) -> None:
    assert duration(low, high) == written


def test_sizes() -> None:
    assert [size(each) for each in (0, 100, 15_360, 3_300_000, 20 * 2**30)] == [
        "0.0 KiB",
        "0.1 KiB",
        "15 KiB",
        "3.1 MiB",
        "20 GiB",
    ]
