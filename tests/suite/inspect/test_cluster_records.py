from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.analysis.results import read_results
from suite.inspect import post_run
from suite.store.folder import RunFolder
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from tests.suite.stores import CLUSTERS, embed, make_spec, make_store


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    store = make_store(tmp_path, {("pearl", "push-v1"): [1.0]})
    embed(store, make_spec("pearl", "push-v1"))
    return store.folder(make_spec("pearl", "push-v1").run)


def test_reads_back_what_was_written(folder: RunFolder) -> None:
    record = post_run.CLUSTERS.read(folder)
    assert record is not None
    assert json.loads((folder.path / CLUSTERS).read_text()) == record.plain()
    assert set(record.plain()) - set(record.without_points()) == {"points"}


def test_most_runs_have_none(tmp_path: Path) -> None:
    assert post_run.CLUSTERS.read(Store(tmp_path).folder("a")) is None


def changed(*path: str, to: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(value: dict[str, Any]) -> dict[str, Any]:
        place = value
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to
        return value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: [value], "no attribute 'get'|list"),
        (lambda value: {"schema": 1}, "run: Field required"),
        (changed("schema", to=2), "written by a newer version of the suite \\(schema 2, this one reads 1\\)"),
        (changed("tsne", "silhouette", to="high"), "tsne.silhouette: Input should be a valid number"),
        (changed("latent", "to_centroid", to=float("nan")), "latent.to_centroid: Input should be a finite number"),
        (changed("points", "x", to=[0.0]), "points: .*40 tasks, 1 x and 40 y"),
        (changed("run", to="another"), "describes another run, another"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_run_stands(
    folder: RunFolder, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    path = folder.path / CLUSTERS
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CorruptRunError, match=message):
        post_run.CLUSTERS.read(folder)
    results = read_results(Store(folder.path.parent.parent))
    assert [(problem.run, CLUSTERS in problem.problem) for problem in results.problems] == [(folder.run, True)]
    assert results.done["run"].tolist() == [folder.run]
    assert results.found_by(post_run.CLUSTERS) == {}


@pytest.mark.parametrize("content", [b"", b"\x00\xff{[", b'{"schema": 1, "run": "pea'])
def test_half_a_file_is_named(folder: RunFolder, content: bytes) -> None:
    (folder.path / CLUSTERS).write_bytes(content)
    with pytest.raises(CorruptRunError, match=r"clusters\.json: "):
        post_run.CLUSTERS.read(folder)


def test_reports_need_neither_torch_nor_scikit_learn() -> None:
    """They would double the time to a page, and to an audit."""
    script = (
        "import sys, suite.report; from suite.papers.paper import read_papers; read_papers(); "
        "print({'torch', 'sklearn'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
