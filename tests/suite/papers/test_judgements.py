from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from suite.analysis.results import CURVE_COLUMNS, RUN_COLUMNS, Results, machine
from suite.papers import paper
from suite.papers.claims import claims, failure_threshold
from suite.papers.judgements import Direction, Judgement, at_paper_settings, directions, judge, judge_all, p_value
from suite.spec import RunSpec
from tests.suite.stores import SETTINGS, make_spec

CONTROLS = tuple(paper.table("table4").index)
HERE = {"machine": {"processor": "a processor"}, "device": "cpu"}
AT_SETTINGS = {"printed_settings": SETTINGS, "used_settings": SETTINGS, "seconds_total": 7200.0, **HERE}
ASTRAY = {**AT_SETTINGS, "used_settings": {**SETTINGS, "batch_size": 32}}
STATEMENT = "better or comparable in most MuJoCo Controls"


def finished(runs: list[tuple[RunSpec, float, dict[str, Any]]]) -> Results:
    """Results of done runs, given each one's score and provenance."""
    rows = [
        {
            "run": spec.run,
            "entry": spec.label,
            "algorithm": spec.algorithm,
            "environment": spec.environment,
            "seed": spec.seed,
            "budget": spec.budget,
            "state": "done",
            "score": score,
            "seconds_total": provenance.get("seconds_total"),
            "machine": machine(provenance),
        }
        for spec, score, provenance in runs
    ]
    return Results(
        runs=pd.DataFrame(rows, columns=list(RUN_COLUMNS)),
        curves=pd.DataFrame(columns=list(CURVE_COLUMNS)),
        problems=(),
        specs={spec.run: spec for spec, _, _ in runs},
        provenance={spec.run: provenance for spec, _, provenance in runs},
    )


def controls(
    tcl: list[float],
    pearl: list[float],
    environments: tuple[str, ...] = CONTROLS,
    provenance: dict[str, Any] = AT_SETTINGS,
    ending: str = "",
) -> list[tuple[RunSpec, float, dict[str, Any]]]:
    """Runs with the same scores on each of the environments."""
    return [
        (make_spec(label, environment, seed, budget=20_000), score, provenance)
        for environment in environments
        for label, scores in ((f"tcl-pearl{ending}", tcl), (f"pearl{ending}", pearl))
        for seed, score in enumerate(scores)
    ]


def judged(
    runs: list[tuple[RunSpec, float, dict[str, Any]]], statement: str = STATEMENT, ending: str = ""
) -> Judgement:
    found = [
        judgement
        for judgement in judge_all(finished(runs))
        if judgement.claim.statement == statement and judgement.claim.entries[0] == f"tcl-pearl{ending}"
    ]
    assert len(found) == 1
    return found[0]


def test_reproduced() -> None:
    found = judged(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]))
    assert (found.verdict, found.reason) == ("reproduced", "p = 0.001 for the claimed side")
    assert (found.value, found.finding.estimate, found.finding.high) == (1, 1, 1)
    assert (found.seeds, found.environments) == (3, 6)
    assert found.cost == ""


def test_not_reproduced() -> None:
    found = judged(controls([5.0, 6.0, 7.0], [10.0, 11.0, 12.0]))
    assert (found.verdict, found.reason) == ("not reproduced", "p = 0.001 for the other side")
    assert found.value == 0


GAIN = "relative gain on MuJoCo Controls, mean"


def test_an_undecided_claim_is_not_enough_runs_and_the_cost_is_named() -> None:
    found = judged(controls([8.0, 10.0, 13.5], [9.0, 10.0, 11.0]), GAIN)
    assert found.value == pytest.approx(1.05)
    assert found.verdict == "not enough runs"
    assert found.reason.startswith("neither side is decided: p = ")
    assert 0.05 < found.finding.above < 0.5
    more = math.ceil(3 * ((1.6449 + 0.8416) / found.finding.distance) ** 2) - 3
    runs = 2 * 6 * more
    assert found.cost == f"about {more} more seeds in each environment: {runs} runs, {2 * runs:,} hours of one machine"


def test_a_value_on_the_boundary_needs_no_more_seeds() -> None:
    found = judged(controls([9.0, 10.0, 11.0], [9.0, 10.0, 11.0]), GAIN)
    assert found.verdict == "not enough runs"
    assert found.cost.startswith("no number of seeds")


@pytest.mark.parametrize("deviation", [0.1, 0.5])
def test_identical_algorithms_are_rarely_reproduced(deviation: float) -> None:
    """The mean of noisy ratios lies above one; 13 and 69 % of these were called reproduced."""
    claim = next(each for each in claims() if each.statement == "relative gain on ML1, mean")
    generator = np.random.default_rng(0)
    verdicts = []
    for _ in range(20):
        runs = [
            (make_spec(label, environment, seed, exploration_episodes=10), score, AT_SETTINGS)
            for environment in ML1
            for label in ("tcl-pearl", "pearl")
            for seed, score in enumerate(1e5 * (1 + deviation * generator.normal(size=3)))
        ]
        verdicts.append(judge(claim, finished(runs).done.assign(at_settings=True)).verdict)
    # Of 20 at 5 %, one in a thousand has five or more.
    assert verdicts.count("reproduced") < 5


