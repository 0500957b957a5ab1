from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from suite.analysis.results import Results
from suite.papers.judgements import Direction, Judgement, directions, judge, judge_all, p_value, settled
from suite.papers.paper import read_paper
from suite.plan.environment_sets import environment_sets
from suite.report.tables import verdicts
from tests.suite.papers.planned import Run, finished, planned

PAPER = read_paper("tcl-pearl")
CONTROLS = tuple(environment_sets()["controls"])
ML1 = list(environment_sets()["ml1-50"])
HERE = {"machine": {"processor": "a processor"}, "device": "cpu"}
PROVENANCE: dict[str, Any] = {"seconds_total": 7200.0, **HERE}
ASTRAY: dict[str, Any] = {"settings": {"batch": 32}}
STATEMENT = "better or comparable in most MuJoCo Controls"


def controls(
    tcl: list[float],
    pearl: list[float],
    environments: tuple[str, ...] = CONTROLS,
    provenance: dict[str, Any] = PROVENANCE,
    **changes: Any,
) -> list[Run]:
    """Runs with the same scores on each of the environments."""
    return [
        (planned("mujoco-controls", label, environment, seed, **changes), score, provenance)
        for environment in environments
        for label, scores in (("tcl-pearl", tcl), ("pearl", pearl))
        for seed, score in enumerate(scores)
    ]


def judged(runs: list[Run], statement: str = STATEMENT, variant: str = "") -> Judgement:
    found = [
        judgement
        for judgement in judge_all(PAPER, finished(runs))
        if judgement.claim.about.statement == statement and judgement.claim.variant == variant
    ]
    assert len(found) == 1
    return found[0]


def test_reproduced() -> None:
    found = judged(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]))
    assert found.verdict == "reproduced"
    assert found.reason == "p < 0.001 for the claimed side"
    assert (found.value, found.finding.estimate, found.finding.high) == (1, 1, 1)
    assert (found.seeds, found.environments) == (3, 6)
    assert found.cost == ""


def test_not_reproduced() -> None:
    found = judged(controls([5.0, 6.0, 7.0], [10.0, 11.0, 12.0]))
    assert (found.verdict, found.reason) == ("not reproduced", "p < 0.001 for the other side")
    assert found.value == 0


GAIN = "relative gain on MuJoCo Controls, mean"


def test_an_undecided_claim_is_not_enough_runs_and_the_cost_is_named() -> None:
    found = judged(controls([9.45, 10.5, 11.55], [9.0, 10.0, 11.0]), GAIN)
    assert found.value == pytest.approx(1.05)
    assert found.verdict == "not enough runs"
    assert found.reason.startswith("neither side is decided: p = ")
    assert 0.05 < found.finding.above < 0.5
    told = re.fullmatch(
        r"about (\d+) more seeds in each environment, if the means and their spread are as seen: (\d+) runs, "
        r"(\d+) hours of one machine",
        found.cost,
    )
    assert told, found.cost
    more, runs, hours = map(int, told.groups())
    assert (runs, hours) == (2 * 6 * more, 2 * 2 * 6 * more)


def test_a_value_on_the_boundary_needs_more_seeds_than_any_tried() -> None:
    found = judged(controls([9.0, 10.0, 11.0], [9.0, 10.0, 11.0]), GAIN)
    assert found.verdict == "not enough runs"
    assert found.cost.startswith("more than 50 seeds")


def failed(runs: list[Run], kinds: dict[str, str]) -> Results:
    """Results in which these runs failed."""
    results = finished(runs)
    table = results.runs.copy()
    table.loc[table["run"].isin(list(kinds)), "state"] = "failed"
    each = {
        run: replace(stored, state="failed", failure={"kind": kinds[run], "reason": "r"}) if run in kinds else stored
        for run, stored in results.each.items()
    }
    return replace(results, runs=table, each=each)


def one_claim(results: Results, statement: str = STATEMENT) -> Judgement:
    return next(each for each in judge_all(PAPER, results) if each.claim.about.statement == statement)


