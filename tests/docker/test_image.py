"""The contents of the image, which can do its work with next to no rights."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from suite.papers.audit import audit
from suite.papers.paper import read_papers
from suite.plan import catalogue
from suite.versions import code_hash
from tests.docker.conftest import COMMIT, ROOT, build, sources
from tests.suite.tiny import TINY

pytestmark = pytest.mark.docker

CALLER, GROUP, ENGINE_GROUP = 4321, 5432, 6543

SHUT_OFF: dict[str, Any] = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "tmpfs": {"/tmp": ""},
    "user": f"{CALLER}:{GROUP}",
    "environment": {"OMP_NUM_THREADS": "1"},
}
"""As a run is started, and by somebody whom the image does not know."""

AS_COMPOSE = {**SHUT_OFF, "user": "root", "cap_add": ["SETUID", "SETGID"]}

CPU_BYTES = 2.2e9

DRAW = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 3"/><geom size=".3"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 48, 64) as renderer:
    renderer.update_scene(data)
    print(renderer.render().std())
"""


PUBLISHED = "from suite.store.published import shipped_snapshots; print(*shipped_snapshots())"


def shut_off(engine: docker.DockerClient, image: str, *command: str, **changes: Any) -> str:
    """Run a command in a container with next to no rights; return what it printed."""
    printed: bytes = engine.containers.run(image, list(command), remove=True, **{**SHUT_OFF, **changes})
    return printed.decode()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_is_locked_and_is_what_the_lock_says(engine: docker.DockerClient, image: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().split()
    locked = {normal(name): version for name, _, version in (line.partition("==") for line in lines)}
    program = (
        "import importlib.metadata as m, json; print(json.dumps([(d.name, d.version) for d in m.distributions()]))"
    )
    found = [
        (normal(name), version.partition("+")[0])  # torch's CPU build calls itself +cpu
        for name, version in json.loads(shut_off(engine, image, "python", "-c", program))
    ]
    assert len(found) == len(dict(found)) > 50
    assert {name: version for name, version in found if locked.get(name) != version} == {"meta-rl-suite": "0.2.0"}


def test_the_user_is_not_root(engine: docker.DockerClient, image: str) -> None:
    printed = engine.containers.run(image, ["sh", "-c", "id -u; touch /suite/suite/x || true"], remove=True)
    assert printed.decode().split() == ["1000"]


def test_labels_say_which_commit_and_version(engine: docker.DockerClient, image: str) -> None:
    labels = engine.images.get(image).labels
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == COMMIT
    program = "from suite.training.provenance import commit; print(commit())"
    assert shut_off(engine, image, "python", "-c", program).strip() == COMMIT


def test_it_holds_the_code_that_is_here(engine: docker.DockerClient, image: str) -> None:
    program = "from suite.versions import code_hash; print(code_hash())"
    assert shut_off(engine, image, "python", "-c", program).strip() == code_hash()


def test_published_runs_are_in_it(engine: docker.DockerClient, image: str) -> None:
    published = sorted(path.name for path in (ROOT / "results" / "published").iterdir())
    assert shut_off(engine, image, "python", "-c", PUBLISHED).split() == published


def test_nothing_but_the_commands_is_needed(engine: docker.DockerClient, image: str) -> None:
    assert json.loads(shut_off(engine, image, "suite", "list", "algorithms", "--json")) == catalogue.catalogue(
        "algorithms"
    )
    rows = [{"paper": paper.name, **row} for paper in read_papers() for row in audit(paper, paper.checks)]
    assert json.loads(shut_off(engine, image, "suite", "audit", "--json")) == rows


@pytest.mark.parametrize("library", ["osmesa", "egl"])
def test_pictures_are_drawn_without_a_display(engine: docker.DockerClient, image: str, library: str) -> None:
    spread = shut_off(engine, image, "python", "-c", DRAW, environment={"MUJOCO_GL": library})
    assert float(spread) > 10


def test_a_trained_agent_is_filmed(engine: docker.DockerClient, image: str) -> None:
    script = f"""
cp -r /suite/results /tmp; cd /tmp
cat > tiny.yaml << END
{TINY}
END
suite run tiny.yaml >&2
suite watch "$(ls results/runs | head -n 1)" --task 0 >&2
head -c 12 reports/clips/*.mp4
"""
    assert "ftyp" in shut_off(engine, image, "bash", "-euc", script)


def test_the_image_is_small(engine: docker.DockerClient, image: str, wheels: Path | None) -> None:
    if wheels is None:
        pytest.skip("the CUDA build: PIP_FIND_LINKS names no folder with torch's CPU build")
    assert engine.images.get(image).attrs["Size"] < CPU_BYTES


@pytest.fixture
def owned(tmp_path: Path) -> tuple[Path, int, int]:
    """A results folder that is somebody else's, where this process may give it away."""
    folder = tmp_path / "results"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, CALLER, GROUP)
    folder.chmod(0o700)
    return folder, folder.stat().st_uid, folder.stat().st_gid


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:  # a short path
        listener.bind(f"{folder}/docker.sock")
        yield Path(folder)


