"""A peer as an algorithm of the suite, played by a process without garage."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
import torch

from algorithms import ALGORITHMS, ENTRANTS, PEERS, Problem
from algorithms.declaration import Fraction
from algorithms.peers import garage, process
from algorithms.peers.algorithm import PeerAlgorithm
from algorithms.peers.process import PeerError
from suite.analysis.results import read_results
from suite.execute.calibration import calibrate
from suite.execute.forecast import Speeds
from suite.failures import of_exception
from suite.plan.settings import used_settings
from suite.report.tables import runs as run_tables
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.runs import Store
from suite.training.attempt import attempt
from suite.training.protocol import BudgetError, TaskView
from suite.training.trainer import Trainer
from suite.versions import numeric_versions

FAKE = Path(__file__).parent / "fake_peer.py"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class FakeSettings:
    discount: Fraction = 0.99


class FakePeer(PeerAlgorithm):
    """A peer that acts at random."""

    name: ClassVar[str] = "fake-peer"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = FakeSettings
    peer: ClassVar[str] = "fake"

    @classmethod
    def first_iteration_steps(cls, settings: FakeSettings, problem: Problem) -> int:
        return problem.horizon


@pytest.fixture(autouse=True)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The behaviour of the peer."""
    mode = getattr(request, "param", "well")
    monkeypatch.setitem(PEERS, FakePeer.name, FakePeer)
    monkeypatch.setattr(garage, "command", lambda: [sys.executable, str(FAKE), mode])
    monkeypatch.setenv("FAKE_PEER_DIED", str(tmp_path / "died"))
    return mode


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec(
        label=FakePeer.name,
        algorithm=FakePeer.name,
        algorithm_revision=1,
        settings=used_settings(FakePeer.name, "point-goal-2d", {}),
        environment="point-goal-2d",
        environment_revision=1,
        environment_options={},
        exploration_episodes=2,
        seed=0,
        budget=205,
        evaluations=2,
        versions=numeric_versions(),
    )


@pytest.fixture
def trainer(spec: RunSpec) -> Iterator[Trainer]:
    trainer = Trainer.of(spec, CPU)
    yield trainer
    trainer.algorithm.process.close()  # type: ignore[attr-defined]


def test_peers_are_entrants_but_not_among_the_algorithms() -> None:
    assert not ALGORITHMS.keys() & PEERS.keys()
    assert set(ENTRANTS) == ALGORITHMS.keys() | PEERS.keys()


def test_the_runner_takes_and_counts_every_step(trainer: Trainer) -> None:
    trainer.run()
    horizon, tests = trainer.family.spec.horizon, len(trainer.test.vectors)
    assert trainer.train.steps == 200  # ten episodes; an eleventh would not fit
    assert trainer.iterations == 10
    assert trainer.algorithm.gradient_steps == 20
    assert trainer.test.steps == 3 * tests * 3 * horizon  # evaluations, two explorations and one more each
    assert trainer.train.visits.sum() == 10
    assert trainer.metrics["reward"] == trainer.algorithm.state()["learnt"]["learnt"].item()


def test_evaluations_do_not_change_training(spec: RunSpec) -> None:
    found = []
    for evaluations in (2, 2, 5):
        run = Trainer.of(spec.model_copy(update={"evaluations": evaluations}), CPU)
        run.run()
        found.append((run.evaluations[-1]["return"].tolist(), run.metrics))
    assert found[0] == found[1] == found[2]


def test_no_step_is_taken_beyond_the_budget(trainer: Trainer) -> None:
    with pytest.raises(BudgetError):
        trainer.algorithm.meta_train(TaskView(trainer.train, 7))
    assert trainer.train.steps == 7


def test_what_was_learnt_is_kept_and_given_back(trainer: Trainer, spec: RunSpec) -> None:
    trainer.iterate()
    state = trainer.algorithm.state()
    other = Trainer.of(spec, CPU)
    other.algorithm.load_state(state)
    assert torch.equal(other.algorithm.state()["learnt"]["learnt"], state["learnt"]["learnt"])


def test_a_process_ends_with_what_it_was_started_for(spec: RunSpec) -> None:
    trainer = Trainer.of(spec, CPU)
    child = psutil.Process(trainer.algorithm.process._process.pid)  # type: ignore[attr-defined]
    assert child.is_running()
    del trainer
    assert not child.is_running()


