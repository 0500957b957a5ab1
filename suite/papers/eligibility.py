"""The eligibility of a run as evidence for a paper: its settings and protocol against the paper's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from environments import family_names, family_options, family_spec
from suite.errors import UsageError, first_error, unknown
from suite.papers.sources import Block, Sourced, Variant, merged
from suite.plan.deviations import deviations
from suite.spec import RunSpec, StepwiseTest

PROTOCOL = ("budget", "exploration_episodes", "stepwise_test", "environment_options")

Placed = Sequence[tuple[Block, Sequence[str] | None]]
"""Blocks with the environments that they speak of."""


@dataclass(frozen=True)
class Expected:
    """The settings and the protocol that a run of an entry on an environment has to have."""

    algorithm: str
    settings: Mapping[str, Any]
    budget: int
    exploration_episodes: int
    environment_options: Mapping[str, Any]
    stepwise_test: StepwiseTest | None = None


@dataclass(frozen=True)
class PaperSettings:
    """Settings and protocol of every entry, with their sources."""

    algorithms: Mapping[str, str]
    settings: Placed
    variants: Sequence[tuple[Variant, Sequence[str] | None]]
    """With the environments where they run, None for all."""
    protocol: Placed
    _expected: dict[tuple[str, str], Expected] = field(default_factory=dict, compare=False)
    _checked: dict[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    def of(self, entry: str, environment: str) -> dict[str, Sourced]:
        """Return an entry's settings on an environment; empty if the folder has none."""
        plain, variant = self._variant(entry)
        found = merged(self.settings, plain, environment)
        return found | dict(variant.block.values()) if found and variant else found

    def protocol_of(self, entry: str, environment: str) -> dict[str, Sourced]:
        """Return the budget, the meta-test and the environment options of an entry."""
        return merged(self.protocol, self._variant(entry)[0], environment)

    def expected(self, entry: str, environment: str) -> Expected:
        """Return what a run has to be.

        Raises
        ------
        UsageError
            If the folder leaves a setting out, or has one that is unknown or not allowed.
        """
        if (entry, environment) not in self._expected:
            self._expected[entry, environment] = self._expect(entry, environment)
        return self._expected[entry, environment]

    def speaks(self, spec: RunSpec) -> bool:
        """Tell whether a run is at the paper's settings and protocol, as an entry of its label."""
        if spec.environment not in family_names() or not self.of(spec.label, spec.environment):
            return False
        expected = self.expected(spec.label, spec.environment)
        options = {name: allowed[0] for name, allowed in family_options(spec.environment).items()}
        return (
            spec.algorithm == expected.algorithm
            and spec.settings == expected.settings
            and spec.budget == expected.budget
            and spec.exploration_episodes == expected.exploration_episodes
            and spec.stepwise_test == expected.stepwise_test
            and not deviations(spec)
            and options | spec.environment_options == options | dict(expected.environment_options)
        )

    def _variant(self, entry: str) -> tuple[str, Variant | None]:
        for variant, _ in self.variants:
            plain = entry.removesuffix(f"-{variant.ending}")
            if plain != entry and plain in variant.entries:
                return plain, variant
        return entry, None

    def _expect(self, entry: str, environment: str) -> Expected:
        # Takes seconds, which audits and pages without runs at a paper's settings do not have to wait for.
        from algorithms import ALGORITHMS
        from suite.plan.settings import used_settings

        where = f"{entry} on {environment}"
        plain = self._variant(entry)[0]
        algorithm = self.algorithms.get(plain, plain)
        if algorithm not in ALGORITHMS:
            raise UsageError(f"{where}: {unknown('algorithm', algorithm, ALGORITHMS)}")
        found = self.of(entry, environment)
        for setting in dataclasses.fields(ALGORITHMS[algorithm].Settings):
            if setting.name not in found and not setting.metadata.get("added"):
                raise UsageError(f"{where}: {setting.name}: has no row; every setting has a value with its source")
        values = {name: each.value for name, each in found.items()}
        key = json.dumps([algorithm, values], sort_keys=True)
        if key not in self._checked:  # most environments of a family share their settings
            try:
                self._checked[key] = used_settings(algorithm, environment, values)
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from error
        settings = self._checked[key]
        protocol = self.protocol_of(entry, environment)
        for name in protocol:
            if name not in PROTOCOL:
                raise UsageError(f"protocol: {where}: {unknown('name', name, PROTOCOL)}")
        budget = _whole(f"protocol: {where}: budget", protocol.get("budget"))
        exploration = protocol.get("exploration_episodes")
        episodes = (
            _whole(f"protocol: {where}: exploration_episodes", exploration)
            if exploration
            else family_spec(environment).exploration_episodes
        )
        options = protocol["environment_options"].value if "environment_options" in protocol else {}
        allowed = family_options(environment)
        if not isinstance(options, Mapping):
            raise UsageError(f"protocol: {where}: environment_options: {options!r}: must be a mapping")
        for name, value in options.items():
            if name not in allowed:
                raise UsageError(f"protocol: {where}: {unknown('environment option', name, allowed)}")
            if value not in allowed[name]:
                raise UsageError(f"protocol: {where}: {unknown(f'{name}:', value, allowed[name])}")
        return Expected(algorithm, settings, budget, episodes, options, _stepwise(where, protocol.get("stepwise_test")))


def _stepwise(where: str, found: Sourced | None) -> StepwiseTest | None:
    if found is None:
        return None
    try:
        return StepwiseTest.model_validate(found.value)
    except ValidationError as error:
        raise UsageError(f"protocol: {where}: stepwise_test: {first_error(error)}") from error


def _whole(what: str, found: Sourced | None) -> int:
    if found is None or not isinstance(found.value, int) or isinstance(found.value, bool) or found.value < 0:
        shown = "is missing" if found is None else repr(found.value)
        raise UsageError(f"{what}: {shown}; must be a whole number")
    return found.value
