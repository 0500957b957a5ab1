"""The fates of jobs on a cluster, done to real ones: each run is done once, with an undisturbed one's numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from suite.store.submissions import submissions
from tests.faults.conditions import assert_same_numbers, assert_sound
from tests.faults.conftest import Note
from tests.slurm.conftest import Asked, Cluster, wait_until

pytestmark = pytest.mark.slurm


def assert_done_once(asked: Asked) -> None:
    """Every run was committed by its last attempt alone, and is what it is where nothing happens."""
    assert set(asked.states()) == {"done"}
    for folder in asked.folders:
        ends = [record.kind for record in folder.attempts()]
        assert ends[-1] is None
        assert set(ends[:-1]) <= {"interrupted", "killed"}
    for one, other in zip(asked.folders, asked.run_locally(), strict=True):
        assert_same_numbers(one, other)
    assert_sound(asked.results)


def working_nodes(asked: Asked, cluster: Cluster) -> list[str]:
    """Return the nodes on which runs are that have saved a checkpoint."""
    nodes = cluster.nodes()
    jobs = [folder.attempts()[-1].job for folder in asked.saved()]
    return [nodes[job] for job in jobs if job in nodes]


def lose_at_work(asked: Asked, cluster: Cluster) -> None:
    """Kill a node in the middle of a run, and bring it back; another one where the run ended before its node did."""
    for _ in range(5):
        wait_until(lambda: working_nodes(asked, cluster), "for a run to lose")
        nodes = cluster.nodes()
        under_way = [(folder, nodes.get(folder.attempts()[-1].job)) for folder in asked.saved()]
        node = next((place for _, place in under_way if place), None)
        if node is None:
            continue
        cluster.script("lose", node)
        wait_until(lambda: node not in cluster.nodes().values(), "for a lost node to be seen")  # noqa: B023
        cluster.script("back", node)
        if any(place == node and folder.state != "done" for folder, place in under_way):
            return


def test_twenty_runs_finish_despite_cancelled_requeued_and_lost_tasks(
    cluster: Cluster, tmp_path: Path, note: Note
) -> None:
    """A cancelled task, one that is queued again, a lost node, times that end in the middle, a new controller."""
    asked = Asked(tmp_path, runs=20, budget=20_000, concurrency=4, time="2")
    coordinator = asked.run()
    try:
        wait_until(asked.saved, "for a checkpoint")
        (submission,) = submissions(asked.store)
        job = submission.job
        wait_until(lambda: f"{job}_3" in cluster.nodes(), "for the fourth task")
        cluster.ask("scancel", f"{job}_3")
        wait_until(lambda: f"{job}_3" not in cluster.tasks(), "for a cancelled task to end")
        assert {f"{job}_{task}" for task in range(3)} <= cluster.tasks().keys()  # its siblings live
        wait_until(lambda: f"{job}_0" in cluster.nodes(), "for the first task")
        cluster.ask("scontrol", "requeue", f"{job}_0")
        wait_until(lambda: f"{job}_0" in cluster.nodes() and asked.saved(), "for a task that was queued again")
        cluster.script("controller")
        wait_until(lambda: working_nodes(asked, cluster), "for a checkpoint after a new controller")
        lose_at_work(asked, cluster)
        _, said = coordinator.communicate(timeout=900)
    finally:
        coordinator.kill()
    assert coordinator.returncode == 0, said
    assert_done_once(asked)
    ends = [record.kind for folder in asked.folders for record in folder.attempts()]
    assert "killed" in ends  # on the lost node
    assert ends.count("interrupted") >= 3  # cancelled, queued again, out of time
    for fault in (
        "scancel of a task",
        "scontrol requeue",
        "a node killed",
        "times of two minutes",
        "a controller restarted",
    ):
        note(f"Slurm: {fault}", 1, "20 results, none twice, bit-equal to local ones")


def test_a_task_out_of_time_saves_and_is_queued_again(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    asked = Asked(tmp_path, runs=1, budget=400_000, concurrency=1, time="3")
    coordinator = asked.run()
    try:
        folder = asked.folders[0]
        wait_until(lambda: [record.kind for record in folder.attempts()][:1] == ["interrupted"], "for the time to end")
        assert "interrupted at" in folder.log_tail(50)
        wait_until(lambda: len(folder.attempts()) == 2, "for it to be taken up again")
        wait_until(lambda: "goes on at" in folder.log_tail(50), "for it to go on")
        (task,) = cluster.tasks()
        assert "Restarts=1" in cluster.ask("scontrol", "show", "job", task)
        coordinator.send_signal(signal.SIGINT)
        _, said = coordinator.communicate(timeout=60)
    finally:
        coordinator.kill()
    assert coordinator.returncode == 130
    assert "detached: job" in said
    note("Slurm: a time limit", 1, "a checkpoint at the signal, the same task queued again, goes on from there")


def test_detached_job_can_be_reattached_and_cancelled(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    asked = Asked(tmp_path, runs=3, budget=400_000, concurrency=2, time="30")
    stranger = cluster.ask(
        "sbatch", "--parsable", "--job-name=suite-other", "--output=/dev/null", "--wrap=sleep 600"
    ).strip()
    coordinator = asked.run()
    try:
        wait_until(lambda: len(asked.saved()) == 2, "for checkpoints")
        coordinator.send_signal(signal.SIGINT)
        _, said = coordinator.communicate(timeout=60)
    finally:
        coordinator.kill()
    assert coordinator.returncode == 130
    last = said.splitlines()[-1]
    assert last.startswith("detached: job ")
    assert f"to resume: suite run {asked.benchmark}" in last
    assert last.endswith(f"--executor slurm --cluster {asked.site}")

    rows = json.loads(asked.suite("status", "--json").stdout)["runs"]
    assert sorted((row["state"], row["position"]) for row in rows) == [
        ("pending", "queued"),
        ("running", "running"),
        ("running", "running"),
    ]
    back = asked.run()  # attaches, and submits nothing
    try:
        assert back.stderr is not None
        while "slurm executor" not in back.stderr.readline():
            assert back.poll() is None
        time.sleep(3)  # for Ctrl-C to be met in good order
        back.send_signal(signal.SIGINT)
        assert "detached: job " in back.communicate(timeout=60)[1]
    finally:
        back.kill()
    (submission,) = submissions(asked.store)

    assert asked.suite("cancel").stdout == f"cancelled: job {submission.job} ({submission.name})\n"
    wait_until(lambda: not any(task.startswith(f"{submission.job}_") for task in cluster.tasks()), "for the end")
    assert [task.partition("_")[0] for task in cluster.tasks()] == [stranger]
    wait_until(lambda: asked.states() == ["pending"] * 3, "for leases to be given back")
    ends = [[record.kind for record in folder.attempts()] for folder in asked.folders]
    assert sorted(ends) == [[], ["interrupted"], ["interrupted"]]
    assert asked.suite("cancel").stdout == "nothing that was submitted is queued or running\n"
    assert {row["position"] for row in json.loads(asked.suite("status", "--json").stdout)["runs"]} == {None}
    note("Slurm: Ctrl-C of `suite run`", 2, "detached; the same command comes back to it")
    note("Slurm: `suite cancel`", 1, "checkpoints of what was running; a job of somebody else goes on")


def test_what_slurm_refuses_is_one_line_and_nothing_is_submitted(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    asked = Asked(tmp_path, runs=1, budget=30_000, concurrency=1, time="30")
    asked.site.write_text("partition: nowhere\n")
    refused = asked.run()
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 2
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [said.splitlines()[-1]]
    assert "nvalid partition" in said
    asked.site.write_text("memory: 900G\n")
    refused = asked.run()
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 2
    assert said.splitlines()[-1].startswith("error: sbatch: ")
    assert cluster.tasks() == {}
    assert list(submissions(asked.store)) == []
    note("Slurm: an unknown partition, too much memory", 2, "its own words in one line, nothing submitted")


def test_a_store_that_no_node_sees_is_refused(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    """As a node-local folder is: here, one on a file system that the nodes began without."""
    private = tmp_path / "private"
    private.mkdir()
    asked = Asked(tmp_path, runs=1, budget=30_000, concurrency=1, time="30")
    words = ["run", asked.benchmark, "--results", private / "r", "--executor", "slurm", "--cluster", asked.site]
    inner = " ".join(["python", "-m", "suite", *map(str, words)])
    command = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs tmpfs {private} && {inner}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert said.returncode == 2, said.stderr
    assert "does not see" in said.stderr.splitlines()[-1]
    assert cluster.tasks() == {}
    note("Slurm: a store that the nodes do not see", 1, "refused in one line, nothing submitted")


def test_a_run_that_takes_its_node_down_three_times_is_given_up(cluster: Cluster, tmp_path: Path, note: Note) -> None:
    """Everything on its node is gone at once, three times; whoever comes then leaves it alone."""
    asked = Asked(tmp_path, runs=1, budget=4_000_000, concurrency=1, time="30")
    coordinator = asked.run()
    try:
        (folder,) = asked.folders
        for turn in range(3):
            wait_until(lambda: len(folder.attempts()) > turn and cluster.nodes(), "for an attempt")  # noqa: B023
            (node,) = cluster.nodes().values()
            cluster.script("lose", node)
            wait_until(lambda: not cluster.nodes(), "for a lost node to be seen")
            cluster.script("back", node)
        _, said = coordinator.communicate(timeout=400)
    finally:
        coordinator.kill()
    assert coordinator.returncode == 1
    assert folder.state == "failed"
    assert [record.kind for record in folder.attempts()] == ["killed"] * 3
    assert "left no word" in said
    note("Slurm: a run that takes its node down", 3, "failed as `killed`, for every engine")


def test_greetings_of_a_site_and_the_users_environment_change_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    """Greetings before a job's number, a user's environment full of options, and nodes that are all drained."""
    for name in ("sbatch", "squeue", "scancel"):
        greeting = tmp_path / "bin" / name
        greeting.parent.mkdir(exist_ok=True)
        greeting.write_text(f'#!/bin/sh\necho "Welcome, 2 nodes are free"\nexec /usr/bin/{name} "$@"\n')
        greeting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name, value in (
        ("SBATCH_JOB_NAME", "mine"),
        ("SBATCH_TIMELIMIT", "1"),
        ("SCANCEL_STATE", "SUSPENDED"),
        ("SQUEUE_FORMAT", "%i"),
        ("SQUEUE_PARTITION", "nowhere"),
    ):
        monkeypatch.setenv(name, value)
    asked = Asked(tmp_path, runs=1, budget=4_000_000, concurrency=1, time="30")
    coordinator = asked.run()
    try:
        wait_until(lambda: len(asked.saved()) == 1, "for a checkpoint")
        coordinator.send_signal(signal.SIGINT)
        assert "detached: job " in coordinator.communicate(timeout=60)[1]
    finally:
        coordinator.kill()
    (submission,) = submissions(asked.store)
    shown = cluster.ask("scontrol", "show", "job", str(submission.job))
    assert f"JobName={submission.job_name}" in shown
    assert "TimeLimit=00:30:00" in shown
    ended = f"cancelled: job {submission.job} ({submission.name})\n"
    assert asked.suite("cancel").stdout == ended
    wait_until(lambda: asked.states() == ["pending"], "for the lease to be given back")

    cluster.ask("scontrol", "update", "nodename=n[1-2]", "state=drain", "reason=tested")
    try:
        coordinator = asked.run()
        wait_until(lambda: len(list(submissions(asked.store))) == 2, "for a submission that Slurm queues")
        (row,) = json.loads(asked.suite("status", "--json").stdout)["runs"]
        assert (row["state"], row["executor"], row["position"]) == ("pending", "slurm", "queued")
        coordinator.send_signal(signal.SIGINT)
        coordinator.communicate(timeout=60)
        assert asked.suite("cancel").stdout.startswith("cancelled: job ")
    finally:
        coordinator.kill()
        cluster.ask("scontrol", "update", "nodename=n[1-2]", "state=resume")
    note(
        "Slurm: a site's greetings, a user's `SBATCH_*` and the like", 1, "one job, as its file says; cancelled indeed"
    )
    note("Slurm: all nodes drained", 1, "queued, and seen so")