def test_runs_that_diverged_speak_for_the_other_entry_and_are_named() -> None:
    """The two worst of five seeds diverge everywhere: nothing speaks for the entry, and its mean is not judged."""
    runs = controls([10.0, 10.1, 10.2, 1.0, 2.0], [5.0, 5.1, 5.2, 5.3, 5.4])
    gone = {spec.run: "diverged" for spec, score, _ in runs if score in (1.0, 2.0)}
    found = one_claim(failed(runs, gone))
    assert (found.verdict, found.value, found.seeds) == ("not enough runs", 0, 5)
    assert found.reason.endswith("runs lost: 12 of tcl-pearl (diverged)")
    mean = one_claim(failed(runs, gone), GAIN)
    assert mean.verdict == "not enough runs"
    assert "a mean of finished runs alone would favour whoever fails" in mean.reason
    # Lost by the other one, they are named and change nothing.
    theirs = {spec.run: "diverged" for spec, score, _ in runs if score in (5.0, 5.1)}
    other = one_claim(failed(controls([10.0, 10.1, 10.2, 10.3, 10.4], [5.0, 5.1, 5.2, 5.3, 5.4]), theirs))
    assert other.verdict == "reproduced"
    assert other.reason.endswith("runs lost: 12 of pearl (diverged)")


@pytest.mark.parametrize("kind", ["memory", "storage", "killed", "time", "error"])
def test_a_run_that_failed_otherwise_has_to_be_run_again_first(kind: str) -> None:
    runs = controls([10.0, 11.0, 12.0, 13.0], [5.0, 6.0, 7.0, 8.0])
    found = one_claim(failed(runs, {runs[0][0].run: kind}))
    assert found.verdict == "not enough runs"
    assert "have to be run again first" in found.reason
    assert found.reason.endswith(f"runs lost: 1 of tcl-pearl ({kind})")


@pytest.mark.parametrize("deviation", [0.1, 0.5])
def test_identical_algorithms_are_rarely_reproduced(deviation: float) -> None:
    """The mean of noisy ratios lies above one; 13 and 69 % of these were called reproduced."""
    claim = next(each for each in PAPER.claims if each.key == "ml1_gain_mean")
    generator = np.random.default_rng(0)
    verdicts = []
    for _ in range(20):
        runs = [
            (planned("ml1-50", label, environment, seed), score, PROVENANCE)
            for environment in ML1
            for label in ("tcl-pearl", "pearl")
            for seed, score in enumerate(1e5 * (1 + deviation * generator.normal(size=3)))
        ]
        results = finished(runs)
        verdicts.append(judge(PAPER, claim, results.done.assign(at_settings=True), results.curves).verdict)
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
    assert found.cost.startswith("more than 50 seeds")


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
    found = judged(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], **ASTRAY))
    assert found.verdict == "not at the paper's settings"
    assert found.value == 1
    assert found.cost.startswith("36 runs")


def test_runs_at_other_settings_do_not_count_beside_those_at_the_papers() -> None:
    settled = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], CONTROLS[:5])
    found = judged(settled + controls([1.0, 1.0, 1.0], [5.0, 6.0, 7.0], CONTROLS[5:], **ASTRAY))
    assert (found.verdict, found.value, found.environments) == ("not enough runs", 1, 5)


def test_an_absent_entry_is_named() -> None:
    found = judged(controls([], [1.0], CONTROLS[:1]))
    assert found.verdict == "not enough runs"
    assert found.reason == "no finished run of tcl-pearl on the claim's environments"
    assert np.isnan(found.value)


def timed(seconds: dict[str, float], environments: list[str], **machine: Any) -> list[Run]:
    """Three seeds of each entry at the paper's settings, on one machine."""
    return [
        (
            planned("ml1-50", label, environment, seed),
            1.0,
            PROVENANCE | {"seconds_total": each + seed} | machine,
        )
        for environment in environments
        for label, each in seconds.items()
        for seed in range(3)
    ]


OTHER_PROCESSOR: dict[str, Any] = {"machine": {"processor": "another processor"}}
OTHER_DEVICE: dict[str, Any] = {"device": "NVIDIA H200"}


def test_seconds_of_one_machine_type_are_judged() -> None:
    found = judged(timed({"tcl-pearl": 1300.0, "pearl": 1000.0}, ML1), "TCL costs time")
    assert (found.verdict, found.value) == ("reproduced", pytest.approx(1301 / 1001))
    assert found.reason == "p < 0.001 for the claimed side"


