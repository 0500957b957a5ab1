"""Whatever a benchmark file or a run folder holds, its reader answers in one clear line or with a value."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite.errors import UsageError
from suite.failures import RETRIES
from suite.plan.benchmark import load_benchmark
from suite.store import lease
from suite.store.checkpoint import Checkpoints
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.faults.conftest import Note, count
from tests.suite.stores import finish, linear, make_spec

pytestmark = pytest.mark.faults

INPUTS = count(whole=3000, bounded=400)

FUZZ = settings(
    max_examples=INPUTS,
    suppress_health_check=[HealthCheck.too_slow],
)

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))

VALID: dict[str, Any] = {
    "name": "fuzzed",
    "description": "",
    "groups": [
        {
            "environments": ["point-goal-2d"],
            "environment_options": {},
            "algorithms": {"pearl": {"settings": {"batch": 16}}},
            "seeds": [0],
            "budget": 100_000,
            "evaluations": 2,
        }
    ],
}


@st.composite
def nearly_valid(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid benchmark of which one place is something else."""
    value = json.loads(json.dumps(VALID))
    node: Any = value
    while True:
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            node[key] = draw(VALUES)
        elif action == "remove":
            del node[key]
        elif isinstance(node, dict):
            node[draw(st.text(max_size=10))] = draw(VALUES)
        else:
            node.append(draw(VALUES))
        return value


def complaint(look: Callable[[], object]) -> str | None:
    """Return what a reader says is wrong; anything else than a `UsageError` escapes and fails the test."""
    try:
        look()
    except UsageError as error:
        return str(error)
    return None


def read(path: Path) -> None:
    """Read and plan a benchmark; a complaint must be one clear line."""
    said = complaint(lambda: load_benchmark(str(path)).plan())
    assert said is None or (said.strip() and "\n" not in said)


def test_nearly_valid_benchmarks(tmp_path: Path, note: Note) -> None:
    path = tmp_path / "benchmark.yaml"

    @FUZZ
    @given(value=nearly_valid())
    def fuzz(value: dict[str, Any]) -> None:
        path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
        read(path)

    fuzz()
    note("benchmark files of which one place is something else", INPUTS, "a plan or one clear line")


def test_any_bytes_as_a_benchmark(tmp_path: Path, note: Note) -> None:
    path = tmp_path / "benchmark.yaml"

    @FUZZ
    @given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
    def fuzz(content: bytes) -> None:
        path.write_bytes(content)
        read(path)

    fuzz()
    note("any bytes as a benchmark file", INPUTS, "a plan or one clear line")


HOSTILE = (
    "!!python/object/apply:os.system ['touch HIT']",
    "name: !!python/object/new:subprocess.Popen [['touch', 'HIT']]",
    "a: &a [*a, *a]",
    "a: &a ['x','x']\nb: &b [*a,*a]\nc: &c [*b,*b]\nname: *c",
    "[" * 5000,
    "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]" for n in range(12)),
    "? {a: b}\n: c",
    "name: 2026-01-01",
    "name: .nan\ngroups: .inf",
    "<<: 3",
    "a: &a {b: 1}\nc: {<<: [*a, *a]}",
)
"""Benchmark files that would execute something, fill the memory, or are no plain values."""


def test_a_benchmark_file_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    monkeypatch.chdir(tmp_path)
    for text in HOSTILE:
        Path("benchmark.yaml").write_text(text)
        with pytest.raises(UsageError):
            load_benchmark("benchmark.yaml").plan()
        assert not Path("HIT").exists(), text
    note("benchmark files that would execute something, or fill the memory", len(HOSTILE), "refused; nothing executed")


FILES = ("run.json", "done.json", "failed.json", "progress.json", "provenance.json", "evaluations.parquet")
OTHERS = (
    "training.parquet",
    "attempts.json",
    "claims/000002.json",
    "checkpoint/000001.json",
    "checkpoint/000001.safetensors",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("sound")
    folder = finish(Store(results), make_spec(), linear(0, 1))
    Checkpoints(folder.path / "checkpoint").save({"a": 1})
    assert folder.take()
    assert folder.begin(RETRIES) is None
    assert (folder.path / "claims" / "000002.json").exists()
    return folder.path


def look_at(folder: RunFolder) -> None:
    """Read all there is to read of a run folder."""
    lease.is_held(folder.path / "claims")
    Checkpoints(folder.path / "checkpoint").load()
    for look in (
        lambda: folder.state,
        folder.spec,
        folder.evaluations,
        folder.training,
        folder.provenance,
        folder.progress,
        folder.failure,
        folder.attempts,
        folder.given_up,
        folder.log_tail,
        folder.verify,
    ):
        said = complaint(look)
        assert said is None or (folder.run in said and "\n" not in said)


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    """Return what a file may have become."""
    kind = draw(st.sampled_from(["truncated", "flipped", "noise", "json", "owner", "deep", "long"]))
    if kind == "truncated":
        return content[: draw(st.integers(0, len(content)))]
    if kind == "flipped" and content:
        position = draw(st.integers(0, len(content) - 1))
        return content[:position] + bytes([content[position] ^ draw(st.integers(1, 255))]) + content[position + 1 :]
    if kind == "noise":
        return draw(st.binary(max_size=200))
    if kind == "owner":
        owner = {"machine": lease._machine(), "pid": draw(VALUES), "started": draw(VALUES)}
        return json.dumps(owner).encode()
    if kind == "deep":
        return b"[" * 50_000
    if kind == "long":
        return b"9" * 5000
    return json.dumps(draw(VALUES)).encode()


def test_damaged_run_folders(sound: Path, tmp_path: Path, note: Note) -> None:
    path = tmp_path / sound.name

    @FUZZ
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(sound, path)
        victim = path / data.draw(st.sampled_from(FILES + OTHERS))
        victim.write_bytes(data.draw(damage(victim.read_bytes() if victim.exists() else b"{}")))
        look_at(RunFolder(path))

    fuzz()
    note("fuzzed run folders, checkpoints and leases", INPUTS, "values or one clear line that names the file")


OUTSIDE = ("..", ".", "", "../../etc", "/etc/passwd", "a/b", "a\0b", "..\\x", "~root", "a" * 300, ".hidden", "a\nb")
"""Names that no run can have."""


def test_a_run_name_cannot_leave_the_store(tmp_path: Path, note: Note) -> None:
    store = Store(tmp_path)
    for name in OUTSIDE:
        with pytest.raises(UsageError, match=re.escape("is not the name of a run")):
            store.folder(name)

    @FUZZ
    @given(name=st.text(max_size=30))
    def fuzz(name: str) -> None:
        if complaint(lambda: store.folder(name)) is None:
            assert store.folder(name).path.resolve().parent == (tmp_path / "runs").resolve()

    fuzz()
    note("fuzzed run names", INPUTS + len(OUTSIDE), "none leaves the store")