@pytest.mark.parametrize(
    ("mode", "kind", "reason"),
    [
        ("raises", "peer", "garage: ValueError: so much for that"),
        ("exits", "peer", "garage: ended with status 3"),
        ("dies", "killed", "garage: killed by SIGKILL"),
        ("babbles", "peer", "garage: sends what is no message"),
        ("wanders", "peer", "garage: 'sing' is not what an iteration consists of"),
        ("hangs", "silence", "garage: said nothing for 0.5 s"),
    ],
    indirect=["mode"],
)
def test_how_a_peer_fails_is_how_its_run_fails(trainer: Trainer, kind: str, reason: str) -> None:
    trainer.algorithm.process.seconds = 0.5 if kind == "silence" else 30.0  # type: ignore[attr-defined]
    with pytest.raises(PeerError) as failed:
        trainer.iterate()
    failure = of_exception(failed.value)
    assert failure.kind == kind
    assert failure.reason.startswith(reason)
    assert trainer.train.steps == 3


def test_an_agent_is_not_made_of_a_peer_that_was_left_within_an_iteration(trainer: Trainer) -> None:
    with pytest.raises(BudgetError):
        trainer.algorithm.meta_train(TaskView(trainer.train, 7))
    with pytest.raises(PeerError, match=r"garage: RuntimeError: 'step' is answered with 'agent'"):
        trainer.evaluate()


@pytest.mark.parametrize("mode", ["exits"], indirect=True)
def test_what_fails_is_not_calibrated_and_stops_nothing(spec: RunSpec, mode: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    store.prepare()
    assert calibrate([spec], Speeds(store), CPU, seconds=1.0) == 1


def test_a_missing_environment_is_a_failure_that_says_how_to_get_it(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(PEERS, FakePeer.name, FakePeer)
    monkeypatch.setenv(garage.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(PeerError, match=r"garage: no environment at .*nowhere; make it: tox -e garage") as missing:
        Trainer.of(spec, CPU)
    assert of_exception(missing.value).kind == "peer"
    with pytest.raises(PeerError, match="no environment"):
        garage.installed()


def test_an_environment_without_garage_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv(garage.VARIABLE, sys.executable)
    with pytest.raises(PeerError, match="has not all of garage, torch, tensorflow-cpu, numpy"):
        garage.installed()


def test_what_cannot_be_started_is_named() -> None:
    with pytest.raises(PeerError, match="peer: /dev/null: Permission denied"):
        process.PeerProcess("peer", ["/dev/null"])


def planned(store: Store, spec: RunSpec) -> RunFolder:
    store.prepare()
    folder = store.folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    return folder


@pytest.mark.parametrize("mode", ["dies-once"], indirect=True)
def test_a_run_whose_peer_died_starts_again_and_the_page_says_so(spec: RunSpec, mode: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    folder = planned(store, spec)
    with folder.kept():
        assert attempt(spec, folder, checkpoint_seconds=0.0) == 1
        assert [record.kind for record in folder.attempts()] == ["killed"]
        assert folder.state == "running"  # held, and not given up
        assert not list(folder.path.glob("checkpoint/*"))
        assert attempt(spec, folder, checkpoint_seconds=0.0) == 0
    assert folder.state == "done"
    found = json.loads((folder.path / "provenance.json").read_text())
    assert found["started_again"] == 1
    assert found["versions"]["fake (peer)"] == "1.0"
    assert folder.training()["environment_steps"].tolist()[0] == 0
    results = read_results(store)
    assert run_tables.started_again(results) == {spec.run: 1}
    assert run_tables.provenance(results).rows[0][1] == "done, started again once"


def test_a_run_that_was_never_cut_off_is_not_marked(spec: RunSpec, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    folder = planned(store, spec)
    with folder.kept():
        assert attempt(spec, folder, checkpoint_seconds=0.0) == 0
    results = read_results(store)
    assert run_tables.started_again(results) == {}
    assert run_tables.provenance(results).rows[0][1] == "done"


def test_a_peer_that_was_asked_to_stop_does_not_outlive_its_run(spec: RunSpec) -> None:
    trainer = Trainer.of(spec, CPU)
    child = psutil.Process(trainer.algorithm.process._process.pid)  # type: ignore[attr-defined]
    begun = time.monotonic()
    trainer.algorithm.process.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < process.END_SECONDS
    assert not child.is_running()
