"""The identity of a run: what made it new, and whether finished ones came from other code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from suite.errors import UsageError, unknown
from suite.plan.user_modules import fingerprints
from suite.spec import NON_IDENTITY_FIELDS, RunSpec
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from suite.versions import code_hash


def why(run: str, specs: Sequence[RunSpec], store: Store) -> list[str]:
    """Say which fields make a run of a plan differ from the nearest one that exists.

    The nearest is of the same algorithm, environment and seed, and differs in the fewest fields.

    Raises
    ------
    UsageError
        If the run is not of the plan.
    """
    planned = {spec.run: spec for spec in specs}
    if run not in planned:
        raise UsageError(unknown("run", run, planned))
    spec = planned[run]
    if store.record(run).state == "done":
        return ["is done: nothing makes it new"]
    ours = _flat(spec)
    others = []
    for other in _specs(store):
        same = (other.algorithm, other.environment, other.seed) == (spec.algorithm, spec.environment, spec.seed)
        if same and other.run != run:
            theirs = _flat(other)
            changed = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
            others.append((len(changed), other.run, sorted(changed), theirs))
    if not others:
        return [f"is the first of {spec.algorithm} on {spec.environment} with seed {spec.seed}"]
    _, name, changed_keys, theirs = min(others, key=lambda other: other[:2])
    return [
        f"differs from {name}:",
        *(f"  {key}: {theirs.get(key, 'absent')!r} -> {ours.get(key, 'absent')!r}" for key in changed_keys),
    ]


def drift(specs: Iterable[RunSpec], store: Store) -> list[str]:
    """Warn of finished runs that came from other code than is here now; their revisions say that they still count."""
    elsewhere: dict[str, int] = {}
    for spec in specs:
        folder = store.record(spec.run)
        if folder.state == "done":
            try:
                found = folder.provenance()
            except CorruptRunError:
                continue  # named by whoever reads the results
            own = fingerprints(spec.modules)
            if found.get("code") != code_hash() or found.get("modules", own) != own:
                source = str(found.get("commit") or "unknown")[:12]
                elsewhere[source] = elsewhere.get(source, 0) + 1
    return [
        f"drift: {count} finished runs came from other code (commit {commit}); "
        "they still count unless a revision should have been raised"
        for commit, count in elsewhere.items()
    ]


def _specs(store: Store) -> Iterable[RunSpec]:
    for folder in store.records():
        try:
            yield folder.spec()
        except CorruptRunError:
            continue


def _flat(spec: RunSpec) -> dict[str, Any]:
    """Return what identity is made of, by dotted path."""
    flat: dict[str, Any] = {}
    for key, value in spec.model_dump(mode="json", exclude=NON_IDENTITY_FIELDS).items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat
