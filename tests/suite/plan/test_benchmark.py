from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite.errors import UsageError
from suite.plan.benchmark import load_benchmark, shipped_benchmarks

GOOD: dict[str, Any] = {
    "name": "mine",
    "description": "a test",
    "groups": [
        {
            "environments": ["point-goal-2d"],
            "algorithms": {"pearl": None, "fast": {"algorithm": "pearl", "settings": {"learning_rate": 0.01}}},
            "seeds": [0, 1],
            "budget": 100,
            "evaluations": 2,
        }
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    benchmark = copy.deepcopy(GOOD)
    at: Any = benchmark
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in parents:
        at = at[key]
    at[last] = value
    return benchmark


def load(tmp_path: Path, benchmark: Any) -> list[Any]:
    path = tmp_path / "benchmark.yaml"
    path.write_text(benchmark if isinstance(benchmark, str) else yaml.safe_dump(benchmark, sort_keys=False))
    return load_benchmark(str(path)).plan()


def test_a_benchmark_is_a_product_and_an_entry_may_rename_and_override(tmp_path: Path) -> None:
    runs = load(tmp_path, GOOD)
    assert [(run.label, run.algorithm, run.seed) for run in runs] == [
        ("pearl", "pearl", 0),
        ("pearl", "pearl", 1),
        ("fast", "pearl", 0),
        ("fast", "pearl", 1),
    ]
    assert {run.settings["learning_rate"] for run in runs} == {0.0003, 0.01}


def test_threads_are_chosen_by_the_benchmark_and_part_of_the_identity(tmp_path: Path) -> None:
    usual, two = load(tmp_path, GOOD), load(tmp_path, changed("groups/0/threads", 2))
    assert {run.threads for run in usual} == {1}
    assert {run.threads for run in two} == {2}
    assert not {run.run for run in usual} & {run.run for run in two}
    assert [run.run for run in usual] == [run.run for run in load(tmp_path, changed("groups/0/threads", 1))]


def test_a_run_listed_twice_is_planned_once(tmp_path: Path) -> None:
    twice = copy.deepcopy(GOOD)
    twice["groups"].append(copy.deepcopy(GOOD["groups"][0]))
    assert len(load(tmp_path, twice)) == 4


def relabelled(seeds: list[int]) -> dict[str, Any]:
    """The configuration `pearl` again, in a second group, as `final`."""
    benchmark = copy.deepcopy(GOOD)
    group = {**GOOD["groups"][0], "seeds": seeds, "algorithms": {"final": {"algorithm": "pearl"}}}
    benchmark["groups"].append(group)
    return benchmark


def test_a_run_under_two_labels_is_refused_not_taken_from_one_of_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'final' on point-goal-2d with seed 1 is the same run as 'pearl' of another"):
        load(tmp_path, relabelled([1, 2]))


def test_other_seeds_may_have_another_label(tmp_path: Path) -> None:
    runs = load(tmp_path, relabelled([2, 3]))
    assert [run.seed for run in runs if run.label == "final"] == [2, 3]
    assert len(runs) == 6


def test_an_included_run_under_another_label_is_refused(tmp_path: Path) -> None:
    (first,) = [run for run in load_benchmark("smoke").plan() if run.algorithm == "mql"][:1]
    group = {
        "environments": [first.environment],
        "algorithms": {"mine": {"algorithm": "mql", "settings": first.settings}},
        "seeds": [first.seed],
        "budget": first.budget,
        "evaluations": first.evaluations,
    }
    with pytest.raises(UsageError, match=r"'mine' on .* is the same run as 'mql' of another group"):
        load(tmp_path, {"name": "mine", "description": "", "include": ["smoke"], "groups": [group]})


@pytest.mark.parametrize(
    "label",
    [
        "pearl ",
        " pearl",
        "pe  arl",
        "pearl\u200b",
        "pearl\u00a0",
        "pe\u0301arl",
        "\t",
        "\u2800",
        "pearl\u2800",
        "pearl\ufe0f",
        "pe\u034farl",
        "pearl\u3164",
        "\u0301pearl",
        "a \u0489",
        "\U000e0041",
    ],
)
def test_a_label_that_looks_like_another_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(UsageError, match="must be visible characters, with single spaces"):
        load(tmp_path, changed("groups/0/algorithms", {label: {"algorithm": "pearl"}}))


@pytest.mark.parametrize(
    "label",
    [
        "é→日本 2",
        "β",
        "pearl β=0.5",
        "β-TCL",
        "Δt",
        "быстрый 2",
        "日本pearl",
        "한글",
        "עברית",
        "हिन्दी",
        "naïve",
        "メタ・ポリシー",
        "佐々木",
        "a × b",
    ],
)
def test_a_label_may_have_letters_of_any_script(label: str, tmp_path: Path) -> None:
    runs = load(tmp_path, changed("groups/0/algorithms", {label: {"algorithm": "pearl"}}))
    assert {run.label for run in runs} == {label}


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("p\u0435arl", "CYRILLIC SMALL LETTER IE"),
        ("\u0440\u0435\u0430rl", "CYRILLIC SMALL LETTER ER"),
        ("\u0441\u043e\u0440", "CYRILLIC SMALL LETTER ES"),
        ("pearl \u0430", "CYRILLIC SMALL LETTER A"),
        ("быстрыйx", "LATIN SMALL LETTER X"),
        ("\u03a1EARL", "GREEK CAPITAL LETTER RHO"),
        ("pe\u03b1rl", "GREEK SMALL LETTER ALPHA"),
        ("\u03bf", "GREEK SMALL LETTER OMICRON"),
        ("s\u0585l", "ARMENIAN SMALL LETTER OH"),
        ("\u13aa\u13b7", "CHEROKEE LETTER GO"),
        ("\uab70\uab74", "CHEROKEE SMALL LETTER A"),
        ("\ua4d1\ua4f0\ua4ee\ua4e3\ua4e1", "LISU LETTER PA"),
        ("\u2ca3", "COPTIC SMALL LETTER RO"),
        ("\U00010404", "DESERET CAPITAL LETTER LONG O"),
        ("pe\u0251rl", "LATIN SMALL LETTER ALPHA"),
        ("\u01c0", "LATIN LETTER DENTAL CLICK"),
        ("tcl\u2010pearl", "HYPHEN"),
        ("tcl\u2212pearl", "MINUS SIGN"),
        ("tcl\u2013pearl", "EN DASH"),
        ("tcl \u2014 pearl", "EM DASH"),
        ("1\u22152", "DIVISION SLASH"),
        ("mql\u201a tuned", "SINGLE LOW-9 QUOTATION MARK"),
        ("pearl\ufffd", "REPLACEMENT CHARACTER"),
        ("pearl \u0967", "the digits 0 to 9"),
    ],
)
def test_a_label_of_letters_that_look_like_others_is_refused(label: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        load(tmp_path, changed("groups/0/algorithms", {label: {"algorithm": "pearl"}}))


@pytest.mark.parametrize("key", ["1", "no", "~", "1.5", "2020-01-01", "[a, b]"])
def test_a_label_that_yaml_does_not_read_as_text_is_refused(tmp_path: Path, key: str) -> None:
    """As JSON, `1` and `"1"` are one key: one of the two would be dropped."""
    text = f"""
name: mine
description: ""
groups:
  - environments: [point-goal-2d]
    seeds: [0]
    budget: 100
    algorithms:
      ? {key}
      : {{algorithm: pearl}}
      "{key}": {{algorithm: mql}}
"""
    with pytest.raises(UsageError, match="write it in quotes"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("groups/0/algorithms", {"perl": None}, "algorithms: 'perl' is unknown; did you mean 'pearl'? allowed: "),
        ("groups/0/environments", ["cheeta-vel"], "did you mean 'cheetah-vel'?"),
        ("groups/0/environments", [], "groups.0.environments: []"),
        ("groups/0/environments", "reach-v1", 'groups.0.environments: "reach-v1"'),
        ("groups/0/environment_options", {"colour": "red"}, "option of point-goal-2d: 'colour' is unknown"),
        ("groups/0/algorithms/fast/settings", {"learning_rat": 1}, "'learning_rat' is unknown; did you mean"),
        ("groups/0/algorithms/fast/settings", {"batch": 2.5}, "batch: 2.5: Input should be a valid integer"),
        ("groups/0/algorithms/fast/settings", {"batch": True}, "batch: true: Input should be a valid integer"),
        ("groups/0/algorithms/fast/settings", {"batch": -1}, "batch: -1: Input should be greater than or equal to 1"),
        ("groups/0/algorithms/fast/settings", {"learning_rate": float("nan")}, "learning_rate: "),
        ("groups/0/algorithms/fast/settings", {"as_published": "gargae"}, "did you mean 'garage'?"),
        ("groups/0/algorithms/fast/settings", {"as_published": ["magic"]}, "as_published.0"),
        ("groups/0/algorithms/fast/setting", {}, "groups.0.algorithms.fast: key 'setting' is unknown; did you mean"),
        ("groups/0/budget", -5, "groups.0.budget: -5: Input should be greater than 0"),
        ("groups/0/budget", 10**12 + 1, "groups.0.budget: 1000000000001: Input should be less than or equal to"),
        ("groups/0/evaluations", 10**6 + 1, "groups.0.evaluations: 1000001: Input should be less than or equal to"),
        ("groups/0/horizon", 10**9, "horizon must be a whole number from 1 to"),
        ("groups/0/train_tasks", 10**9, "train_tasks must be a whole number from 1 to"),
        ("groups/0/threads", 10**9, "groups.0.threads: 1000000000: Input should be less than or equal to"),
        ("groups/0/stepwise_test", {"adaptations": 10**9, "steps": 1}, "stepwise_test.adaptations: 1000000000"),
        ("groups/0/stepwise_test", {"adaptations": 1, "steps": 10**19}, "stepwise_test.steps: 10000000000000000000"),
        ("groups/0/seeds", {"batch": 3, "most": 30_000, "decide": ["pearl", "mql"]}, "most: 30000"),
        ("clusters", [{"algorithms": ["mql"], "environments": ["reach-v1"], "window": 10**9}], "window: 1000000000"),
        ("groups/0/budget", "many", 'groups.0.budget: "many": Input should be a valid integer'),
        ("groups/0/budget", 1.5, "groups.0.budget: 1.5"),
        ("groups/0/budget", None, "groups.0.budget: null"),
        ("groups/0/seeds", [0, 1, 0], "groups.0: seeds: 0 is repeated"),
        ("groups/0/environments", ["reach-v1", "reach-v1"], "environments: reach-v1 is repeated"),
        ("groups/0/algorithms", {"a": {"algorithm": "mql"}, "mql": None}, "'a' and 'mql' are the same"),
        ("groups/0/seeds", [3_000_000_000], "groups.0.seeds.0: 3000000000: Input should be less than"),
        ("groups/0/algorithms/fast/settings", {"learning_rate": float("inf")}, "learning_rate: inf: must be a finite"),
        ("groups/0/algorithms/fast/settings", {"discount": 3}, "discount: 3: Input should be less than or equal to 1"),
        ("groups/0/seeds", [-1], "groups.0.seeds.0: -1"),
        ("groups/0/seeds", [True], "groups.0.seeds.0: true"),
        ("groups/0/evaluations", 0, "groups.0.evaluations: 0"),
        ("groups/0/threads", 0, "groups.0.threads: 0: Input should be greater than or equal to 1"),
        ("groups/0/threads", "auto", 'groups.0.threads: "auto": Input should be a valid integer'),
        (
            "groups/0/algorithms/fast/latent_size",
            3,
            "groups.0.algorithms.fast: key 'latent_size' is unknown; ",
        ),
        ("groups/0/budgets", 3, "groups.0: key 'budgets' is unknown; did you mean 'budget'? allowed: "),
        ("groups", [], "groups: holds nothing to run"),
        ("include", ["smoky"], "include: smoky: benchmark 'smoky' is unknown; did you mean 'smoke'?"),
        ("name", "", "name"),
        ("surprise", 1, "key 'surprise' is unknown; allowed: "),
    ],
)
def test_bad_input_is_one_line_that_names_key_value_and_what_is_allowed(
    path: str, value: Any, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        load(tmp_path, changed(path, value))
    message = str(raised.value)
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b\n", "holds list, must hold a mapping"),
        ("", "holds NoneType, must hold a mapping"),
        ("name: !!python/object/apply:os.system ['true']\n", "tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("name: !secret x\n", "tag '!secret' is not allowed"),
        ("name: a\nname: b\n", "key 'name' is given twice"),
        ("name: [\n", "expected the node content"),
        ("name: \x00\n", "special characters are not allowed"),
    ],
)
def test_yaml_that_is_no_plain_mapping_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load(tmp_path, text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_benchmark_is_met_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="benchmark 'smok' is unknown; did you mean 'smoke'"):
        load_benchmark("smok")


