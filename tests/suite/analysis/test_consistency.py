"""Altered snapshots, with checksums made anew: what can be told without executing anything is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from suite.analysis.consistency import LEFT_OVER, inconsistencies, left_over_seeds
from suite.analysis.results import Problem
from suite.errors import UsageError
from suite.inspect.clusters import statistics
from suite.plan.seeds import Comparison
from suite.plan.settings import default_settings
from suite.report import plain_tables
from suite.report.consistency import inconsistent
from suite.spec import StepwiseTest
from suite.store.files import as_json
from suite.store.published import Background, CorruptSnapshotError, Listed, Run, Snapshot
from suite.store.publishing import ended, kept, listed
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from tests.suite.stores import CLUSTERS, embed, fail, finish, linear, make_spec

SPECS = [make_spec(label, "cheetah-fb", seed) for label in ("pearl", "tcl-pearl") for seed in range(3)]
RUN = SPECS[0].run

Runs = dict[str, Run]


def provenance(spec: Any) -> dict[str, Any]:
    return {
        "used_settings": spec.settings,
        "seconds_total": 100.5,
        "machine": {"processor": "test"},
        "device": "cpu",
        "versions": {"python": "3.11", **spec.versions},
        "command": f"suite exec {spec.run} --again",
        "dirty": True,
        "changed_files": ["README.md"],
    }


def seconds(index: int) -> tuple[float, float, float]:
    """Of the parts of a run: no two runs take as long, to the last bit."""
    return 30.0 + index / 64, 60.0 - index / 64, 10.0


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("consistent")
    store = Store(path)
    for index, spec in enumerate(SPECS[:-1]):
        finish(store, spec, linear(0.0, 50.0 + index), tasks=2, seconds=seconds(index), provenance=provenance(spec))
    fail(store, SPECS[-1], "no memory")
    record = embed(store, SPECS[0])
    points = np.column_stack([record.points.x, record.points.y])
    judged = record.model_copy(update={"tsne": statistics(points, np.array(record.points.task))})
    (store.folder(RUN).path / CLUSTERS).write_bytes(as_json(judged.plain()))
    snapshot = Snapshot(path / "published" / "mine")
    records = ended(store, SPECS)
    pending = make_spec("pearl", "cheetah-fb", 9)
    write(snapshot, {each.run: kept(each) for each in records}, listed([*SPECS, pending], records, []))
    return snapshot


def write(snapshot: Snapshot, runs: Runs, list_: tuple[Listed, ...], tables: Any = None) -> None:
    """Write a snapshot, by default with the tables that its runs give."""
    background = Background(name="mine", description="", runs=list_)
    snapshot.write(list(runs.values()), background, [])
    snapshot.write(list(runs.values()), background, plain_tables(Store(snapshot.path)) if tables is None else tables)


def content(snapshot: Snapshot) -> tuple[Runs, tuple[Listed, ...], Any]:
    """The contents of a snapshot, to be altered."""
    runs = {record.run: kept(record) for record in Store(snapshot.path).records()}
    return runs, snapshot.background.runs, snapshot.tables


def table(run: Run, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Run:
    changed = change(run.tables[name].to_pandas())
    return run._replace(tables={**run.tables, name: pa.Table.from_pandas(changed, preserve_index=False)})


def document(run: Run, name: str, **values: Any) -> Run:
    return run._replace(files={**run.files, name: {**run.files[name], **values}})


def evaluations(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Run], Run]:
    return lambda run: table(run, "evaluations", change)


def training(**factors: float) -> Callable[[Run], Run]:
    def scaled(found: pd.DataFrame) -> pd.DataFrame:
        return found.assign(**{name: found[name] * factor for name, factor in factors.items()})

    return lambda run: table(run, "training", scaled)


def better(found: pd.DataFrame) -> pd.DataFrame:
    return found.assign(**{"return": found["return"] + 8.0})


def test_what_was_published_agrees_with_itself(once: Snapshot) -> None:
    assert inconsistent(Store(once.path)) == []


@pytest.mark.parametrize(
    "name", ["run.json", "provenance.json", "evaluations.parquet", "training.parquet", "state.safetensors"]
)
@pytest.mark.parametrize("damage", ["altered", "removed"])
def test_files_of_a_store_that_are_not_what_was_committed(damage: str, name: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = [
        finish(
            store,
            spec,
            linear(0.0, 50.0 + index),
            tasks=2,
            seconds=seconds(index),
            provenance=provenance(spec),
            state=b"parameters",
        )
        for index, spec in enumerate(SPECS[:2])
    ]
    assert inconsistencies(store) == []
    path = folders[1].path / name
    content = path.read_bytes()
    path.unlink()
    if damage == "altered":
        path.write_bytes(content + b" ")
    assert inconsistencies(store) == [Problem(folders[1].run, f"{path}: differs from what the run committed")]
    with pytest.raises(CorruptRunError, match=f"{name}: differs from what the run committed"):
        kept(folders[1])


ALTERED: dict[str, tuple[Callable[[Run], Run], str]] = {
    "a doubled episode": (evaluations(lambda found: pd.concat([found, found[:1]])), "is there twice"),
    "an episode less": (evaluations(lambda found: found[:-1]), "is not of 2 test tasks"),
    "an evaluation less": (evaluations(lambda found: found[2:]), "its tables are not of the same evaluations"),
    "a test task twice": (
        evaluations(lambda found: found.assign(task=found["task"] * 2)),
        "is not of 2 test tasks",
    ),
    "a task twice, as two episodes": (
        evaluations(lambda found: pd.concat([found, found.assign(episode=1)])),
        "is there twice",
    ),
    "nothing before training": (
        lambda run: table(
            table(run, "evaluations", lambda found: found[found["environment_steps"] > 0]),
            "training",
            lambda found: found[found["environment_steps"] > 0],
        ),
        "was not evaluated before training",
    ),
    "cut off at its peak": (
        lambda run: table(
            table(run, "evaluations", lambda found: found[found["environment_steps"] < 1_000_000]),
            "training",
            lambda found: found[found["environment_steps"] < 1_000_000],
        ),
        "it ends at 900,000 of 1,000,000 environment steps, with an iteration's left",
    ),
    "a return that is none": (
        evaluations(lambda found: found.assign(**{"return": found["return"].where(found.index > 0)})),
        "a return is not finite",
    ),
    "gradient steps": (
        evaluations(lambda found: found.assign(gradient_steps=found["gradient_steps"] // 2)),
        "its tables are not of the same evaluations",
    ),
    "adaptations": (
        evaluations(lambda found: found.assign(adaptations=0)),
        "it was tested step by step, against its specification",
    ),
    "versions": (
        lambda run: document(run, "provenance.json", versions={"numpy": "1.0"}),
        "the versions that its provenance names are not those of its specification",
    ),
    "command": (
        lambda run: document(run, "provenance.json", command=f"suite exec {SPECS[1].run} --again"),
        f"the command of its provenance is that of another run: suite exec {SPECS[1].run}",
    ),
    "changed files": (
        lambda run: document(run, "provenance.json", dirty=False),
        "its provenance names 1 changed files, and has dirty False",
    ),
    "beyond the budget": (
        evaluations(lambda found: found.assign(environment_steps=found["environment_steps"] * 2)),
        "outside of its budget",
    ),
    "seconds of a part": (training(seconds_updating=1.3), "of which its parts are"),
    "seconds of the run": (
        lambda run: document(run, "provenance.json", seconds_total=2 * 100.5),
        "it took 201 seconds, of which its parts are 100",
    ),
    "seconds of the processor": (
        lambda run: document(run, "provenance.json", processor_seconds=400.0),
        "its processor worked 400 seconds of 100.5, with one thread",
    ),
    "counting down": (training(meta_test_steps=-1.0), "meta_test_steps does not count up from 0"),
    "used settings": (
        lambda run: document(run, "provenance.json", used_settings={"batch_size": 512, "latent_size": 7}),
        "the settings that its provenance names are not those of its specification",
    ),
    "both settings": (
        lambda run: document(
            document(run, "provenance.json", used_settings={"batch_size": 512}),
            "run.json",
            settings={"batch_size": 512},
        ),
        "its specification is that of another run",
    ),
    "label": (lambda run: document(run, "run.json", label="mql"), "is listed as done 'pearl', and is done 'mql'"),
    "clusters": (
        lambda run: document(run, CLUSTERS, tsne={**run.files[CLUSTERS]["tsne"], "silhouette": 0.99}),
        "clusters: silhouette of the projection is given as 0.99, its points have",
    ),
    "cluster seed": (lambda run: document(run, CLUSTERS, run_seed=7), "clusters: run_seed is given as 7, and it is 0"),
    "cluster settings": (
        lambda run: document(run, CLUSTERS, settings={"rollouts": 5, "window": 32}),
        "clusters: window is given as 64, and it is 32",
    ),
    "latent ratio": (
        lambda run: document(run, CLUSTERS, latent={**run.files[CLUSTERS]["latent"], "ratio": 5.0}),
        "clusters: the ratio of the latent space is given as 5.0, which its parts do not have",
    ),
    "latent silhouette": (
        lambda run: document(run, CLUSTERS, latent={**run.files[CLUSTERS]["latent"], "silhouette": 1.5}),
        "clusters: the silhouette of the latent space is 1.5",
    ),
    "rollouts": (lambda run: document(run, CLUSTERS, rollouts=6), "clusters: the points are not of 6 rollouts"),
    "success": (lambda run: run._replace(state="failed", tables={}), "is listed as done 'pearl', and is failed"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_impossible_values_are_found_even_with_recomputed_tables(name: str, once: Snapshot, tmp_path: Path) -> None:
    change, says = ALTERED[name]
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, {**runs, RUN: change(runs[RUN])}, list_)
    found = inconsistencies(Store(altered.path))
    assert {each.run for each in found} == {RUN}
    assert any(re.search(says, each.problem) for each in found), found


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (2_624, set()),  # with less than a trial's two episodes of 200 steps left
        (2_199, {"it ends at 2,199 of 3,000 environment steps, with an iteration's left"}),
    ],
)
def test_episodes_that_end_early_leave_more_than_an_iteration_took(ends: int, says: set[str], tmp_path: Path) -> None:
    settings = {**default_settings("rl2-ppo"), "meta_batch": 2, "episodes_per_trial": 2}
    spec = make_spec("rl2-ppo", "walker-2d-rand-params", budget=3_000, evaluations=30, settings=settings)
    folder = finish(Store(tmp_path), spec, linear(0.0, 50.0), tasks=10, provenance=provenance(spec))
    shorter = kept(folder)
    for name in ("evaluations", "training"):
        shorter = table(
            shorter, name, lambda found: found.assign(environment_steps=found["environment_steps"] * ends // 3_000)
        )
    altered = Snapshot(tmp_path / "altered")
    altered.write([shorter], Background(name="mine", description=""), [])
    assert {each.problem for each in inconsistencies(Store(altered.path))} == says


def test_of_settings_that_no_longer_load_no_end_is_expected(tmp_path: Path) -> None:
    settings = {**default_settings("maml-trpo"), "meta_batch": 2, "rollouts": 2, "iterations": 50, "activation": "gone"}
    spec = make_spec("maml-trpo", "navigation-2d", budget=100_000, evaluations=1, settings=settings)
    run = kept(finish(Store(tmp_path), spec, linear(0.0, 50.0), tasks=40, provenance=provenance(spec)))
    for name in ("evaluations", "training"):
        run = table(run, name, lambda found: found.assign(environment_steps=found["environment_steps"] * 3 // 5))
    altered = Snapshot(tmp_path / "altered")
    altered.write([run], Background(name="mine", description=""), [])
    assert not [each for each in inconsistencies(Store(altered.path)) if "it ends" in each.problem]


@pytest.mark.parametrize(
    ("iterations", "taken", "spent", "says"),
    [
        (50, 50, 60_000, set()),  # episodes that end early leave the budget of several iterations
        (50, 49, 60_000, {"it took 49 gradient steps, and was to take 50"}),
        (50, 51, 60_000, {"it took 51 gradient steps, and was to take 50"}),
        (50, 49, 99_201, set()),  # what is left may not be enough for another iteration
        (0, 0, 0, set()),
    ],
)
def test_a_run_that_was_asked_for_iterations_takes_them(
    iterations: int, taken: int, spent: int, says: set[str], tmp_path: Path
) -> None:
    settings = {**default_settings("maml-trpo"), "meta_batch": 2, "rollouts": 2, "iterations": iterations}
    spec = make_spec("maml-trpo", "navigation-2d", budget=100_000, evaluations=1, settings=settings)
    run = kept(finish(Store(tmp_path), spec, linear(0.0, 50.0), tasks=40, provenance=provenance(spec)))

    def ended(found: pd.DataFrame) -> pd.DataFrame:
        end = found["environment_steps"] > 0
        found = found.assign(environment_steps=end * spent, gradient_steps=end * taken)
        return found if spent else found[~end]

    for name in ("evaluations", "training"):
        run = table(run, name, ended)
    altered = Snapshot(tmp_path / "altered")
    altered.write([run], Background(name="mine", description=""), [])
    problems = {each.problem for each in inconsistencies(Store(altered.path))}
    assert {problem for problem in problems if "seconds" not in problem} == says


def test_a_success_is_true_or_false(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    two = evaluations(lambda found: found.assign(success=2))
    altered = Snapshot(tmp_path / "altered")
    altered.write(
        [two(each) if each.tables else each for each in runs.values()],
        Background(name="mine", description="", runs=list_),
        [],
    )
    assert {each.problem for each in inconsistencies(Store(altered.path))} == {"a success is neither true nor false"}


STEPWISE = {"adaptations": 2, "steps": 400}
TWICE = "an evaluation episode is there twice: {'environment_steps': 0, 'task': 0, 'adaptations': 1}"


def stepwise(adaptations: list[int], share: float) -> Callable[[Run], Run]:
    """The episodes of a run, once after each of so many adaptations, with a share of successes."""
    return evaluations(
        lambda found: pd.concat([found.assign(adaptations=number, success=share) for number in adaptations])
    )


@pytest.mark.parametrize(
    ("adaptations", "share", "says"),
    [
        ([0, 1, 2], 0.25, set()),
        ([0], 0.25, set()),  # an algorithm that does not adapt
        ([0, 1, 2], 1.5, {"a share of successes is not between 0 and 1"}),
        ([0, 1], 0.25, {"it was tested after 0, 1 adaptations, and was to be up to 2"}),
        ([2], 0.25, {"it was tested after 2 adaptations, and was to be up to 2"}),
        ([0, 1, 1, 2], 0.25, {TWICE}),
    ],
)
def test_a_run_is_tested_step_by_step_as_its_specification_says(
    adaptations: list[int], share: float, says: set[str], tmp_path: Path
) -> None:
    spec = make_spec("pearl", "cheetah-fb", stepwise_test=StepwiseTest(**STEPWISE))
    store = Store(tmp_path)
    folder = finish(store, spec, linear(0.0, 50.0), tasks=2, provenance=provenance(spec))
    altered = Snapshot(tmp_path / "altered")
    altered.write([stepwise(adaptations, share)(kept(folder))], Background(name="mine", description=""), [])
    assert {each.problem for each in inconsistencies(Store(altered.path))} == says


def test_an_evaluation_without_one_of_its_adaptations_is_reported(tmp_path: Path) -> None:
    spec = make_spec("pearl", "cheetah-fb", stepwise_test=StepwiseTest(**STEPWISE))
    folder = finish(Store(tmp_path), spec, linear(0.0, 50.0), tasks=2, provenance=provenance(spec))
    run = stepwise([0, 1, 2], 0.25)(kept(folder))
    without = table(
        run, "evaluations", lambda found: found[(found["adaptations"] < 2) | (found["environment_steps"] > 0)]
    )
    altered = Snapshot(tmp_path / "altered")
    altered.write([without], Background(name="mine", description=""), [])
    found = {each.problem for each in inconsistencies(Store(altered.path))}
    assert found == {"its evaluations are not after as many adaptations each"}


def replaced(runs: Runs, name: str) -> Run:
    """The third run with a table of the first one's."""
    return runs[SPECS[2].run]._replace(tables={**runs[SPECS[2].run].tables, name: runs[RUN].tables[name]})


