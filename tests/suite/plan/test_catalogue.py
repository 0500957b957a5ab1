from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from textwrap import indent

import pytest

from algorithms import ALGORITHMS, ENTRANTS
from suite.cli.plan import SMALL_BENCHMARK
from suite.plan.benchmark import load_benchmark
from suite.plan.catalogue import described, names
from tests.suite.trained_runs import suite


def test_a_name_means_one_thing() -> None:
    assert [name for name, count in Counter(names()).items() if count > 1] == []


@pytest.mark.parametrize("algorithm", sorted(ENTRANTS))
def test_an_algorithm_is_described_by_all_its_settings(algorithm: str) -> None:
    rows = described(algorithm)
    assert [row["setting"] for row in rows] == [field.name for field in fields(ENTRANTS[algorithm].Settings)]
    searched = {row["setting"] for row in rows if row["tuned"]}
    assert searched == set(ENTRANTS[algorithm].ranges)
    if algorithm in ALGORITHMS:
        assert [row["setting"] for row in rows if not row["about"]] == []


def test_a_setting_has_its_default_its_range_and_its_source(capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("show", "pearl", "--json") == 0
    rows = {row.pop("setting"): row for row in json.loads(capfd.readouterr().out)}
    assert rows["latent_size"] == {"default": 7, "tuned": "", "about": "Table 7, context embedding dimension."}
    assert (rows["kl_weight"]["default"], rows["kl_weight"]["tuned"]) == (0.1, "0.003 to 0.3")
    assert rows["discount"]["tuned"] == "0.9, 0.95, 0.99"
    assert suite("show", "pearl", "--environment", "ant-goal-2d", "--json") == 0
    there = {row["setting"]: row["default"] for row in json.loads(capfd.readouterr().out)}
    assert (there["latent_size"], there["kl_weight"]) == (5, 1.0)  # oyster's, as algorithms/presets/pearl.yaml has them


def test_an_environment_is_described_by_its_sizes_and_options(capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("show", "reach-v1") == 0
    rows = dict(line.split("  ", 1) for line in capfd.readouterr().out.splitlines())
    assert rows["observation_size"].strip() == "39"
    assert rows["environment_options: reward"].strip() == "v1 or v2"


def test_the_file_of_a_benchmark_is_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("show", "quick") == 0
    (tmp_path / "my.yaml").write_text(capfd.readouterr().out)
    planned = load_benchmark(str(tmp_path / "my.yaml")).plan()
    assert [spec.run for spec in planned] == [spec.run for spec in load_benchmark("quick").plan()]


def test_the_benchmark_of_the_help_can_be_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("show", "--help") == 0
    assert indent(SMALL_BENCHMARK, "  ") in capfd.readouterr().out
    (tmp_path / "my.yaml").write_text(SMALL_BENCHMARK)
    planned = load_benchmark(str(tmp_path / "my.yaml")).plan()
    assert Counter(spec.label for spec in planned) == {"oracle-sac": 3, "blind-sac": 3}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pear"], "did you mean 'pearl'?"),
        (["pearl", "--environment", "reach"], "--environment 'reach' is unknown; did you mean 'reach-v1'?"),
        (["reach-v1", "--environment", "reach-v1"], "reach-v1 is an environment itself"),
        (["quick", "--environment", "reach-v1"], "quick is a benchmark"),
    ],
)
def test_what_is_not_there_is_refused(words: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("show", *words) == 2
    assert says in capfd.readouterr().err
