"""User modules: executed on trust alone, taken up whole or refused in one line, and part of no identity."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest

from environments import family_names, make_family
from suite.errors import UsageError
from suite.execute.docker.executor import DockerExecutor
from suite.execute.executor import Request
from suite.inspect.agent import load
from suite.plan import user_modules
from suite.plan.benchmark import load_benchmark
from suite.plan.identity import drift
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.versions import code_hash
from tests.suite.forgetting import forgetting
from tests.suite.stores import finish, linear
from tests.suite.trained_runs import suite as command

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "best_of_k.py"

BENCHMARK = """
name: mine
description: mine beside the control, on a task family of mine
modules: [code/best_of_k.py, family.py]
groups:
  - environments: [hidden-place-1d]
    seeds: [0]
    budget: 1200
    evaluations: 1
    algorithms:
      best-of-k: {settings: {episodes: 10, elite: 4}}
      blind-sac:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 20, warmup_steps: 20}
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    with forgetting():
        yield


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A benchmark file beside code of one's own."""
    (tmp_path / "code").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "code" / "best_of_k.py")
    page = (ROOT / "docs" / "adding-an-environment.md").read_text()
    (tmp_path / "family.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    path = tmp_path / "mine.yaml"
    path.write_text(BENCHMARK)
    return path


def plan(path: Path, *, trusted: bool = True) -> list[RunSpec]:
    return load_benchmark(str(path), trusted=trusted).plan()


def suite(*words: object) -> int:
    """Run the command as a process does that knows of nobody's code."""
    with forgetting():
        return command(*words)


def test_nothing_is_executed_without_trust(mine: Path) -> None:
    (mine.parent / "code" / "best_of_k.py").write_text("open('executed', 'w')")
    with pytest.raises(UsageError, match=r"mine.yaml: modules: code/best_of_k.py: a user module, .* --trust"):
        plan(mine, trusted=False)
    (mine.parent / "outer.yaml").write_text("name: outer\ndescription: ''\ninclude: [mine.yaml]\n")
    with pytest.raises(UsageError, match=r"include: mine.yaml: .* --trust"):
        plan(mine.parent / "outer.yaml", trusted=False)
    assert not Path("executed").exists()


def test_user_modules_are_planned_like_the_suites_own(mine: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own, control = plan(mine)
    files = [str(mine.parent / "code" / "best_of_k.py"), str(mine.parent / "family.py")]
    assert (own.algorithm, own.environment, own.algorithm_revision) == ("best-of-k", "hidden-place-1d", 1)
    assert own.modules == tuple(files)
    assert control.modules == (files[1],)
    assert own.settings == {"episodes": 10, "elite": 4}
    assert "hidden-place-1d" in family_names()
    assert make_family("hidden-place-1d", horizon=7).spec.horizon == 7
    assert "suite/HiddenPlace1d-v0" in gymnasium.registry
    assert all(spec.modules == () for spec in load_benchmark("smoke").plan())

    (mine.parent / "outer.yaml").write_text("name: outer\ndescription: ''\ninclude: [mine.yaml]\n")
    assert plan(mine.parent / "outer.yaml") == [own, control]


def test_path_and_text_of_a_user_module_are_no_part_of_the_identity(mine: Path, tmp_path: Path) -> None:
    script = "import sys; from suite.plan.benchmark import load_benchmark as load\n"
    script += "print(*(spec.run for spec in load(sys.argv[1], trusted=True).plan()))"

    def runs(path: Path) -> str:
        words = [sys.executable, "-c", script, str(path)]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    before = runs(mine)
    moved = shutil.copytree(mine.parent, tmp_path / "moved", ignore=lambda *_: ["moved"]) / "mine.yaml"
    code = moved.parent / "code" / "best_of_k.py"
    code.write_text("# a remark\n" + code.read_text())
    assert runs(moved) == before
    code.write_text(code.read_text().replace('"best-of-k", 1,', '"best-of-k", 2,'))
    assert runs(moved) != before


def test_a_pending_run_is_told_where_its_code_has_moved(mine: Path, tmp_path: Path) -> None:
    (spec, _) = plan(mine)
    folder = Store(tmp_path / "results").folder(spec.run)
    folder.prepare(spec)
    folder.prepare(spec.model_copy(update={"modules": ("/elsewhere/best_of_k.py",)}))
    assert folder.spec().modules == ("/elsewhere/best_of_k.py",)
    assert folder.spec().run == spec.run


def test_an_edited_module_is_said_to_be_other_code(mine: Path, tmp_path: Path) -> None:
    (spec, _) = plan(mine)
    store = Store(tmp_path / "results")
    origin = {"code": code_hash(), "modules": user_modules.fingerprints(spec.modules)}
    finish(store, spec, linear(0, 1), provenance=origin)
    assert drift([spec], store) == []
    user_modules._fingerprints[spec.modules[0]] = "another"
    assert len(drift([spec], store)) == 1


HEAD = """
from dataclasses import dataclass
from algorithms import Algorithm
from environments import FamilySpec, TaskFamily

@dataclass(frozen=True)
class Fine:
    pass

class Whole(Algorithm):
    next_iteration_steps = parts = None
    meta_train = meta_test = lambda self: None
"""


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_like_it", r"ModuleNotFoundError: No module named 'nothing_like_it' \(line 1\)"),
        ("x = 1\ny = x / 0", r"cannot be executed: ZeroDivisionError: division by zero \(line 2\)"),
        ("def", r"cannot be executed: SyntaxError"),
        ("from algorithms.interface import Algorithm", "defines neither an algorithm .* nor a task family"),
        (f"{HEAD}\nclass A(Algorithm):\n    name = 'a'", "A: lacks meta_test, meta_train, next_iteration_steps, parts"),
        (f"{HEAD}\nclass A(Whole):\n    name, Settings = 'a', Fine", "A: revision: None: must be a whole number"),
        (f"{HEAD}\nclass A(Whole):\n    name, revision, Settings = 'a', True, Fine", "A: revision: True"),
        (f"{HEAD}\nclass A(Whole):\n    name, revision, Settings = 'a', 1, int", "A: Settings: must be a frozen"),
        (
            f"{HEAD}\nclass A(Whole):\n    name, revision, Settings = '../a', 1, Fine",
            "A: name: '../a': must be letters",
        ),
        (f"{HEAD}\nclass A(Whole):\n    name, revision, Settings = 'pearl', 1, Fine", "another algorithm of the name"),
        (f"{HEAD}\nclass F(TaskFamily):\n    spec = 3", "F: spec: 3: must be a FamilySpec"),
    ],
)
def test_what_cannot_be_taken_up_is_said_in_one_line(code: str, reason: str, mine: Path) -> None:
    (mine.parent / "code" / "best_of_k.py").write_text(code)
    with pytest.raises(UsageError, match=rf"mine.yaml: modules: code/best_of_k.py: .*{reason}"):
        plan(mine)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('"hidden-place-1d"', '"reach-v1"'), "another task family of the name 'reach-v1'"),
        (('kind="toy"', 'kind="ml1"'), "kind 'ml1': must be toy or controls"),
        (("revision=1,", "revision=0,"), "revision: 0: must be a whole number from 1 on"),
    ],
)
def test_a_family_is_held_to_the_same(change: tuple[str, str], reason: str, mine: Path) -> None:
    family = mine.parent / "family.py"
    family.write_text(family.read_text().replace(*change))
    with pytest.raises(UsageError, match=f"modules: family.py: HiddenPlace: .*{reason}"):
        plan(mine)


