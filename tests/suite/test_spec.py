from __future__ import annotations

from typing import Any

import pytest

from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec

SPEC = load_benchmark("smoke").plan()[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("settings", {**SPEC.settings, "batch": 17}),
        ("seed", 99),
        ("budget", 12345),
        ("evaluations", 7),
        ("exploration_episodes", 5),
        ("horizon", 50),
        ("train_tasks", 7),
        ("test_tasks", 7),
        ("algorithm_revision", SPEC.algorithm_revision + 1),
        ("environment_revision", SPEC.environment_revision + 1),
        ("environment_options", {"reward": "v2"}),
        ("versions", {**SPEC.versions, "torch": "0.0.1"}),
    ],
)
def test_whatever_changes_the_numbers_changes_the_run(field: str, value: Any) -> None:
    assert SPEC.model_copy(update={field: value}).run != SPEC.run


def test_the_label_does_not_change_the_run() -> None:
    assert SPEC.model_copy(update={"label": "another"}).run == SPEC.run


class _Later(RunSpec):
    option: int = 0


def test_a_field_that_comes_later_counts_off_its_default_alone() -> None:
    values = SPEC.model_dump()
    assert _Later(**values).run == _Later(**values, option=0).run == SPEC.run
    assert _Later(**values, option=1).run != SPEC.run


def test_a_cached_name_is_no_field_and_is_not_copied() -> None:
    asked, fresh = (RunSpec.model_validate_json(SPEC.model_dump_json()) for _ in range(2))
    assert asked.run
    assert asked == fresh
    assert asked.model_dump(mode="json") == fresh.model_dump(mode="json")
    assert asked.model_copy(update={"seed": 99}).run == fresh.model_copy(update={"seed": 99}).run != asked.run


def test_a_specification_survives_json() -> None:
    again = RunSpec.model_validate_json(SPEC.model_dump_json())
    assert again == SPEC
    assert again.run == SPEC.run
