"""The requests of a benchmark beyond its runs: clusters of context embeddings."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.errors import UsageError
from suite.plan.benchmark import Benchmark, load_benchmark
from suite.plan.embeddings import ClusterSettings, check_embeddable
from suite.plan.requests import StepSettings

GOOD: dict[str, Any] = {
    "name": "mine",
    "description": "a test",
    "groups": [
        {
            "environments": ["point-goal-2d", "cheetah-fb"],
            "algorithms": {
                "pearl": None,
                "narrow": {"algorithm": "pearl", "settings": {"latent_size": 1}},
                "blind-sac": None,
            },
            "seeds": [0, 1],
            "budget": 100,
        },
        {"environments": ["reach-v1"], "algorithms": {"tcl-pearl": None}, "seeds": [0], "budget": 100},
    ],
    "clusters": [{"algorithms": ["pearl"], "environments": ["point-goal-2d"], "rollouts": 25}],
}


def benchmark(*clusters: dict[str, Any]) -> Benchmark:
    return Benchmark.model_validate({**copy.deepcopy(GOOD), "clusters": list(clusters)})


def embeddings(wanted: Benchmark) -> dict[str, StepSettings]:
    return {run: steps["clusters"] for run, steps in wanted.wanted_steps().items()}


def test_runs_are_chosen_by_entry_and_environment_and_stay_what_they_are() -> None:
    wanted = Benchmark.model_validate(GOOD)
    specs = wanted.plan()
    assert specs == benchmark().plan()
    found = embeddings(wanted)
    assert found == {
        spec.run: ClusterSettings(rollouts=25)
        for spec in specs
        if (spec.label, spec.environment) == ("pearl", "point-goal-2d")
    }
    assert len(found) == 2
    assert embeddings(benchmark()) == {}


def test_a_later_item_wins() -> None:
    chosen = {"algorithms": ["pearl"], "environments": ["point-goal-2d"]}
    found = embeddings(benchmark({**chosen, "rollouts": 25}, {**chosen, "window": 7}))
    assert set(found.values()) == {ClusterSettings(window=7)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithms": ["perl"]}, "benchmark mine: clusters.0: algorithms: 'perl' is unknown; did you mean 'pearl'"),
        ({"environments": ["reach"]}, "clusters.0: environments: 'reach' is unknown; did you mean 'reach-v1'"),
        ({"environments": ["reach-v1"]}, "clusters.0: no run of pearl on reach-v1 is planned"),
        ({"algorithms": ["blind-sac"]}, "blind-sac has no context encoder"),
        ({"algorithms": ["narrow"]}, r"its latent has one dimension \(latent_size 1\)"),
        ({"rollouts": 2, "tasks": 4, "perplexity": 8.0}, "perplexity 8: must be less than the number of windows, 8"),
        ({"tasks": 21}, "tasks 21: point-goal-2d has 20 test tasks"),
        ({"environments": ["cheetah-fb"], "tasks": 3}, "tasks 3: cheetah-fb has 2 test tasks"),
    ],
)
def test_what_cannot_be_embedded_is_refused_before_anything_runs(changes: dict[str, Any], message: str) -> None:
    item = {"algorithms": ["pearl"], "environments": ["point-goal-2d"], **changes}
    with pytest.raises(UsageError, match=message) as caught:
        benchmark(item).plan()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", 2**32), ("seed", -1), ("tasks", 1), ("rollouts", 1), ("window", 0), ("perplexity", 0.5)],
)
def test_a_number_out_of_range_is_refused(key: str, value: float, tmp_path: Path) -> None:
    clusters = [{"algorithms": ["pearl"], "environments": ["point-goal-2d"], key: value}]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**GOOD, "clusters": clusters}))
    with pytest.raises(UsageError, match=rf"clusters\.0\.{key}: {value}"):
        load_benchmark(str(tmp_path / "mine.yaml"))


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    clusters = [{"algorithms": ["pearl"], "environments": ["point-goal-2d"], "perplex": 3}]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**GOOD, "clusters": clusters}))
    with pytest.raises(UsageError, match=r"clusters\.0: key 'perplex' is unknown; did you mean 'perplexity'\?"):
        load_benchmark(str(tmp_path / "mine.yaml"))


def test_a_run_with_fewer_test_tasks_than_clusters_is_refused() -> None:
    spec = Benchmark.model_validate(GOOD).plan()[0]
    check_embeddable(spec, ClusterSettings())
    with pytest.raises(UsageError, match="has 5 test tasks"):
        check_embeddable(spec.model_copy(update={"test_tasks": 5}), ClusterSettings())


def test_quick_embeds_pearl_and_tcl_pearl_and_paper_has_table_2() -> None:
    specs = {spec.run: spec for spec in load_benchmark("quick").plan()}
    quick = embeddings(load_benchmark("quick"))
    assert sorted((specs[run].label, specs[run].environment, specs[run].seed) for run in quick) == [
        (label, environment, seed)
        for label, environment in (("pearl", "point-goal-2d"), ("tcl-pearl", "point-goal-2d"))
        for seed in (0, 1, 2)
    ]
    paper = embeddings(load_benchmark("paper"))
    planned = {spec.run: spec for spec in load_benchmark("paper").plan()}
    assert {planned[run].environment for run in paper} == {"push-v1"}
    assert {planned[run].label for run in paper} == {"pearl", "tcl-pearl", "pearl-garage", "tcl-pearl-garage"}
    assert set(paper.values()) == {ClusterSettings(tasks=8, rollouts=200)}
