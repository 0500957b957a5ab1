"""The deviations of a run from the protocol of its environment, which is the paper's."""

from __future__ import annotations

from environments import family_names, family_spec
from suite.spec import RunSpec


def deviations(spec: RunSpec) -> dict[str, tuple[int, int]]:
    """Return the numbers of a run's protocol that are not the family's own: by name, (its own, the run's).

    A run of a family that is not known here, from another version of the suite, deviates from nothing that is known.
    """
    if spec.environment not in family_names():
        return {}
    own = family_spec(spec.environment)
    numbers = {name: (getattr(own, name), number) for name, number in spec.protocol.items() if number is not None}
    return {name: pair for name, pair in numbers.items() if pair[0] != pair[1]}


def in_words(spec: RunSpec) -> str:
    """Say how a run deviates from its environment's protocol: "horizon 500 for 200"; empty if it does not."""
    changed = deviations(spec).items()
    return ", ".join(f"{name.replace('_', ' ')} {number} for {own}" for name, (own, number) in changed)