def test_nothing_is_divided_by_noise() -> None:
    runs = controls([10.0, 11.0, 12.0], [9.0, 10.0, 11.0], CONTROLS[1:])
    runs += controls([5.0, 6.0, 7.0], [-2.0, 0.1, 2.2], CONTROLS[:1])
    found = judged(runs, GAIN)
    assert found.value == pytest.approx(1.1)
    assert found.reason.endswith(
        "; the value leaves out 1 of 6 environments, in which pearl's mean is not clearly away from zero"
    )
    everywhere = judged(controls([5.0, 6.0, 7.0], [-2.0, 0.1, 2.2]), GAIN)
    assert np.isnan(everywhere.value)


def test_returns_below_zero_have_no_gain() -> None:
    found = judged(controls([-1.0, -1.1, -1.2], [-2.0, -2.1, -2.2]), GAIN)
    assert found.verdict == "not enough runs"
    assert found.reason == "the rule leaves no environment to test"
    assert found.cost.startswith("not known")


def test_two_seeds_are_not_enough() -> None:
    found = judged(controls([10.0, 11.0], [5.0, 6.0]))
    assert (found.verdict, found.seeds) == ("not enough runs", 2)
    assert found.finding.estimate == 1  # what is tested is shown all the same
    assert found.cost == "12 runs, 24 hours of one machine"


def test_a_missing_environment_is_not_enough() -> None:
    found = judged(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], CONTROLS[:4]))
    assert (found.verdict, found.reason) == ("not enough runs", "4 of 6 environments")
    assert found.cost == "12 runs, 24 hours of one machine"


def test_other_settings_are_shown_but_not_judged() -> None:
    found = judged(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], provenance=ASTRAY))
    assert found.verdict == "not at the paper's settings"
    assert found.value == 1
    assert found.cost.startswith("36 runs")


def test_runs_at_other_settings_do_not_count_beside_those_at_the_papers() -> None:
    settled = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], CONTROLS[:5])
    found = judged(settled + controls([1.0, 1.0, 1.0], [5.0, 6.0, 7.0], CONTROLS[5:], provenance=ASTRAY))
    assert (found.verdict, found.value, found.environments) == ("not enough runs", 1, 5)


def test_an_absent_entry_is_named() -> None:
    found = judged([(make_spec("pearl", CONTROLS[0]), 1.0, AT_SETTINGS)])
    assert (found.verdict, found.reason) == ("not enough runs", "no finished run of tcl-pearl")
    assert np.isnan(found.value)


def timed(
    seconds: dict[str, float], environments: list[str], **machine: Any
) -> list[tuple[RunSpec, float, dict[str, Any]]]:
    """Three seeds of each entry at the paper's settings, on one machine."""
    return [
        (
            make_spec(label, environment, seed, exploration_episodes=10),
            1.0,
            AT_SETTINGS | {"seconds_total": each + seed} | machine,
        )
        for environment in environments
        for label, each in seconds.items()
        for seed in range(3)
    ]


ML1 = [str(name) for name in paper.table("table1").index]
OTHER_PROCESSOR: dict[str, Any] = {"machine": {"processor": "another processor"}}
OTHER_DEVICE: dict[str, Any] = {"device": "NVIDIA H200"}


def test_seconds_of_one_machine_type_are_judged() -> None:
    found = judged(timed({"tcl-pearl": 1300.0, "pearl": 1000.0}, ML1), "TCL costs time")
    assert (found.verdict, found.value) == ("reproduced", pytest.approx(1301 / 1001))
    assert found.reason == "p = 0.001 for the claimed side"


@pytest.mark.parametrize("other", [OTHER_PROCESSOR, OTHER_DEVICE, {"machine": None}, {"device": None}])
def test_seconds_of_different_machines_do_not_compare(other: dict[str, Any]) -> None:
    runs = timed({"tcl-pearl": 1300.0}, ML1) + timed({"pearl": 1000.0}, ML1, **other)
    found = judged(runs, "TCL costs time")
    assert found.verdict == "not enough runs"
    assert found.reason == "no machine type (processor and device) ran tcl-pearl and pearl on one environment"
    assert found.cost.startswith("300 runs")
    assert np.isnan(found.value)


@pytest.mark.parametrize("other", [OTHER_PROCESSOR, OTHER_DEVICE, {"machine": None}])
def test_seconds_of_other_machines_are_left_out_and_counted(other: dict[str, Any]) -> None:
    runs = timed({"tcl-pearl": 1300.0, "pearl": 1000.0}, ML1)
    runs += [
        (spec.model_copy(update={"seed": 9}), score, provenance)
        for spec, score, provenance in timed({"tcl-pearl": 1.0, "pearl": 1000.0}, ML1[:5], **other)
    ]
    found = judged(runs, "TCL costs time")
    assert (found.verdict, found.value) == ("reproduced", pytest.approx(1301 / 1001))
    assert found.reason == "p = 0.001 for the claimed side; on the 300 of 330 runs made on a processor, cpu"