@pytest.mark.parametrize(("name", "what"), [("evaluations", "returns"), ("training", "seconds")])
def test_a_run_copied_from_another_is_reported(name: str, what: str, once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, {**runs, SPECS[2].run: replaced(runs, name)}, list_)
    (found,) = inconsistencies(Store(altered.path))
    assert {found.run, found.problem.removeprefix(f"has the {what} of another run, ")} == {RUN, SPECS[2].run}


def test_seeds_may_have_the_same_few_returns(tmp_path: Path) -> None:
    """As where nothing succeeds."""
    store = Store(tmp_path)
    for index, spec in enumerate(SPECS[:2]):
        finish(store, spec, linear(0.0, 0.0), tasks=2, seconds=seconds(index), provenance=provenance(spec))
    assert inconsistencies(store) == []


def test_seeds_of_a_user_module_may_have_the_same_returns(tmp_path: Path) -> None:
    """As of a policy that reads nothing, on test tasks that are the same for every seed."""
    store = Store(tmp_path)
    for index in range(2):
        spec = make_spec("pearl", "cheetah-fb", index, modules=("mine.py",))
        finish(store, spec, linear(0.0, 50.0), tasks=2, seconds=seconds(index), provenance=provenance(spec))
    assert inconsistencies(store) == []


def test_a_score_alone_differs_from_the_tables(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, tables = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, {**runs, RUN: table(runs[RUN], "evaluations", better)}, list_, tables)
    assert "table scores is not what the runs give" in [each.problem for each in inconsistent(Store(altered.path))]


