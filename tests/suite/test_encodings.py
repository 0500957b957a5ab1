"""UTF-8 everywhere: no file and no stream is left to the locale."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store
from tests.suite.stores import finish, linear

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for package in ("suite", "algorithms", "environments") for path in sorted((ROOT / package).rglob("*.py"))
]
TEXT = {"read_text": 1, "write_text": 2, "open": 3}
"""Methods that read or write text, and how many arguments say the encoding by position."""

LABELS = """
name: größe ▶ 大
description: labels beyond ASCII
groups:
  - environments: [point-goal-2d]
    seeds: [0]
    budget: 3000
    evaluations: 1
    algorithms:
      naïve → 大: {algorithm: blind-sac}
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF8 = {"LC_ALL": "C.UTF-8"}


def says_its_encoding(call: ast.Call, name: str) -> bool:
    modes = [
        word.value for word in (*call.args, *(each.value for each in call.keywords)) if isinstance(word, ast.Constant)
    ]
    binary = name == "open" and any(isinstance(mode, str) and "b" in mode for mode in modes)
    return binary or len(call.args) >= TEXT[name] or any(keyword.arg == "encoding" for keyword in call.keywords)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_says_its_encoding(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, ast.unparse(node.func.value)
            if name in TEXT and of not in ("os", "Image", "webbrowser", "chosen"):
                assert says_its_encoding(node, name), f"line {node.lineno}: {ast.unparse(node)}"


def test_the_locale_changes_no_byte(tmp_path: Path) -> None:
    definition = tmp_path / "labels.yaml"
    definition.write_text(LABELS, encoding="utf-8")
    (spec,) = load_benchmark(str(definition)).plan()
    assert spec.label == "naïve → 大"
    finish(Store(tmp_path / "results"), spec, linear(0, 1))
    script = (
        "import sys; from tests.suite.trained_runs import suite; words = sys.argv[1:]; "
        "codes = [suite(*line.split()) for line in words]; sys.exit(max(codes))"
    )
    seen = []
    for locale in (UTF8, ASCII):
        reports = tmp_path / locale["LC_ALL"]
        folders = f"--results {tmp_path / 'results'}"
        lines = [f"plan {definition} {folders}", f"plan {definition} {folders} --json", f"status {folders}"]
        lines += [f"report {definition} {folders} --reports {reports}", f"report {definition} {folders} --format latex"]
        done = subprocess.run(
            [sys.executable, "-c", script, *lines],
            cwd=ROOT,
            env={**os.environ, **locale},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        printed = done.stdout.replace(str(reports).encode(), b"REPORTS")
        seen.append((printed, (reports / "index.html").read_bytes()))
    assert seen[0] == seen[1]
    for content in seen[0]:
        assert "naïve → 大".encode() in content