def test_scores_of_different_machines_compare() -> None:
    runs = controls([10.0, 11.0, 12.0], []) + controls([], [5.0, 6.0, 7.0], provenance=AT_SETTINGS | OTHER_DEVICE)
    assert judged(runs).verdict == "reproduced"


def test_no_run_at_all_gives_a_verdict_on_every_claim() -> None:
    found = judge_all(finished([]))
    assert len(found) == len(claims())
    assert {judgement.verdict for judgement in found} == {"not enough runs"}


def test_published_variants_are_judged_beside_the_described() -> None:
    runs = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0])
    runs += controls([1.0, 2.0, 3.0], [5.0, 6.0, 7.0], ending="-garage")
    assert judged(runs).verdict == "reproduced"
    assert judged(runs, ending="-garage").verdict == "not reproduced"


@pytest.mark.parametrize(
    ("changes", "provenance", "expected"),
    [
        ({}, {}, True),
        ({"budget": 250_000}, {}, False),
        ({"environment_options": {"reward": "v2"}}, {}, False),
        ({"exploration_episodes": 2}, {}, False),
        ({"exploration_episodes": 0}, {}, False),
        ({"horizon": 500}, {}, False),
        ({"train_tasks": 49}, {}, False),
        ({"test_tasks": 50}, {}, False),
        ({"environment": "ant-fb", "exploration_episodes": 2, "horizon": 400}, {}, False),
        ({"environment": "ant-fb", "budget": 5, "exploration_episodes": 2}, {}, True),
        ({}, {"used_settings": {**SETTINGS, "latent_size": 5}}, False),
        ({}, {"used_settings": {**SETTINGS, "as_published": ["sampled-test-actions"]}}, True),
        ({}, {"printed_settings": None}, False),
    ],
)
def test_the_papers_settings(changes: dict[str, object], provenance: dict[str, object], expected: bool) -> None:
    spec = make_spec(**{"exploration_episodes": 10, **changes})  # type: ignore[arg-type]
    assert at_paper_settings(spec, AT_SETTINGS | provenance) is expected


def test_claims_on_the_papers_own_tables_give_the_published_values() -> None:
    """The functions that judge our runs, on the paper's numbers."""
    for claim in claims():
        table = {"table1_groups": "table1", "ml1_relative_gain": "table1", "figure5_pairwise": "table3"}.get(
            claim.key, {"table3_wins": "table3", "table9_average_seconds": "table9"}.get(claim.key)
        )
        if table is None:
            continue  # MuJoCo Controls: no numbers are printed
        printed = paper.table(table)
        means = [printed[entry].to_numpy(float) for entry in claim.entries]
        digits = len(claim.published.partition(".")[2])
        assert round(float(claim.statistic(means)), digits) == float(claim.published), claim.statement


def test_failure_threshold_is_the_smallest_that_fits() -> None:
    assert failure_threshold() == 2.53


def pointed(runs: list[tuple[RunSpec, float, dict[str, Any]]], statement: str = STATEMENT) -> Direction:
    found = [each for each in directions(finished(runs)) if each.claim.statement == statement]
    assert len(found) == 1
    return found[0]


ONE = CONTROLS[:1]


@pytest.mark.parametrize(
    ("tcl", "pearl", "pointing"),
    [
        ([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], "points the same way"),
        ([5.0, 6.0, 7.0], [10.0, 11.0, 12.0], "points the other way"),
        ([10.0, 11.0, 5.0], [5.0, 6.0, 12.0], "does not say"),
    ],
)
def test_reduced_runs_point_one_way_or_do_not_say(tcl: list[float], pearl: list[float], pointing: str) -> None:
    runs = controls(tcl, pearl, ONE, provenance=ASTRAY)
    found = pointed(runs)
    assert (found.pointing, found.environments, found.seeds, found.budgets) == (pointing, ONE, 3, (20_000,))
    assert judged(runs).verdict == "not at the paper's settings"


def test_two_seeds_do_not_say() -> None:
    found = pointed(controls([10.0, 11.0], [5.0, 6.0], ONE, provenance=ASTRAY))
    assert found.pointing == "does not say"
    assert found.reason == "no environment with 3 seeds of tcl-pearl, pearl under one budget"


def test_runs_of_unequal_budgets_do_not_point() -> None:
    runs = controls([10.0, 11.0, 12.0], [], ONE, provenance=ASTRAY)
    runs += [
        (spec.model_copy(update={"budget": 10}), score, provenance)
        for spec, score, provenance in controls([], [5.0, 6.0, 7.0], ONE, provenance=ASTRAY)
    ]
    assert pointed(runs).pointing == "does not say"


def test_runs_at_the_papers_settings_are_judged_and_do_not_point() -> None:
    assert directions(finished(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]))) == []


@pytest.mark.parametrize(("value", "text"), [(0.0004, "p < 0.001"), (0.04567, "p = 0.046"), (0.5, "p = 0.50")])
def test_p_values_are_written_for_readers(value: float, text: str) -> None:
    assert p_value(value) == text
