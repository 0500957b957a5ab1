from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pytest
import torch
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

from algorithms import Episodes
from environments.point_goal import PointGoal, _PointGoalSimulation
from suite.errors import UsageError
from suite.inspect.agent import load
from suite.inspect.clusters import ClusterSettings, cluster_tasks, crop, embed, statistics, varies
from suite.inspect.trained import trained
from suite.plan.benchmark import load_benchmark
from suite.store.folder import RunFolder
from suite.store.runs import Store
from suite.training.protocol import CountedTasks, meta_test
from suite.training.trainer import Trainer
from tests.suite.stores import finish, linear, make_spec
from tests.suite.trained_runs import TINY, suite, train

CPU = torch.device("cpu")
HORIZON = 20


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    train(folder)
    return folder


@pytest.fixture(scope="module")
def runs(results: Path) -> dict[str, str]:
    return {folder.spec().label: folder.run for folder in Store(results).folders()}


def evaluation_episodes_of(folder: RunFolder) -> Episodes:
    trainer = trained(folder, CPU)
    return meta_test(trainer.algorithm, trainer.test, trainer.spec.exploration_episodes)


def test_a_trained_agent_scores_as_the_run_did(results: Path, runs: dict[str, str]) -> None:
    for label in ("pearl", "blind-sac"):
        folder = Store(results).folder(runs[label])
        committed = folder.evaluations()
        last = committed[committed["environment_steps"] == committed["environment_steps"].max()]
        scores = trained(folder, CPU).evaluate()
        np.testing.assert_array_equal(scores.returns, last["return"])