def test_altered_tables_are_reported(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, tables = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, runs, list_, [each for each in tables if each["key"] != "scores"])
    assert [each.problem for each in inconsistent(Store(altered.path))] == ["table scores is not what the runs give"]


def test_deleted_and_added_runs_are_reported(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, {run: each for run, each in runs.items() if run != RUN}, list_)
    (found,) = inconsistencies(Store(altered.path))
    assert (found.run, found.problem) == (RUN, "is listed as done, and is not there")
    write(altered, runs, tuple(each for each in list_ if each.run != RUN))
    (found,) = inconsistencies(Store(altered.path))
    assert (found.run, found.problem) == (RUN, "is there, and is not listed")


def test_a_run_that_is_listed_twice_is_reported(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    (own,) = [each for each in list_ if each.run == RUN]
    write(altered, runs, (own.model_copy(update={"state": "pending"}), *list_))
    (found,) = inconsistencies(Store(altered.path))
    assert (found.run, found.problem) == (RUN, "is listed 2 times")


@pytest.mark.parametrize("state", ["done", "failed"])
def test_a_seed_of_an_earlier_plan_is_noted_but_may_be_so(state: str, once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    run = {"done": RUN, "failed": SPECS[-1].run}[state]
    altered = Snapshot(tmp_path / "altered")
    write(altered, runs, tuple(each.model_copy(update={"earlier": each.run == run}) for each in list_))
    assert inconsistencies(Store(altered.path)) == []
    assert left_over_seeds(Store(altered.path)) == [Problem(run, LEFT_OVER)]
    assert left_over_seeds(Store(once.path)) == []


def test_runs_of_an_earlier_revision_are_of_an_earlier_plan(tmp_path: Path) -> None:
    store = Store(tmp_path)
    specs = [make_spec("pearl", seed=seed) for seed in range(2)]
    older = [spec.model_copy(update={"algorithm_revision": spec.algorithm_revision - 1}) for spec in specs]
    for index, spec in enumerate([*specs, *older]):
        finish(store, spec, linear(0.0, 1.0 + index), tasks=10, seconds=seconds(index), provenance=provenance(spec))
    records, earlier = ended(store, specs), ended(store, older)
    altered = Snapshot(tmp_path / "published" / "mine")
    write(altered, {each.run: kept(each) for each in [*records, *earlier]}, listed(specs, records, earlier))
    assert altered.background.earlier == {each.run for each in older}
    assert inconsistencies(Store(altered.path)) == []
    assert left_over_seeds(Store(altered.path)) == []


COMPARISON = Comparison(
    environment="cheetah-fb",
    entries=("pearl", "tcl-pearl"),
    batch=1,
    runs=(
        tuple(make_spec("pearl", "cheetah-fb", seed).run for seed in range(5)),
        tuple(make_spec("tcl-pearl", "cheetah-fb", seed).run for seed in range(5)),
    ),
)


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        (None, {}),
        ("pearl", {SPECS[1].run: "is not listed, although pearl and tcl-pearl are compared with it"}),
        ("label", {SPECS[1].run: "is listed as 'mql', and is compared as 'pearl'"}),
        ("plan", {SPECS[1].run: "is listed as of an earlier plan, although pearl and tcl-pearl are compared with it"}),
    ],
)
def test_seeds_of_a_comparison_that_are_left_out_are_reported(
    left_out: str | None, says: dict[str, str], once: Snapshot, tmp_path: Path
) -> None:
    runs, list_, _ = content(once)
    list_ = tuple(each for each in list_ if not each.run.startswith("pearl_cheetah-fb_s9"))
    if left_out == "pearl":
        list_ = tuple(each for each in list_ if each.run != SPECS[1].run)
        del runs[SPECS[1].run]
    elif left_out == "label":
        runs[SPECS[1].run] = document(runs[SPECS[1].run], "run.json", label="mql")
        list_ = tuple(each.model_copy(update={"label": "mql"}) if each.run == SPECS[1].run else each for each in list_)
    elif left_out == "plan":
        list_ = tuple(each.model_copy(update={"earlier": each.run == SPECS[1].run}) for each in list_)
    altered = Snapshot(tmp_path / "altered")
    background = Background(name="mine", description="", runs=list_, comparisons=(COMPARISON.model_dump(mode="json"),))
    altered.write(list(runs.values()), background, [])
    assert {each.run: each.problem for each in inconsistencies(Store(altered.path))} == says


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"batch": 0}, "comparisons: batch: 0: Input should be greater than or equal to 1"),
        ({"batch": 2}, "comparisons: runs: 5 and 5: must be equally many, in batches of 2"),
        ({"runs": [[], []]}, "comparisons: runs: 0 and 0: must be equally many, in batches of 1"),
        ({"runs": [["a"], ["b", "c"]]}, "comparisons: runs: 1 and 2: must be equally many, in batches of 1"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_in_a_line(
    changed: dict[str, Any], says: str, once: Snapshot, tmp_path: Path
) -> None:
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    comparison = COMPARISON.model_dump(mode="json") | changed
    altered.write(list(runs.values()), Background(name="", description="", runs=list_, comparisons=(comparison,)), [])
    with pytest.raises(CorruptSnapshotError, match=rf"altered/benchmark\.json: {re.escape(says)}$"):
        inconsistencies(Store(altered.path))


ENDS = {
    "mql": [50.0, 51.0, 52.0, 53.0, 54.0, 50.25, 51.25, 52.25, 53.25, 54.25],
    "rl2-ppo": [90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 98.0, 99.0],  # above mql from the start
    "pearl": [52.0, 53.0, 54.0, 55.0, 56.0, 57.0, 58.0, 59.0, 60.0, 61.0],  # as ten seeds tell, and five do not
}
PAIRS = [("mql", "rl2-ppo"), ("mql", "pearl")]


def seeds_of(label: str, count: int) -> tuple[str, ...]:
    return tuple(make_spec(label, "cheetah-fb", seed).run for seed in range(count))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runs, tuple[Listed, ...]]:
    """Runs of two comparisons that share an entry, and their list; ten seeds each, as another group may plan them."""
    store = Store(tmp_path_factory.mktemp("decided"))
    specs = [make_spec(label, "cheetah-fb", seed) for label in ENDS for seed in range(10)]
    for index, spec in enumerate(specs):
        curve = linear(0.0, ENDS[spec.label][spec.seed])
        finish(store, spec, curve, tasks=2, seconds=seconds(index), provenance=provenance(spec))
    records = ended(store, specs)
    return {each.run: kept(each) for each in records}, listed(specs, records, [])


