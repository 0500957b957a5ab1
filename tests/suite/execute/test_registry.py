"""Executors are asked: one that is added as the documentation says is known to every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suite.execute.registry import EXECUTORS, executor_class
from suite.store.runs import Store
from suite.versions import ROOT
from tests.suite.checkouts import call, checkout
from tests.suite.tiny import TINY

PAGE = ROOT / "docs" / "adding-an-executor.md"


def test_the_page_on_adding_one_is_true_as_written(tmp_path: Path) -> None:
    copy = checkout(tmp_path / "checkout")
    page = PAGE.read_text()
    (name,) = re.findall(r"Save it as `([\w/.]+)`:", page)
    (module,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (where,) = re.findall(r"add this line to `EXECUTORS` in \[`([\w/.]+)`\]", page)
    (line,) = re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (copy / name).write_text(module)
    registry = (ROOT / where).read_text()
    before, opening, after = registry.partition("EXECUTORS = {\n")
    (copy / where).write_text(before + opening + after.replace("}\n", line + "}\n", 1))

    assert "|patient]" in call(copy, "run", "--help").stdout
    checked = call(copy, "doctor", "--executor", "patient", "--results", copy / "r")
    assert re.search(r"^ok +nice +/", checked.stdout, re.MULTILINE), checked.stdout + checked.stderr

    (copy / "tiny.yaml").write_text(TINY.replace("[0, 1]", "[0]"))
    words = ["run", copy / "tiny.yaml", "--results", copy / "r", "--reports", copy / "p", "--executor", "patient"]
    done = call(copy, *words)
    assert done.returncode == 0, done.stderr
    assert "1 workers, patient executor" in done.stderr
    assert [folder.state for folder in Store(copy / "r").records()] == ["done"]
    assert "1 done" in call(copy, "status", "--results", copy / "r").stdout
    assert "nothing that was submitted" in call(copy, "cancel", "--results", copy / "r").stdout


@pytest.mark.parametrize("name", EXECUTORS)
def test_no_command_and_not_the_doctor_knows_one_by_name(name: str) -> None:
    assert executor_class(name).__module__.startswith(f"suite.execute.{name}")
    for path in [*(ROOT / "suite" / "cli").glob("*.py"), ROOT / "suite/session.py", ROOT / "suite/execute/doctor.py"]:
        code = "\n".join(line for line in path.read_text().splitlines() if "epilog=" not in line)
        assert not re.search(rf"\b{name}\b", code), path