@pytest.mark.parametrize("label", ["pearl", "blind-sac"])
def test_watch_films_the_evaluation_episode(
    label: str, results: Path, runs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "new folder" / "clip.gif"
    assert suite("watch", runs[label], "--results", results, "--task", 3, "--out", clip) == 0
    printed = capfd.readouterr()
    assert printed.out.strip() == f"clip: {clip}"
    committed = Store(results).folder(runs[label]).evaluations()
    last = committed[(committed["task"] == 3)]["return"].iloc[-1]
    assert float(printed.err.split("return ")[1].split(",")[0]) == pytest.approx(last, abs=1e-3)
    with Image.open(clip) as image:
        assert image.size == (480, 360)
        assert image.n_frames == HORIZON + 1  # type: ignore[attr-defined]
    assert list(clip.parent.iterdir()) == [clip]


def test_watch_writes_mp4_by_default(
    results: Path, runs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert suite("watch", runs["pearl"], "--results", results, "--task", 0) == 0
    frames, seconds = count_frames_and_secs(str(tmp_path / "reports" / "clips" / f"{runs['pearl']}-task0.mp4"))
    assert frames == HORIZON + 1
    assert 3.0 <= seconds <= 4.0


def test_watch_films_the_first_seed_of_everything_for_the_report(
    results: Path, runs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    shutil.copytree(results / "runs", store.results / "runs")
    pruned = finish(store, make_spec("blind-sac", "point-goal-2d", 1), linear(-20.0, -15.0))  # keeps no agent
    reports = tmp_path / "reports"
    watch = ("watch", "--all", "--results", store.results, "--reports", reports)
    assert suite(*watch) == 0
    clips = {label: reports / "clips" / f"{runs[label]}-task0.mp4" for label in ("pearl", "blind-sac")}
    printed = capfd.readouterr()
    assert set(printed.out.splitlines()) == {f"clip: {clip}" for clip in clips.values()}
    assert "mql on point-goal-2d: no clip: " in printed.err
    assert f"2 of 3 clips are in {reports / 'clips'}" in printed.err
    for clip in clips.values():
        assert count_frames_and_secs(str(clip))[0] == HORIZON + 1
        with Image.open(clip.with_suffix(".jpg")) as poster:
            assert (poster.format, poster.size) == ("JPEG", (240, 180))
    clips["pearl"].unlink()
    assert suite(*watch) == 0  # only what is missing
    assert capfd.readouterr().out.splitlines() == [f"clip: {clips['pearl']}"]
    assert suite("report", "--results", store.results, "--reports", reports) == 0
    page = (reports / "index.html").read_text()
    assert sorted(re.findall(r'<video [^>]*src="([^"]+)"', page)) == sorted(
        str(clip.relative_to(reports)) for clip in clips.values()
    )
    assert pruned.run in page


def test_watch_films_everything_of_a_benchmark(
    results: Path, runs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = tmp_path / "one.yaml"
    one.write_text(re.sub(r"      blind-sac:.*", "", TINY, flags=re.DOTALL))
    assert suite("watch", "--all", one, "--results", results, "--reports", tmp_path, "--task", 2) == 0
    assert capfd.readouterr().out.splitlines() == [f"clip: {tmp_path}/clips/{runs['pearl']}-task2.mp4"]


def test_watch_says_why_there_is_no_clip_at_all(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    CANNOT[0] = RuntimeError("no OpenGL without a display")
    monkeypatch.setattr(_PointGoalSimulation, "render", cannot_draw)
    assert suite("watch", "--all", "--results", results, "--reports", tmp_path) == 2
    printed = capfd.readouterr().err.splitlines()
    assert "pearl on point-goal-2d: no clip: pictures: no OpenGL without a display" in printed
    assert printed[-1].endswith("--all: no clip could be made")
    assert list((tmp_path / "clips").iterdir()) == []
    assert suite("watch", "--all", "--results", results, "--out", tmp_path / "clip.mp4") == 2
    assert "--all and --out: give one of them" in capfd.readouterr().err
    (tmp_path / "empty").mkdir()
    for options in ((), ("--all",)):
        assert suite("watch", *options, "--results", tmp_path / "empty") == 2
        assert (
            "empty: holds no finished run that keeps an agent; to make some: suite run quick" in capfd.readouterr().err
        )
    assert suite("watch", "--all", "peers", "--results", results) == 2
    said = f"{results}: holds no finished run of peers that keeps an agent; to make some: suite run peers"
    assert said in " ".join(capfd.readouterr().err.split("\n"))


def test_clusters_writes_table_page_and_record(
    results: Path, runs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--results", results, "--reports", tmp_path, "--rollouts", 6, "--tasks", 4, "--perplexity", 5)
    assert suite("clusters", runs["pearl"], *options, "--json") == 0
    (printed,) = json.loads(capfd.readouterr().out)["runs"]
    folder = Store(results).folder(runs["pearl"])
    folder.verify()
    recorded = json.loads((folder.path / "clusters.json").read_text())
    points = recorded.pop("points")
    assert printed == recorded
    assert points["task"] == [0, 1, 2, 3] * 6
    projected = np.stack([points["x"], points["y"]], axis=1)
    assert recorded["tsne"] == statistics(projected, np.array(points["task"])).model_dump()
    assert recorded["tsne_settings"]["perplexity"] == 5
    assert recorded["window_rows"] == [16, 16]  # of 20 steps, for W = 64
    assert recorded["goals"] == "test tasks"
    page = (tmp_path / "clusters.html").read_bytes()
    assert suite("clusters", runs["pearl"], *options) == 0
    assert "| tcl-pearl, Table 2 of TCL-PEARL | push-v1 | – | 26.6 | 68.5 | 2.58 |" in capfd.readouterr().out
    assert (tmp_path / "clusters.html").read_bytes() == page


def test_statistics_agree_with_loops() -> None:
    generator = np.random.default_rng(0)
    labels = np.array([2, 0, 1, 0, 1, 2, 0, 2, 1, 1])
    points = generator.standard_normal((10, 3)) + labels[:, None]
    centroids = {
        k: sum(p for p, c in zip(points, labels, strict=True) if c == k) / (labels == k).sum() for k in range(3)
    }
    within = [np.sqrt(((p - centroids[c]) ** 2).sum()) for p, c in zip(points, labels, strict=True)]
    between = [np.sqrt(((centroids[a] - centroids[b]) ** 2).sum()) for a, b in ((0, 1), (0, 2), (1, 2))]
    silhouettes = []
    for i, (p, c) in enumerate(zip(points, labels, strict=True)):
        distances = np.sqrt(((points - p) ** 2).sum(axis=1))
        own = np.mean([d for j, d in enumerate(distances) if labels[j] == c and j != i])
        other = min(distances[labels == k].mean() for k in range(3) if k != c)
        silhouettes.append((other - own) / max(own, other))
    found = statistics(points, labels)
    assert found.model_dump() == pytest.approx(
        {
            "to_centroid": np.mean(within),
            "between_centroids": np.mean(between),
            "ratio": np.mean(between) / np.mean(within),
            "silhouette": np.mean(silhouettes),
        }
    )
    assert statistics(np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1])).ratio is None


def test_crop_cuts_consecutive_transitions(results: Path, runs: dict[str, str]) -> None:
    episodes = evaluation_episodes_of(Store(results).folder(runs["pearl"]))
    starts = set()
    for seed in range(60):
        windows = crop(episodes, 8, np.random.default_rng(seed))
        assert windows.observations.shape[1:] == (9, 2)
        assert windows.actions.shape[1:] == (8, 2)
        for copy, observations in enumerate(windows.observations):
            (start,) = np.flatnonzero((episodes.observations[copy] == observations[0]).all(axis=1))
            np.testing.assert_array_equal(episodes.observations[copy, start : start + 9], observations)
            np.testing.assert_array_equal(episodes.actions[copy, start : start + 8], windows.actions[copy])
            np.testing.assert_array_equal(episodes.rewards[copy, start : start + 8], windows.rewards[copy])
            starts.add(int(start))
    assert starts == set(range(HORIZON - 8))


def test_crop_draws_the_starts_of_long_episodes_as_it_always_did(results: Path, runs: dict[str, str]) -> None:
    episodes = evaluation_episodes_of(Store(results).folder(runs["pearl"]))
    windows = crop(episodes, 8, np.random.default_rng(3))
    starts = np.random.default_rng(3).integers(np.full(len(episodes.tasks), HORIZON - 8))
    for copy, start in enumerate(starts):
        np.testing.assert_array_equal(windows.observations[copy], episodes.observations[copy, start : start + 9])


def test_crop_never_reads_beyond_a_short_episode(results: Path, runs: dict[str, str]) -> None:
    episodes = evaluation_episodes_of(Store(results).folder(runs["pearl"]))
    episodes.lengths[:3] = 1, 2, 6
    windows = crop(episodes, 8, np.random.default_rng(0))
    assert windows.lengths[:4].tolist() == [1, 1, 4, 8]  # four fifths, or W
    for copy, length in enumerate(windows.lengths[:3]):
        start = int(np.flatnonzero((episodes.observations[copy] == windows.observations[copy, 0]).all(axis=1))[0])
        assert start + length <= episodes.lengths[copy]
        np.testing.assert_array_equal(
            episodes.observations[copy, start : start + length + 1], windows.observations[copy, : length + 1]
        )


def test_tasks_on_ml1_stand_on_a_grid_and_randomise_the_hand() -> None:
    (spec,) = (s for s in load_benchmark("smoke").plan() if s.label == "pearl" and s.environment == "reach-v1")
    tasks, grid = cluster_tasks(Trainer.of(spec, CPU), ClusterSettings())
    assert grid
    assert len(np.unique(tasks.vectors[:, -3])) == 4
    assert len(np.unique(tasks.vectors[:, -2])) == 2
    assert len(np.unique(tasks.vectors[:, :-3], axis=0)) == 1
    first, second = (tasks.reset(np.arange(2)) for _ in range(2))
    tasks.close()
    hand = slice(0, 3)
    assert (first[:, hand] != second[:, hand]).all()


@pytest.mark.parametrize(
    ("label", "arguments", "message"),
    [
        ("pearl", ("watch", "--task", 20), "--task 20: point-goal-2d has the test tasks 0 to 19"),
        ("pearl", ("watch", "--task", -1), "--task -1: point-goal-2d has the test tasks 0 to 19"),
        ("pearl", ("watch", "--task", 0, "--out", "clip.avi"), "--out clip.avi: must end in .mp4, .gif, .webp"),
        ("mql", ("watch", "--task", 0), "mql adapts on its meta-training replay"),
        ("blind-sac", ("clusters",), "blind-sac has no context encoder"),
        ("pearl", ("clusters", "--tasks", 21), "tasks 21: point-goal-2d has 20 test tasks"),
        ("pearl", ("clusters", "--rollouts", 3), "perplexity 30: must be less than the number of windows, 24"),
    ],
)
def test_wrong_usage_is_one_line(
    label: str,
    arguments: tuple[object, ...],
    message: str,
    results: Path,
    runs: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    command, *options = arguments
    assert suite(command, runs[label], *options, "--results", results) == 2
    printed = capfd.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_runs_without_a_trained_agent_are_refused(results: Path, runs: dict[str, str], tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(UsageError, match=r"run 'nothing' is not in .*; see: suite status"):
        trained(store.folder("nothing"), CPU)

    pending = store.folder(make_spec().run)
    pending.prepare(make_spec())
    with pytest.raises(UsageError, match="is pending; only a finished run has a trained agent"):
        trained(pending, CPU)

    older = finish(store, make_spec(seed=1), linear(0.0, 1.0))
    with pytest.raises(UsageError, match=f"keeps no trained agent .* suite run BENCHMARK --rerun {older.run}"):
        trained(older, CPU)

    damaged = store.folder(runs["pearl"])
    shutil.copytree(Store(results).folder(runs["pearl"]).path, damaged.path)
    (damaged.path / "state.safetensors").write_bytes(b"half")
    with pytest.raises(UsageError, match=r"state\.safetensors: differs from what the run committed"):
        trained(damaged, CPU)


def test_the_recorded_command_makes_the_same_numbers_again(results: Path, runs: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(results / "runs" / runs["pearl"], tmp_path / "runs" / runs["pearl"])
    folder = Store(tmp_path).folder(runs["pearl"])
    before, began = folder.evaluations(), (folder.path / "done.json").stat().st_mtime_ns
    program, *arguments = folder.provenance()["command"].split()
    assert program == "suite"
    assert suite(*arguments, "--results", tmp_path) == 0
    assert (folder.path / "done.json").stat().st_mtime_ns > began
    pd.testing.assert_frame_equal(folder.evaluations(), before)


@pytest.mark.parametrize("bias", [0.0, 0.7, -3.0])
def test_an_encoder_that_is_dead_has_no_clusters(bias: float, results: Path, runs: dict[str, str]) -> None:
    trainer = trained(Store(results).folder(runs["pearl"]), CPU)
    encoder = trainer.algorithm.encoder_parameters  # type: ignore[attr-defined]
    _, weights, _, biases = encoder.parameters
    weights.data.zero_()  # as if no unit of the last hidden layer were on
    biases.data.fill_(bias)
    settings = ClusterSettings(tasks=4, rollouts=6, perplexity=5)
    with pytest.raises(UsageError, match="its encoder gives every window the same posterior"):
        embed(trainer, settings)


def test_an_encoder_that_says_little_has_clusters(results: Path, runs: dict[str, str]) -> None:
    trainer = trained(Store(results).folder(runs["pearl"]), CPU)
    encoder = trainer.algorithm.encoder_parameters  # type: ignore[attr-defined]
    settings = ClusterSettings(tasks=4, rollouts=6, perplexity=5)
    _, weights, _, _ = encoder.parameters
    weights.data.mul_(0.01)
    assert embed(trainer, settings).latent.between_centroids > 0.0


def test_what_differs_by_rounding_alone_does_not_vary() -> None:
    summed = np.array([[0.1 + 0.2 + 0.3, 1.0, 1e-9], [0.3 + 0.2 + 0.1, 2.0, 2e-9]])
    assert summed[0, 0] != summed[1, 0]
    assert varies(summed, 3 * np.finfo(np.float64).eps).tolist() == [False, True, True]
    points = np.array([[0.1 + 0.2 + 0.3], [0.3 + 0.2 + 0.1], [1.0], [1.0]])
    assert statistics(points, np.array([0, 0, 1, 1])).ratio is None


@pytest.mark.parametrize("command", ["watch", "clusters", "load"])
@pytest.mark.parametrize(
    ("field", "named"), [("algorithm_revision", "pearl"), ("environment_revision", "point-goal-2d")]
)
def test_another_revision_of_algorithm_or_environment_is_refused(
    command: str,
    field: str,
    named: str,
    results: Path,
    runs: dict[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spec = Store(results).folder(runs["pearl"]).spec()
    older = spec.model_copy(update={field: getattr(spec, field) + 1})
    folder = Store(tmp_path).folder(older.run)
    shutil.copytree(results / "runs" / spec.run, folder.path)
    (folder.path / "run.json").write_text(older.model_dump_json())
    done = json.loads((folder.path / "done.json").read_text())
    text = json.dumps(done).replace(
        hashlib.sha256((results / "runs" / spec.run / "run.json").read_bytes()).hexdigest(),
        hashlib.sha256((folder.path / "run.json").read_bytes()).hexdigest(),
    )
    (folder.path / "done.json").write_text(text)
    said = f"was made by revision {getattr(spec, field) + 1} of {named}, this suite has revision {getattr(spec, field)}"
    if command == "load":
        with pytest.raises(UsageError, match=said):
            load(older.run, tmp_path)
    else:
        options = ["--task", 0, "--out", tmp_path / "clip.mp4"] if command == "watch" else []
        assert suite(command, older.run, *options, "--results", tmp_path) == 2
        assert said in capfd.readouterr().err


def cannot_draw(self: Any, copy: int, width: int, height: int) -> Any:
    raise CANNOT[0]


CANNOT: list[Exception] = [RuntimeError()]


@pytest.fixture
def refusal(results: Path, runs: dict[str, str], capfd: pytest.CaptureFixture[str]) -> Callable[[Path], str]:
    """Return what films the agent of pearl into a file in vain, and returns what is said."""

    def said(out: Path) -> str:
        assert suite("watch", runs["pearl"], "--task", 0, "--results", results, "--out", out) == 2
        return capfd.readouterr().err

    return said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no OpenGL without a display"), "pictures: no OpenGL without a display"),
        (ImportError("Cannot initialize a EGL device display.\n  At all."), "EGL device display. At all."),
        (NotImplementedError(), "pictures: NotImplementedError"),
        (RuntimeError("\n \n"), "pictures: RuntimeError"),
    ],
    ids=repr,
)
def test_watch_asks_first_whether_it_can_draw(
    error: Exception,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[[Path], str],
) -> None:
    CANNOT[0] = error
    steps = []
    monkeypatch.setattr(_PointGoalSimulation, "render", cannot_draw)
    monkeypatch.setattr(CountedTasks, "step", lambda self, *given: steps.append(given))
    out = tmp_path / "clip.mp4"
    printed = refusal(out)
    assert said in printed
    assert printed.count("\n") == 1
    assert not steps
    assert not out.exists()


def test_watch_asks_first_whether_there_is_an_environment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[[Path], str],
) -> None:
    def cannot_be_made(self: Any, copies: int) -> Any:
        raise ImportError("no pygame here")

    monkeypatch.setattr(PointGoal, "simulation", cannot_be_made)
    out = tmp_path / "clip.mp4"
    assert "pictures: no pygame here" in refusal(out)


@pytest.mark.parametrize("picture", [np.zeros((4, 4, 3), np.uint8), np.zeros((360, 480, 3)), None, [[1, 2]]])
def test_watch_asks_first_what_a_family_draws(
    picture: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[[Path], str],
) -> None:
    monkeypatch.setattr(_PointGoalSimulation, "render", lambda self, copy, width, height: picture)
    out = tmp_path / "clip.mp4"
    given = np.asarray(picture)
    said = f"point-goal-2d must render uint8 of the shape (360, 480, 3), not {given.dtype} of the shape {given.shape}"
    assert said in refusal(out)


def test_watch_asks_first_where_it_may_write(
    results: Path,
    runs: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    refusal: Callable[[Path], str],
) -> None:
    monkeypatch.setattr(CountedTasks, "step", None)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.mp4").mkdir()
    for out in (tmp_path / "file" / "clip.mp4", tmp_path / "folder.mp4"):
        assert f"error: {out}: cannot be written" in refusal(out)
    first = tmp_path / "file" / "clips" / f"{runs['blind-sac']}-task0.mp4"
    assert suite("watch", "--all", "--results", results, "--reports", tmp_path / "file") == 2
    assert f"error: {first}: cannot be written (Not a directory)" in " ".join(capfd.readouterr().err.split("\n"))


@pytest.mark.parametrize(
    ("suffix", "module", "name", "error"),
    [
        ("mp4", imageio_ffmpeg, "write_frames", RuntimeError("No ffmpeg exe could be found.")),
        ("webp", Image.Image, "save", KeyError("WEBP")),
    ],
)
def test_watch_asks_first_whether_it_can_encode(
    suffix: str,
    module: Any,
    name: str,
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[[Path], str],
) -> None:
    def cannot_encode(*given: Any, **more: Any) -> Any:
        raise error

    monkeypatch.setattr(CountedTasks, "step", None)
    monkeypatch.setattr(module, name, cannot_encode)
    out = tmp_path / f"clip.{suffix}"
    assert f"error: {out}: .{suffix} cannot be encoded ({error})" in " ".join(refusal(out).split("\n"))
    assert not list(tmp_path.iterdir())