@pytest.mark.parametrize(
    ("pairs", "left_out", "missing"),
    [
        (PAIRS[:1], [], []),
        (PAIRS[:1], seeds_of("mql", 10)[5:], []),  # decided at five
        (PAIRS[:1], seeds_of("rl2-ppo", 10)[5:], []),
        (PAIRS, seeds_of("rl2-ppo", 10)[5:], []),  # mql has ten seeds for pearl's sake
        (PAIRS[:1], seeds_of("mql", 10)[2:3], seeds_of("mql", 10)[2:3]),
        (PAIRS[:1], seeds_of("mql", 10)[4:], seeds_of("mql", 10)[4:5]),
        (PAIRS, seeds_of("pearl", 10)[9:], seeds_of("pearl", 10)[9:]),
        (
            PAIRS[1:],
            [*seeds_of("mql", 10)[5:], *seeds_of("pearl", 10)[5:]],
            [*seeds_of("mql", 10)[5:], *seeds_of("pearl", 10)[5:]],
        ),
    ],
)
def test_a_comparison_wants_the_seeds_that_decide_it_and_no_more(
    pairs: list[tuple[str, str]],
    left_out: Sequence[str],
    missing: Sequence[str],
    decided: tuple[Runs, tuple[Listed, ...]],
    tmp_path: Path,
) -> None:
    runs, list_ = decided
    comparisons = [
        Comparison(environment="cheetah-fb", entries=pair, batch=5, runs=(seeds_of(pair[0], 10), seeds_of(pair[1], 10)))
        for pair in pairs
    ]
    altered = Snapshot(tmp_path / "altered")
    background = Background(
        name="mine",
        description="",
        runs=tuple(each for each in list_ if each.run not in left_out),
        comparisons=tuple(each.model_dump(mode="json") for each in comparisons),
    )
    altered.write([each for run, each in runs.items() if run not in left_out], background, [])
    found = inconsistencies(Store(altered.path))
    assert sorted(each.run for each in found) == sorted(missing)
    assert all("is not listed, although mql and " in each.problem for each in found)


def test_a_table_that_is_there_twice_is_reported(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, tables = content(once)
    altered = Snapshot(tmp_path / "altered")
    first = {**tables[0], "title": "another"}
    for changed in ([first, *tables], tables[::-1]):
        write(altered, runs, list_, changed)
        problems = [each.problem for each in inconsistent(Store(altered.path))]
        assert problems == ["tables are there twice, or in another order"]


def test_a_doubled_line_is_refused(once: Snapshot, tmp_path: Path) -> None:
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    with pytest.raises(UsageError, match=f"holds run {RUN} twice"):
        write(altered, {**runs, "again": runs[RUN]}, list_)


def test_a_change_carried_through_every_table_is_not_found(once: Snapshot, tmp_path: Path) -> None:
    """Execution alone tells: `tests/suite/execute/test_verification.py`."""
    runs, list_, _ = content(once)
    altered = Snapshot(tmp_path / "altered")
    write(altered, {**runs, RUN: table(runs[RUN], "evaluations", better)}, list_)
    assert inconsistent(Store(altered.path)) == []