def test_processor_seconds_are_judged_on_environments_where_all_runs_have_them() -> None:
    worked = {"tcl-pearl": 200.0, "pearl": 400.0}
    runs = [
        (spec, score, provenance | {"processor_seconds": worked[spec.label] + spec.seed})
        for spec, score, provenance in timed({"tcl-pearl": 1300.0, "pearl": 1000.0}, ML1)
    ]
    found = judged(runs, "TCL costs time")
    assert (found.verdict, found.value) == ("not reproduced", pytest.approx(201 / 401))
    assert found.reason.endswith("; in seconds that the processor worked")
    one_lacks_them = [(runs[0][0], 1.0, runs[0][2] | {"processor_seconds": float("nan")}), *runs[1:]]
    found = judged(one_lacks_them, "TCL costs time")
    others = len(ML1) - 1
    assert found.value == pytest.approx((1301 + others * 201) / (1001 + others * 401))
    assert found.reason.endswith(
        f"; in seconds that the processor worked, but on 1 of {len(ML1)} environments wall-clock"
    )


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
    assert found.reason == "p < 0.001 for the claimed side; on the 300 of 330 runs made on a processor, cpu"


def test_scores_of_different_machines_compare() -> None:
    runs = controls([10.0, 11.0, 12.0], []) + controls([], [5.0, 6.0, 7.0], provenance=PROVENANCE | OTHER_DEVICE)
    assert judged(runs).verdict == "reproduced"


def test_no_run_at_all_gives_a_verdict_on_every_claim() -> None:
    found = judge_all(PAPER, finished([]))
    assert len(found) == len(PAPER.claims)
    assert {judgement.verdict for judgement in found} == {"not enough runs"}


def test_published_variants_are_judged_beside_the_described() -> None:
    runs = [
        (planned("ml1-50", label, environment, seed), score + seed, PROVENANCE)
        for environment in ML1
        for label, score in (("tcl-pearl", 9.0), ("pearl", 5.0), ("tcl-pearl-garage", 1.0), ("pearl-garage", 5.0))
        for seed in range(3)
    ]
    better = "better in most ML1 environments"
    assert judged(runs, better).verdict == "reproduced"
    assert judged(runs, better, "garage").verdict == "not reproduced"
    assert judged(runs, better, "garage").claim.name == "better in most ML1 environments (garage)"


@pytest.mark.parametrize(
    ("label", "environment", "changes", "expected"),
    [
        ("pearl", "push-v1", {}, True),
        ("pearl-garage", "push-v1", {}, True),
        ("tcl-pearl", "push-v1", {}, True),
        ("mql", "push-v1", {}, True),
        ("pearl", "push-v1", {"budget": 250_000}, False),
        ("pearl", "push-v1", {"environment_options": {"reward": "v2"}}, False),
        ("pearl", "push-v1", {"exploration_episodes": 2}, False),
        ("pearl", "push-v1", {"algorithm": "tcl-pearl"}, False),
        ("pearl", "push-v1", {"label": "pearl-garage"}, False),
        ("pearl", "push-v1", {"label": "mine"}, False),
        ("pearl", "push-v1", {"settings": {"latent_size": 5}}, False),
        ("pearl", "push-v1", {"settings": {"as_published": ["sampled-test-actions"]}}, False),
        ("pearl", "push-v1", {"settings": {"encoder_sizes": [8]}}, False),  # not printed as such
        ("maml-trpo", "push-v1", {"settings": {"hidden_sizes": [8]}}, False),  # not printed at all
        ("rl2-ppo", "push-v1", {"settings": {"hidden_size": 8}}, False),
        ("mql-0.0008", "push-v1", {}, False),
    ],
)
def test_the_papers_settings(label: str, environment: str, changes: dict[str, Any], expected: bool) -> None:
    assert PAPER.settings.speaks(planned("ml1-25", label, environment, **changes)) is expected


def test_a_tiny_budget_or_network_is_not_the_papers_though_none_is_printed() -> None:
    assert PAPER.settings.speaks(planned("mujoco-controls", "pearl", "ant-fb"))
    assert not PAPER.settings.speaks(planned("mujoco-controls", "pearl", "ant-fb", budget=5))
    assert not PAPER.settings.speaks(planned("mujoco-controls", "oracle-sac", "ant-fb", settings={"batch": 8}))


def test_the_papers_runs_count_beside_others_of_the_same_label() -> None:
    """Under one label and on one environment, a second configuration gives both a digest behind their names."""
    runs = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]) + controls([0.0], [100.0], **ASTRAY)
    results = finished(runs)
    several = results.runs.assign(
        entry=[f"{entry} [{run[-6:]}]" for entry, run in zip(results.runs["entry"], results.runs["run"], strict=True)]
    )
    seen = several["entry"].where(
        [not PAPER.settings.speaks(results.specs[run]) for run in several["run"]],
        [f"{results.specs[run].label} [abc123]" for run in several["run"]],
    )
    found = judge_all(PAPER, replace(results, runs=several.assign(entry=seen)))
    assert next(each for each in found if each.claim.about.statement == STATEMENT).verdict == "reproduced"