def test_the_paper_is_its_parts_each_run_once() -> None:
    parts = [load_benchmark(name).plan() for name in ("mujoco-controls", "ml1-25", "ml1-50")]
    runs = {run.run for part in parts for run in part}
    planned = [run.run for run in load_benchmark("paper").plan()]
    assert len(planned) == len(set(planned)) == len(runs) < sum(map(len, parts))
    assert set(planned) == runs


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3), max_leaves=6
)
PATHS = (
    "name",
    "groups",
    "groups/0",
    "groups/0/environments",
    "groups/0/algorithms",
    "groups/0/algorithms/fast",
    "groups/0/algorithms/fast/settings",
    "groups/0/seeds",
    "groups/0/budget",
)


@given(path=st.sampled_from(PATHS), value=values)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_file_the_answer_is_a_plan_or_one_line(path: str, value: Any, tmp_path: Path) -> None:
    message = ""
    try:
        load(tmp_path, changed(path, value))
    except UsageError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("name", shipped_benchmarks())
def test_shipped_benchmarks_plan(name: str) -> None:
    benchmark = load_benchmark(name)
    assert benchmark.name == name
    assert benchmark.plan()


def test_merge_keys_cannot_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 {k: v}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9))]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(UsageError, match="<< takes one mapping, not several"):
        load_benchmark(str(path))
