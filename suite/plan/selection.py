"""Some runs of a plan, as selected on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from suite.errors import UsageError, unknown
from suite.spec import RunSpec

KEYS = ("algorithm", "environment", "label")

MOST_SEEDS = 10_000


def selected(specs: Sequence[RunSpec], only: Sequence[str], seeds: str | None) -> list[RunSpec]:
    """Choose runs of a plan, and the seeds to run them with.

    Parameters
    ----------
    only : conditions such as `algorithm=pearl,mql`, all of which a run must meet.
    seeds : such as `0-4` or `0,2,7`; instead of those of the plan, if given.

    Raises
    ------
    UsageError
        If a key is unknown, a name is that of no run, or the seeds are none.
    """
    left = list(specs)
    for condition in only:
        key, _, names = condition.partition("=")
        if key not in KEYS:
            raise UsageError(f"--only {condition}: {unknown('key', key, KEYS)}")
        known = {getattr(spec, key) for spec in specs}
        wanted = _split(names, known)
        for name in wanted:
            if name not in known:
                start, equals, _ = name.partition("=")
                another = "; write a separate --only for each key" if equals and start in KEYS else ""
                raise UsageError(f"--only {condition}: {unknown(key, name, known)}{another}")
        left = [spec for spec in left if getattr(spec, key) in wanted]
    if not left:
        raise UsageError(f"--only {' '.join(only)}: no run of the benchmark meets all of it")
    if seeds is not None:
        first, *others = seeds_of(seeds)
        firsts = {run.run: run for run in (spec.model_copy(update={"seed": first}) for spec in left)}
        left = [spec.model_copy(update={"seed": seed}) for spec in firsts.values() for seed in (first, *others)]
    return left


def _split(names: str, known: set[str]) -> list[str]:
    """Split names at commas, but for those of names that are known to have some.

    Examples
    --------
    >>> _split("pearl, no KL,mql", {"pearl", "pearl, no KL", "mql"})
    ['pearl, no KL', 'mql']
    """
    pieces = names.split(",")
    found = []
    while pieces:
        count = next((n for n in range(len(pieces), 0, -1) if ",".join(pieces[:n]) in known), 1)
        found.append(",".join(pieces[:count]))
        del pieces[:count]
    return found


def seeds_of(written: str) -> list[int]:
    """Read seeds: whole numbers and ranges of them, ends included.

    Raises
    ------
    UsageError
        If a part of it is neither.
    """
    found: list[int] = []
    for part in written.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip(), re.ASCII)
        if match is None:
            raise UsageError(f"--seeds {written}: {part!r} is neither a seed nor a range; write 0-4 or 0,2,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= MOST_SEEDS:
            raise UsageError(f"--seeds {written}: {part!r} must go upwards, over at most {MOST_SEEDS:,} seeds")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))