def pointed(runs: list[Run], statement: str = STATEMENT) -> Direction:
    found = [each for each in directions(PAPER, finished(runs)) if each.claim.about.statement == statement]
    assert len(found) == 1
    return found[0]


ONE = CONTROLS[:1]


@pytest.mark.parametrize(
    ("tcl", "pearl", "pointing"),
    [
        ([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], "same direction"),
        ([5.0, 6.0, 7.0], [10.0, 11.0, 12.0], "opposite direction"),
        ([10.0, 11.0, 5.0], [5.0, 6.0, 12.0], "inconclusive"),
    ],
)
def test_direction_of_runs_at_other_settings(tcl: list[float], pearl: list[float], pointing: str) -> None:
    runs = controls(tcl, pearl, ONE, **ASTRAY)
    found = pointed(runs)
    assert (found.pointing, found.environments, found.seeds, found.budgets) == (pointing, ONE, 3, (2_000_000,))
    assert judged(runs).verdict == "not at the paper's settings"


def test_direction_is_of_the_environments_that_every_entry_ran() -> None:
    runs = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], CONTROLS[:2], **ASTRAY)
    found = pointed([run for run in runs if (run[0].label, run[0].environment) != ("pearl", CONTROLS[1])])
    assert (found.environments, found.seeds, found.pointing) == (ONE, 3, "same direction")


def test_two_seeds_are_inconclusive() -> None:
    found = pointed(controls([10.0, 11.0], [5.0, 6.0], ONE, **ASTRAY))
    assert found.pointing == "inconclusive"
    assert found.reason == "no environment with 3 seeds of tcl-pearl, pearl under one budget"


def test_runs_of_unequal_budgets_are_inconclusive() -> None:
    runs = controls([10.0, 11.0, 12.0], [], ONE, **ASTRAY)
    runs += [
        (spec.model_copy(update={"budget": 10}), score, provenance)
        for spec, score, provenance in controls([], [5.0, 6.0, 7.0], ONE, **ASTRAY)
    ]
    assert pointed(runs).pointing == "inconclusive"


def test_runs_at_the_papers_settings_are_judged_and_have_no_direction() -> None:
    assert directions(PAPER, finished(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]))) == []


@pytest.mark.parametrize(("value", "text"), [(0.0004, "p < 0.001"), (0.04567, "p = 0.046"), (0.5, "p = 0.50")])
def test_p_values_are_written_for_readers(value: float, text: str) -> None:
    assert p_value(value) == text


def test_runs_tested_step_by_step_are_entries_after_each_adaptation() -> None:
    runs = controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0], CONTROLS[:1])
    results = finished(runs)
    first = runs[0][0].run
    rows = [(first, steps, number, -40.0 + 10 * number + steps) for steps in (0, 1) for number in (0, 1)]
    adaptations = pd.DataFrame(rows, columns=["run", "environment_steps", "adaptations", "return"])
    done = settled(PAPER, replace(results, adaptations=adaptations))
    after = done[done["run"] == first].set_index("entry")
    assert set(after.index) == {"tcl-pearl", "tcl-pearl@0", "tcl-pearl@1"}
    assert after.loc["tcl-pearl@1", ["score", "untrained"]].tolist() == [-29.0, -30.0]
    assert after["at_settings"].nunique() == 1


def test_every_claim_that_is_tested_counts_in_holms_family() -> None:
    found = judge_all(PAPER, finished(controls([10.0, 11.0, 12.0], [5.0, 6.0, 7.0])))
    tested = [each for each in found if each.tested]
    assert {each.claim.about.statement for each in tested} == {
        STATEMENT,
        GAIN,
        "relative gain on MuJoCo Controls, median",
    }
    assert all(math.isnan(each.holm) for each in found if not each.tested)
    least = min(min(each.finding.above, each.finding.below) for each in tested)
    assert min(each.holm for each in tested) == pytest.approx(3 * least)
    assert verdicts.family(found).startswith(
        "3 claims were tested and 3 decided, each by itself; 3 of these at 5 % for"
    )
