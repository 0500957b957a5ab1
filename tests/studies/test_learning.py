"""The share of seeds on which entries of `quick` learn."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import yaml

from studies.learning import CONTROL, PUBLISHED, UNSEEN, printed, runs_alike, table, unseen
from suite.plan.benchmark import Benchmark, load_benchmark

ROOT = Path(__file__).parents[2]


def test_seeds_that_learn_are_counted_as_on_the_page() -> None:
    runs = pd.DataFrame(
        [
            ("reach-v1", "oracle-sac", 10.0, 100.0),
            ("reach-v1", "oracle-sac", 10.0, 120.0),  # gains of 90 and 110: a tenth of their mean is 10
            ("reach-v1", "pearl", 5.0, 15.0),  # no more than that
            ("reach-v1", "pearl", 5.0, 16.0),
            ("reach-v1", "mql", 200.0, 219.0),  # less than a tenth of 200
        ],
        columns=["environment", "entry", "untrained", "score"],
    )
    found = table(runs).set_index("entry")
    assert found.loc["oracle-sac", ["seeds", "learn"]].tolist() == [2, 2]
    assert found.loc["pearl", ["seeds", "learn", "lowest score", "learns above"]].tolist() == [2, 1, 15.0, 15.0]
    assert found.loc["mql", ["seeds", "learn", "lowest score", "learns above"]].tolist() == [1, 0, 219.0, 220.0]


def test_the_page_has_what_the_command_prints() -> None:
    section = re.search(
        r"## The quick benchmark's settings.*?\n## ", (ROOT / "docs/protocol.md").read_text(), re.DOTALL
    )
    assert section is not None
    lines = [line for line in section[0].splitlines() if line.startswith("|")]
    assert lines == printed(table(runs_alike([ROOT / path for path in PUBLISHED])))


def test_the_unseen_seeds_have_the_settings_of_quick() -> None:
    others = Benchmark.model_validate(yaml.safe_load(unseen())).plan()
    mine = [
        spec for spec in load_benchmark("quick").plan() if spec.label == "oracle-sac" or spec.environment == CONTROL
    ]
    assert {spec.seed for spec in others} == {*UNSEEN}
    assert {spec.run for spec in others}.isdisjoint(spec.run for spec in mine)
    as_mine = {spec.model_copy(update={"seed": 0}).run for spec in others}
    assert as_mine == {spec.run for spec in mine if spec.seed == 0}