def test_a_file_that_is_not_there_is_named(mine: Path) -> None:
    (mine.parent / "family.py").unlink()
    with pytest.raises(UsageError, match=r"modules: family.py: there is no file .*/family.py"):
        plan(mine)
    mine.write_text(mine.read_text().replace("family.py", "no.such_module"))
    with pytest.raises(UsageError, match=r"modules: no.such_module: cannot be executed: ModuleNotFoundError"):
        plan(mine)


def test_an_installed_module_will_do(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(mine.parent / "code"))
    mine.write_text(mine.read_text().replace("code/best_of_k.py", "best_of_k"))
    assert plan(mine)[0].modules == ("best_of_k", str(mine.parent / "family.py"))
    sys.modules.pop("best_of_k")


def test_engines_say_what_they_cannot_reach(mine: Path, tmp_path: Path) -> None:
    request = Request(runs=1, modules=("installed.module", str(mine.parent / "family.py")))
    assert request.command[-1] == "--trust"
    assert Request(runs=1).command[-1] != "--trust"
    with pytest.raises(UsageError, match=r"--executor docker: .*/family.py: no image holds a file of your own"):
        DockerExecutor(Store(tmp_path), request).open().__enter__()


def test_from_the_plan_to_the_report(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Workers are told of the trust; who only reads needs none."""
    monkeypatch.chdir(mine.parent)
    assert suite("run", "mine.yaml") == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not Path("results").exists()

    assert suite("run", "mine.yaml", "--trust", "--workers", 1) == 0, capfd.readouterr().err
    capfd.readouterr()
    assert suite("status", "--json") == 0
    states = json.loads(capfd.readouterr().out)["runs"]
    assert [(each["algorithm"], each["environment"], each["state"]) for each in states] == [
        ("best-of-k", "hidden-place-1d", "done"),
        ("blind-sac", "hidden-place-1d", "done"),
    ]
    run = states[0]["run"]
    origin = Store(Path("results")).folder(run).provenance()
    assert sorted(Path(module).name for module in origin["modules"]) == ["best_of_k.py", "family.py"]

    shutil.move("code", "away")  # reading needs no code, not even that it is there
    for words in (["report"], ["export"], ["logs", run], ["gc"], ["report", "--format", "markdown"]):
        assert suite(*words) == 0, capfd.readouterr().err
    assert "hidden-place-1d" in Path("reports", "index.html").read_text()
    capfd.readouterr()
    for words in (["exec", run, "--again"], ["watch", run, "--task", "0"], ["report", "mine.yaml"]):
        assert suite(*words) == 2
        assert "best_of_k.py: a user module, which is executed only with --trust" in capfd.readouterr().err
    assert suite("watch", run, "--task", "0", "--trust") == 2
    assert "there is no file" in capfd.readouterr().err
    shutil.move("away", "code")
    assert suite("exec", run, "--again", "--trust") == 0
    assert suite("watch", run, "--task", "0", "--trust", "--out", "clip.gif") == 0
    with forgetting(), pytest.raises(UsageError, match="--trust"):
        load(run)
    with forgetting():
        assert load(run, trust=True).test_tasks.shape == (10, 1)