def test_the_entrypoint_becomes_the_owner_of_results(
    engine: docker.DockerClient, image: str, owned: tuple[Path, int, int], socket_folder: Path
) -> None:
    folder, user, group = owned
    engine_group = (socket_folder / "docker.sock").stat().st_gid
    if os.geteuid() == 0:
        engine_group = ENGINE_GROUP
        os.chown(socket_folder / "docker.sock", 0, engine_group)
    results = docker.types.Mount("/suite/results", str(folder), type="bind")
    script = "id -u; id -g; id -G; echo $SUITE_EXECUTOR; grep -h CapEff /proc/self/status; touch results/made"

    def said(source: Path) -> list[str]:
        at_hand = docker.types.Mount("/var/run/docker.sock", str(source), type="bind")
        return shut_off(engine, image, "sh", "-ec", script, **{**AS_COMPOSE, "mounts": [results, at_hand]}).splitlines()

    groups = " ".join(map(str, dict.fromkeys((group, engine_group))))
    nothing = f"CapEff:\t{0:016x}"
    assert said(socket_folder / "docker.sock") == [str(user), str(group), groups, "docker", nothing]
    assert (folder / "made").stat().st_uid == user
    # What Docker makes of a socket that is not there:
    assert said(socket_folder) == [str(user), str(group), str(group), "local", nothing]


def test_as_root_without_a_folder_it_is_the_images_user(engine: docker.DockerClient, image: str) -> None:
    assert shut_off(engine, image, "id", "-u", **AS_COMPOSE).strip() == "1000"


def test_health_is_that_results_can_be_written(
    engine: docker.DockerClient, image: str, owned: tuple[Path, int, int]
) -> None:
    check = engine.images.get(image).attrs["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    for read_only in (False, True):
        mounts = [docker.types.Mount("/suite/results", str(owned[0]), type="bind", read_only=read_only)]
        container = engine.containers.run(
            image, ["sleep", "600"], detach=True, **{**AS_COMPOSE, "mounts": mounts, "init": True}
        )
        try:
            assert (container.exec_run(check[1:]).exit_code != 0) == read_only
        finally:
            container.remove(force=True)


def test_a_change_of_code_installs_nothing_anew(
    engine: docker.DockerClient, image: str, wheels: Path | None, tmp_path: Path
) -> None:
    changed = sources(tmp_path)
    with (changed / "suite" / "spec.py").open("a") as file:
        file.write("# changed\n")
    with (changed / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    other = build(changed, wheels)
    try:
        layers = engine.images.get(image).attrs["RootFS"]["Layers"]
        others = engine.images.get(other).attrs["RootFS"]["Layers"]
        assert others != layers
        same = sum(one == two for one, two in zip(layers, others, strict=True))
        written = [step["Size"] for step in reversed(engine.images.get(other).history()) if step["Size"]]
        assert sum(written[same:]) < 10e6 < max(written[:same])
    finally:
        engine.images.remove(other, force=True)


@pytest.mark.parametrize("how", ["no repository", "branch", "packed", "detached"])
def test_the_commit_is_read_from_the_checkout(engine: docker.DockerClient, tmp_path: Path, how: str) -> None:
    checkout = sources(tmp_path)
    head = ""
    if how != "no repository":
        git = ["git", "-C", str(checkout), "-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run([*git, "init", "--quiet", "--initial-branch", "work/here"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", how], check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        if how == "packed":
            subprocess.run([*git, "pack-refs", "--all"], check=True)
        if how == "detached":
            subprocess.run([*git, "checkout", "--quiet", "--detach"], check=True)
    built = build(checkout, None, "--target", "commit")
    try:
        assert shut_off(engine, built, "cat", "/COMMIT").strip() == head
    finally:
        engine.images.remove(built, force=True)
