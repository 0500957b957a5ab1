"""Durations and sizes in words, as exact as a forecast is."""

from __future__ import annotations

UNITS = (("second", 1.0, 90.0), ("minute", 60.0, 90 * 60.0), ("hour", 3600.0, float("inf")))
"""Units of durations: name, seconds, and the seconds up to which each is used."""

SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
"""Units of sizes: name and bytes, the largest first."""


def duration(low: float, high: float | None = None) -> str:
    """Write seconds, or a range of them, in words.

    Examples
    --------
    >>> duration(71), duration(1810), duration(9000), duration(6.4e6)
    ('71 seconds', '30 minutes', '2.5 hours', '1,778 hours')
    >>> duration(600, 2400), duration(4, 5000), duration(40, 40.2)
    ('10 to 40 minutes', '4 seconds to 83 minutes', '40 seconds')
    """
    first, last = _parts(low), _parts(low if high is None else high)
    if first == last:
        return " ".join(first)
    alike = first[1].removesuffix("s") == last[1].removesuffix("s")
    return f"{first[0]} to {' '.join(last)}" if alike else f"{' '.join(first)} to {' '.join(last)}"


def _parts(seconds: float) -> tuple[str, str]:
    name, unit = next((name, unit) for name, unit, most in UNITS if seconds < most)
    value = max(1.0, seconds / unit) if name == "second" else seconds / unit
    number = f"{value:.1f}".removesuffix(".0") if name == "hour" and value < 10 else f"{value:,.0f}"
    return number, name if number == "1" else f"{name}s"


def size(count: float) -> str:
    """Write bytes in words.

    Examples
    --------
    >>> size(100), size(3_300_000), size(20 * 2**30)
    ('0.1 KiB', '3.1 MiB', '20 GiB')
    """
    value, unit = next((count / least, unit) for unit, least in SIZES if count >= least or unit == "KiB")
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
