from __future__ import annotations

import pytest

from suite.errors import UsageError
from suite.plan.benchmark import load_benchmark
from suite.plan.revisions import check_current


def test_what_was_planned_elsewhere_is_not_executed_as_something_else() -> None:
    spec = load_benchmark("smoke").plan()[0]
    check_current(spec)
    for change, says in (
        ({"versions": {**spec.versions, "torch": "1.0"}}, r"planned for torch 1\.0; here it is"),
        ({"algorithm_revision": 99}, f"planned for {spec.algorithm} revision 99; here it is revision"),
        ({"environment_revision": 99}, f"planned for {spec.environment} revision 99"),
        ({"algorithm": "ppo"}, "'ppo' is unknown"),
        ({"environment": "moon"}, "'moon' is unknown"),
    ):
        with pytest.raises(UsageError, match=says):
            check_current(spec.model_copy(update=change))
