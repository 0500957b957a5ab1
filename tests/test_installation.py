"""What is built from the checkout is whole: installed elsewhere, it finds its papers, benchmarks and published runs."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from suite.plan.benchmark import load_benchmark
from suite.versions import suite_version

ROOT = Path(__file__).parents[1]
PACKAGES = ("suite", "algorithms", "environments")


@pytest.fixture(scope="module")
def suite_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel of what is committed or new, and install it into a fresh environment; return its command.

    The environment reads the dependencies of this one: what is tried is the wheel.
    """
    folder = tmp_path_factory.mktemp("installation")
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists() or (ROOT / name).is_symlink():
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():
                target.symlink_to((ROOT / name).readlink())
            else:
                target.write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = folder / "wheels"
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, folder / "source"]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    read = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(read) + "\n")
    return folder / "venv" / "bin" / "suite"


def said(command: Path, words: str, folder: Path) -> str:
    done = subprocess.run([command, *words.split()], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_holds_every_file_of_its_packages(suite_command: Path) -> None:
    (site,) = (suite_command.parents[1] / "lib").glob("python*/site-packages")
    for package in PACKAGES:
        wanted = {
            path.relative_to(ROOT)
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted
        assert [str(path) for path in sorted(wanted) if not (site / path).is_file()] == []


def test_it_works_in_another_folder(suite_command: Path, tmp_path: Path) -> None:
    assert said(suite_command, "--version", tmp_path) == f"suite {suite_version()}\n"
    assert len(json.loads(said(suite_command, "plan smoke --json", tmp_path))["runs"]) == len(
        load_benchmark("smoke").plan()
    )
    assert "MAML against its own tables" in said(suite_command, "audit maml", tmp_path)
    assert "the claims of" in said(suite_command, "report --results maml --format markdown", tmp_path).lower()
    assert "packages" in said(suite_command, "doctor --executor local", tmp_path)
    (site,) = (suite_command.parents[1] / "lib").glob("python*/site-packages")
    assert f"({site})" in said(suite_command, "doctor --executor local", tmp_path)  # not the checkout
