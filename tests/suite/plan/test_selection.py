"""Some runs of a plan, and other seeds than the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.plan.benchmark import load_benchmark
from suite.plan.selection import selected
from suite.spec import RunSpec

GROUP = """
groups:
  - environments: [point-goal-2d, {environment}]
    seeds: [0, 1]
    budget: 100000
    algorithms:
      pearl:
      garage: {{algorithm: pearl, settings: {{as_published: garage}}}}
      blind-sac:
"""


@pytest.fixture
def specs(tmp_path: Path) -> list[RunSpec]:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ndescription: mine" + GROUP.format(environment="reach-v1"))
    return load_benchmark(str(path)).plan()


@pytest.mark.parametrize(
    ("only", "seeds", "count"),
    [
        ([], None, 12),
        (["algorithm=pearl"], None, 8),
        (["algorithm=pearl,blind-sac", "environment=reach-v1"], None, 6),
        (["label=garage"], None, 4),
        (["environment=reach-v1"], "0-4", 15),
        (["label=garage"], "0,2, 7-8", 8),
        ([], "3", 6),
    ],
)
def test_conditions_and_seeds_choose(only: list[str], seeds: str | None, count: int, specs: list[RunSpec]) -> None:
    runs = selected(specs, only, seeds)
    assert len({spec.run for spec in runs}) == len(runs) == count
    if seeds is None:
        assert all(spec in specs for spec in runs)
    for spec in runs:
        for condition in only:
            key, _, names = condition.partition("=")
            assert getattr(spec, key) in names.split(",")


def test_a_seed_of_the_plan_is_the_plans_own_run(specs: list[RunSpec]) -> None:
    assert {spec.run for spec in selected(specs, [], "0-1")} == {spec.run for spec in specs}


@pytest.mark.parametrize(
    ("only", "seeds", "says"),
    [
        (["algorithm=perl"], None, "did you mean 'pearl'?"),
        (["algoritm=pearl"], None, "did you mean 'algorithm'?"),
        (["algorithm"], None, "algorithm '' is unknown"),
        (["algorithm=pearl,environment=reach-v1"], None, "blind-sac, pearl; write a separate --only for each key"),
        (["label=garage", "algorithm=blind-sac"], None, "no run of the benchmark meets all of it"),
        ([], "4-0", "must go upwards"),
        ([], "a", "neither a seed nor a range; write 0-4 or 0,2,7"),
        ([], "", "neither a seed nor a range"),
        ([], "-1", "neither a seed nor a range"),
        ([], "0-999999999", "at most 10,000 seeds"),
    ],
)
def test_what_chooses_nothing_is_refused(only: list[str], seeds: str | None, says: str, specs: list[RunSpec]) -> None:
    with pytest.raises(UsageError) as said:
        selected(specs, only, seeds)
    assert says in str(said.value)


def write(path: Path, name: str, include: str, environment: str = "") -> None:
    path.parent.mkdir(exist_ok=True)
    group = GROUP.format(environment=environment) if environment else ""
    path.write_text(f"name: {name}\ndescription: {name}\ninclude: {include}{group}")


def test_a_file_may_include_others_beside_it_and_be_named_as_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / "parts" / "push.yaml", "push", "[]", "push-v1")
    write(tmp_path / "parts" / "both.yaml", "both", "[push.yaml]", "reach-v1")
    write(tmp_path / "quick.yaml", "quick", "[quick, parts/both.yaml]")
    runs = {spec.run for spec in load_benchmark(str(tmp_path / "quick.yaml")).plan()}
    quick = {spec.run for spec in load_benchmark("quick").plan()}
    assert quick < runs
    assert len(runs - quick) == 18


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "a", "[b.yaml]")
    write(tmp_path / "b.yaml", "b", "[../NAME/a.yaml]".replace("NAME", tmp_path.name))
    with pytest.raises(UsageError, match=r"include: .*a\.yaml: includes itself"):
        load_benchmark(str(tmp_path / "a.yaml")).plan()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "a", "[quik]")
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        load_benchmark(str(tmp_path / "a.yaml")).plan()


def test_labels_with_commas_are_chosen(specs: list[RunSpec]) -> None:
    renamed = [spec.model_copy(update={"label": "garage, no KL"}) if spec.label == "garage" else spec for spec in specs]
    for names, count in (("garage, no KL", 4), ("garage, no KL,blind-sac", 8), ("pearl,garage, no KL", 8)):
        assert len(selected(renamed, [f"label={names}"], None)) == count
    with pytest.raises(UsageError, match="label 'garage' is unknown"):
        selected(renamed, ["label=garage"], None)
