"""A post-run step that is added as the documentation says is known to everything that is shared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from suite.inspect.post_run import STEPS
from suite.plan.post_run import REQUESTS
from suite.store.layout import POST_RUN_STEPS
from suite.versions import ROOT
from tests.suite.checkouts import call, checkout

PAGE = ROOT / "docs" / "adding-a-post-run-step.md"

SHARED = (
    *(ROOT / "suite" / "execute").rglob("*.py"),
    *(ROOT / "suite" / "console").glob("*.py"),
    *(ROOT / "suite" / "store").glob("*.py"),
    *(ROOT / "suite" / "cli").glob("[!i]*.py"),  # but inspect.py, which has the command of the first one
    ROOT / "suite/session.py",
    ROOT / "suite/plan/benchmark.py",
    ROOT / "suite/analysis/results.py",
)


def add(path: Path, name: str, lines: str) -> None:
    """Put lines at the head of a mapping in a file and imports among the imports, or a line in the place of another."""
    text = path.read_text()
    if lines.startswith(f"{name} = "):
        path.write_text(re.sub(rf"^{name} = .*\n", lines, text, flags=re.MULTILINE))
        return
    imports = "".join(line + "\n" for line in lines.splitlines() if line.startswith("from "))
    items = "".join(line + "\n" for line in lines.splitlines() if not line.startswith("from "))
    text = text.replace("from __future__ import annotations\n\n", f"from __future__ import annotations\n\n{imports}", 1)
    changed, count = re.subn(rf"^({name}\b.*[({{]\n)", rf"\g<1>{items}", text, count=1, flags=re.MULTILINE)
    assert count == 1, (path, name)
    path.write_text(changed)


def test_the_page_on_adding_one_is_true_as_written(tmp_path: Path) -> None:
    home = checkout(tmp_path / "checkout")
    page = PAGE.read_text()
    modules = re.findall(r"^```py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for name, module in zip(re.findall(r"Save them as `([\w/.]+)`:", page), modules, strict=True):
        (home / name).write_text(module)
    places = re.findall(r"to `(\w+)` in\s+\[`([\w/.]+)`\]", page)
    lines = re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for (name, where), added in zip(places, lines, strict=True):
        add(home / where, name, added)
    (benchmark,) = re.findall(r"^```yml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (home / "mine.yaml").write_text(benchmark)
    words = ["mine.yaml", "--results", "r"]

    done = call(home, "run", home / "mine.yaml", "--results", home / "r", "--reports", home / "p")
    assert done.returncode == 0, done.stderr
    (folder,) = (home / "r" / "runs").iterdir()
    record = json.loads((folder / "saturation.json").read_text())
    assert (
        record["settings"]
        == json.loads((folder / "saturation.wanted.json").read_text())
        == {
            "level": 0.99,
            "episodes": 3,
        }
    )
    assert len(record["saturated"]) == 20
    assert all(0.0 <= share <= 1.0 for share in record["saturated"])
    assert re.search(r"^saturation: [\d.]+% of actions$", (folder / "log.txt").read_text(), re.MULTILINE)

    (home / "mine.yaml").write_text(benchmark.replace("episodes: 3", "episodes: 0"))
    refused = call(home, "plan", home / "mine.yaml", *words[1:])
    assert refused.returncode == 2
    assert "saturation.0.episodes: 0: " in refused.stderr

    (home / "mine.yaml").write_text(benchmark.replace("episodes: 3", "episodes: 4"))
    again = call(home, "run", home / "mine.yaml", "--results", home / "r", "--reports", home / "p")
    assert "1 runs, 1 done, 0 to run, 1 to do post-run steps of" in again.stderr
    assert json.loads((folder / "saturation.json").read_text())["settings"]["episodes"] == 4

    published = call(home, "publish", home / "mine.yaml", "--results", home / "r")
    assert published.returncode == 0, published.stderr
    (line,) = (home / "r/published/saturated/runs.jsonl").read_text().splitlines()
    assert json.loads(line)["files"]["saturation.json"] == json.loads((folder / "saturation.json").read_text())


def test_the_three_lists_of_steps_are_one() -> None:
    assert set(POST_RUN_STEPS) == set(REQUESTS) == set(STEPS)
    assert all(step.name == name and REQUESTS[name].how is step.wanted for name, step in STEPS.items())


@pytest.mark.parametrize("name", POST_RUN_STEPS)
@pytest.mark.parametrize("path", SHARED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shared_knows_no_step(path: Path, name: str) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("POST_RUN_STEPS = ")]
    assert not re.search(rf"\b{name}\b(?!`)|\b{name.upper()}\b|\bembed", "\n".join(lines)), path
