"""Slurm's executor where there is no Slurm: files of sites, scripts, and stand-ins for its commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.execute import puller
from suite.execute.executor import Request
from suite.execute.slurm import commands
from suite.execute.slurm import executor as slurm
from suite.execute.slurm.commands import cancel, tasks
from suite.execute.slurm.executor import planned, positions
from suite.execute.slurm.script import Cluster, load_cluster, script
from suite.plan.benchmark import load_benchmark
from suite.store.attempts import RECORDS, begun
from suite.store.runs import Store
from suite.store.submissions import Submission, in_doubt, prepare, submissions, write
from tests.suite.stores import finish, linear, make_spec
from tests.suite.trained_runs import suite

EXAMPLE = Path(__file__).parents[3] / "examples" / "cluster.yaml"
PAGE = Path(__file__).parents[3] / "docs" / "slurm.md"

StandIn = Callable[..., None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Put commands on an otherwise empty path; each notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(**commands: str) -> None:
        for name, body in commands.items():
            path = folder / name
            path.write_text(f'#!/bin/bash\necho "{name} $*" >>{tmp_path}/calls\n{body}\n')
            path.chmod(0o755)

    return add


ACCEPTS = 'case "$*" in *--parsable*) echo 17;; esac'


def row(job: str, task: int, state: str, name: str, command: object = "/elsewhere/script.sh") -> str:
    """Have the queue show a task."""
    return f"echo 'suite-task|{job}|{task}|{state}|{name}|{command}'"


def calls(tmp_path: Path, name: str) -> list[str]:
    path = tmp_path / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if line.split()[0] == name]


def run(tmp_path: Path, *options: object) -> int:
    folders = ("--results", tmp_path / "r", "--reports", tmp_path / "p")
    return suite("run", "smoke", *folders, "--executor", "slurm", *options)


def submitted(results: Path) -> list[Path]:
    return list((results / "submissions").glob("*"))


def test_the_example_asks_for_everything(tmp_path: Path) -> None:
    cluster = load_cluster(EXAMPLE)
    assert cluster.model_fields_set == Cluster.model_fields.keys() - {"container"}
    text = script(cluster, Submission(tmp_path / "submissions" / "ml1-25-1"), cluster.tasks(375))
    for line in (
        "--job-name=suite-ml1-25-1",
        "--array=0-15",
        "--partition=gpu",
        "--account=my-lab",
        "--constraint=a100|h100",
        "--time=24:00:00",
        "--gres=gpu:1",
        "--mem=16G",
        "--cpus-per-task=4",
        f"--output={tmp_path}/submissions/ml1-25-1/task-%a.log",
        "--signal=B:USR1@120",
    ):
        assert f"#SBATCH {line}\n" in text
    assert "\nmodule purge\n" in text
    assert len(text.splitlines()) <= 20


def test_the_shortest_file_leaves_everything_to_the_site(tmp_path: Path) -> None:
    text = script(Cluster(), Submission(tmp_path / "submissions" / "quick-1"), 8)
    assert {"partition", "account", "time", "gres", "mem", "constraint"}.isdisjoint(
        line.removeprefix("#SBATCH --").partition("=")[0] for line in text.splitlines()
    )
    assert len(text.splitlines()) == 12


def test_a_task_has_a_core_for_each_thread_of_its_runs(tmp_path: Path) -> None:
    submission = Submission(tmp_path / "submissions" / "quick-1")
    for cluster, threads, cpus in ((Cluster(), 1, 1), (Cluster(runs_at_once=3), 2, 6), (Cluster(cpus=5), 2, 5)):
        assert f"#SBATCH --cpus-per-task={cpus}\n" in script(cluster, submission, 8, threads)


def test_the_script_is_shell_wherever_it_lies(tmp_path: Path) -> None:
    submission = Submission(tmp_path / "a b'c%d" / "submissions" / "x-1")
    cluster = Cluster(setup=["export A='b c'"], container="apptainer exec --nv suite.sif")
    text = script(cluster, submission, 3)
    subprocess.run(["/bin/bash", "-n"], input=text, text=True, check=True)
    assert f'#SBATCH --output="{tmp_path}/a b\'c%%d/submissions/x-1/task-%a.log"\n' in text
    assert "\napptainer exec --nv suite.sif suite pull " in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("partitions: gpu", "key 'partitions' is unknown; did you mean 'partition'?"),
        ("time: 24:00:00", "write it in quotes if it is text"),
        ('time: "tomorrow"', 'time: "tomorrow"'),
        ("gpus: 0", "gpus"),
        ('gpus: "a100"', "gpus"),
        ("memory: 16 GB", "memory"),
        ("concurrency: 0", "concurrency: 0"),
        ("runs_at_once: many", "runs_at_once"),
        ('partition: "gpu --wrap=x"', "partition"),
        ('setup: ["a\\nb"]', "setup.0"),
        ('constraint: "a100\\n#SBATCH --x"', "constraint"),
        ("[]", "holds list, must hold a mapping"),
        ("partition: !!python/name:os.system x", "tag"),
        ("a: [", "cluster file"),
    ],
)
def test_a_file_that_is_not_valid_is_one_line(
    text: str, says: str, tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(sbatch=ACCEPTS, squeue="", srun="echo looked")
    (tmp_path / "c.yaml").write_text(text)
    assert run(tmp_path, "--cluster", tmp_path / "c.yaml") == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert f"cluster file {tmp_path / 'c.yaml'}: " in said
    assert says in said
    assert calls(tmp_path, "sbatch") == []


REFUSES = 'case "$*" in *--version*) ;; *) echo "sbatch: error: Batch job submission failed: {}" >&2; exit 1;; esac'
NO_ACCOUNT = "Invalid account or account/partition combination specified"


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        ({}, "sbatch: is not on the path"),
        ({"sbatch": REFUSES.format(NO_ACCOUNT), "srun": "echo looked", "squeue": ""}, f"failed: {NO_ACCOUNT}"),
        ({"sbatch": ACCEPTS, "srun": 'echo "blind: ${*: -2:1}"; echo looked'}, "does not see"),
    ],
    ids=["no sbatch", "account refused", "store not seen"],
)
def test_what_cannot_be_submitted_is_one_line(
    commands: dict[str, str], says: str, tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(**commands)
    assert run(tmp_path) == 2
    (error,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert says in error
    assert submitted(tmp_path / "r") == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--dry-run"], "--dry-run: this executor submits nothing that could be shown"),
        (["--cluster", "x.yaml"], "--cluster: is for --executor slurm"),
        (["--image", "x"], "--image: is for --executor docker"),
        (["--executor", "slurm", "--workers", "2"], "--workers: is for --executor local or docker"),
        (["--executor", "slrum"], "executor 'slrum' is unknown; did you mean 'slurm'?"),
    ],
)
def test_an_option_that_an_executor_does_not_take_is_refused(
    options: list[str], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suite("run", "smoke", "--results", tmp_path, *options) == 2
    assert says in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_prints_the_script_and_does_nothing(
    tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(sbatch=ACCEPTS)
    assert run(tmp_path, "--dry-run", "--cluster", EXAMPLE) == 0
    printed = capfd.readouterr().out
    assert printed.startswith("#!/bin/bash\n#SBATCH --job-name=suite-smoke-1\n")
    assert not (tmp_path / "r").exists()
    assert calls(tmp_path, "sbatch") == []


def test_waits_until_every_task_has_ended_and_attaches_to_running_jobs(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(slurm, "QUEUE_SECONDS", 0.0)
    monkeypatch.setattr(slurm, "STORE_SECONDS", 0.0)
    stand_in(sbatch=ACCEPTS, squeue="", srun="echo looked")
    assert run(tmp_path) == 1  # its tasks have gone, and done nothing
    (submission,) = submissions(Store(tmp_path / "r"))
    assert (submission.name, submission.job) == ("smoke-1", "17")
    assert set(submission.plan.runs) == {spec.run for spec in load_benchmark("smoke").plan()}

    seen = tmp_path / "seen"  # by the second look, it is gone
    stand_in(squeue=f"[ -e {seen} ] || {row('17', 0, 'RUNNING', 'suite-smoke-1')}; >{seen}")
    assert run(tmp_path) == 1
    assert len(submitted(tmp_path / "r")) == 1  # what is queued already is not submitted again
    assert sum("--parsable" in call for call in calls(tmp_path, "sbatch")) == 1
    stand_in(squeue="")
    assert run(tmp_path) == 1
    assert len(submitted(tmp_path / "r")) == 2


def test_an_interrupt_detaches_and_says_how_to_come_back(
    tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(
        sbatch=ACCEPTS,
        srun="echo looked",
        squeue=f"kill -INT {os.getpid()}; {row('17', 0, 'PENDING', 'suite-smoke-1')}",
    )
    assert run(tmp_path) == 130
    last = capfd.readouterr().err.splitlines()[-1]
    assert f"detached: job 17 goes on (to end it: suite cancel --results {tmp_path}/r)" in last
    assert last.endswith(f"to resume: suite run smoke --results {tmp_path}/r --reports {tmp_path}/p --executor slurm")
    assert calls(tmp_path, "scancel") == []


def test_the_documented_hours_are_those_the_paper_prints() -> None:
    """Table 9 times the runs of each benchmark that ships."""
    seconds = {"pearl": 18623.79, "tcl-pearl": 24305.93}
    rows = re.findall(r"^\| `([\w-]+)` \| ([\d,]+) \| ([\d,]+) \| (not|[\d,]*\d)", PAGE.read_text(), re.MULTILINE)
    assert {name for name, *_ in rows} == {"ml1-50", "ml1-25", "mujoco-controls", "tcl-ablation", "paper"}
    for name, runs, timed, hours in rows:
        plan = load_benchmark(name).plan()
        ml1 = [spec.algorithm for spec in plan if spec.environment.endswith("-v1")]
        on_ml1 = [seconds[algorithm] for algorithm in ml1 if algorithm in seconds]
        expected = f"{sum(on_ml1) / 3600:,.0f}" if on_ml1 else "not"
        assert (runs, timed, hours) == (f"{len(plan):,}", f"{len(on_ml1):,}", expected)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "r")
    store.prepare()
    return store


def submission_of(store: Store, job: str, runs: list[str]) -> Submission:
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=len(runs)), runs), "")
    submission.accepted(job)
    return submission


def test_only_our_tasks_are_in_the_queue_and_cancelled(store: Store, tmp_path: Path, stand_in: StandIn) -> None:
    """Another job of the same number, or of the same name, is not ours; one that the site has renamed is."""
    submission = submission_of(store, "17", [])
    ours = [
        row("17", 0, "RUNNING", "suite-x-1"),
        row("17", 1, "PENDING", "suite-x-1"),
        row("17", 3, "PENDING", "renamed|here", submission.script),
    ]
    others = [row("17", 2, "RUNNING", "other"), row("18", 0, "RUNNING", "suite-x-1"), "echo Welcome", "echo 'a|b|c'"]
    gone = tmp_path / "cancelled"
    stand_in(squeue=f"[ -e {gone} ] && exit; " + "; ".join([*ours, *others]), scancel=f">{gone}")
    assert tasks([submission]) == {"17_0": "RUNNING", "17_1": "PENDING", "17_3": "PENDING"}
    assert cancel(submission) == []
    assert calls(tmp_path, "scancel") == ["scancel 17"]
    gone.unlink()
    assert suite("cancel", "--results", store.results) == 0
    assert calls(tmp_path, "scancel") == ["scancel 17"] * 2
    assert suite("cancel", "--results", store.results) == 0
    assert len(calls(tmp_path, "scancel")) == 2


def test_what_was_not_cancelled_is_not_said_to_be(
    store: Store, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "CANCEL_SECONDS", -1.0)
    monkeypatch.setattr(commands.time, "sleep", lambda _: None)
    submission_of(store, "17", [])
    stand_in(squeue=f"{row('17', 0, 'RUNNING', 'suite-x-1')}; {row('17', 1, 'COMPLETING', 'suite-x-1')}", scancel="")
    assert suite("cancel", "--results", store.results) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err == "error: scancel: was asked to end them, but the queue still has 17_0\n"


def test_the_users_environment_asks_for_nothing(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm's commands read options from it, which would override the cluster file, or filter what is cancelled."""
    for name in ("SBATCH_TIMELIMIT", "SBATCH_JOB_NAME", "SCANCEL_STATE", "SQUEUE_PARTITION", "SRUN_NTASKS"):
        monkeypatch.setenv(name, "1")
    for name in ("SLURM_JOB_ID", "SLURM_TIMELIMIT", "SLURM_CLUSTERS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SLURM_CONF", "/etc/here/slurm.conf")
    stand_in(sbatch="compgen -e", env='exec /usr/bin/env "$@"')
    other = subprocess.run(
        [*commands.in_clean_environment("/bin/bash"), "-c", "compgen -e"], capture_output=True, text=True, check=True
    )
    for names in (commands.ask("sbatch").split(), other.stdout.split()):
        assert "PATH" in names
        assert [name for name in names if name.startswith(("SLURM", "SBATCH", "SCANCEL", "SQUEUE", "SRUN"))] == [
            "SLURM_CONF"
        ]


@pytest.mark.parametrize(
    ("prints", "queue", "job"),
    [
        ("echo Welcome to the cluster; echo; echo 17", "", "17"),
        ("echo '17;north'; echo Have a nice day", "", "17"),
        ("echo '  17  '", "", "17"),
        ("echo Submitted as 17", "here", "23"),  # no number by itself: the queue knows
        ("echo 2; echo 17", "here", "23"),
        ("echo 3; echo Submitted batch job 23", "here", "23"),  # a greeting that looks like it
        ("printf '\\033[0m17\\033[0m\\n'", "here", "23"),
        ("echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1", "here", "23"),
    ],
)
def test_the_jobs_number_is_read_whatever_a_site_prints(
    prints: str, queue: str, job: str, store: Store, stand_in: StandIn
) -> None:
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=1), ["a"]), "")
    shown = row("23", 0, "PENDING", "suite-x-1", submission.script) if queue else ""
    stand_in(sbatch=prints, squeue=f"{row('9', 0, 'PENDING', 'suite-x-1')}; {shown}")
    assert commands.submit(submission) == job


@pytest.mark.parametrize(("prints", "job"), [("echo 23", "23"), ("echo 5; echo 23", "9"), ("echo 5", "9")])
def test_of_two_jobs_of_one_path_the_one_whose_number_was_printed_counts(
    prints: str, job: str, store: Store, stand_in: StandIn
) -> None:
    """The earlier job is of a submission that was removed, and its name was free again."""
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=1), ["a"]), "")
    shown = [row(number, 0, "PENDING", "suite-x-1", submission.script) for number in ("23", "9")]
    stand_in(sbatch=prints, squeue="; ".join(shown))
    assert commands.submit(submission) == job


@pytest.mark.parametrize("queue", ["", "echo away >&2; exit 1"])
def test_what_somebody_else_settles_meanwhile_stays_in_doubt(queue: str, store: Store, stand_in: StandIn) -> None:
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=1), ["a"]), "")
    settled = f"{submission.path}/job.json"
    timed_out = "echo 'sbatch: error: Socket timed out' >&2; exit 1"
    stand_in(squeue=queue, sbatch=f"/bin/rm {settled}; {timed_out}")  # as `suite status` does
    with pytest.raises(UsageError, match="is not known"):
        commands.submit(submission)
    assert submission.is_in_doubt

    stand_in(sbatch=f"""echo '{{"job": "23"}}' >{settled}; {timed_out}""")
    assert commands.submit(submission) == "23"


def test_what_may_have_been_submitted_is_not_submitted_twice(
    tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "QUEUE_SECONDS", 0.0)
    monkeypatch.setattr(slurm, "STORE_SECONDS", 0.0)
    away = 'case "$*" in *--version*) ;; *) echo "Unable to contact slurm controller" >&2; exit 1;; esac'
    stand_in(sbatch=away, squeue=away, srun="echo looked")
    store = Store(tmp_path / "r")
    assert run(tmp_path) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert "whether it was submitted is not known" in said
    (submission,) = in_doubt(store)
    asked = calls(tmp_path, "sbatch")

    assert run(tmp_path) == 2  # the queue still does not say
    assert len(calls(tmp_path, "sbatch")) == len(asked) + 1  # its version
    assert suite("cancel", "--results", store.results) == 2

    seen = tmp_path / "seen"  # the queue has it after all, and by the second look it is gone
    mine = row("23", 0, "RUNNING", "suite-smoke-1", submission.script)
    stand_in(squeue=f"[ -e {seen}2 ] || {mine}; [ ! -e {seen} ] || >{seen}2; >{seen}")
    assert run(tmp_path) == 1
    assert [each.job for each in submissions(store)] == ["23"]
    assert len(submitted(tmp_path / "r")) == 1


INVALID = "Batch job submission failed: Invalid partition name specified"


@pytest.mark.parametrize(
    ("prints", "is_in_doubt"),
    [
        ("echo Submitted", True),
        (
            "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1",
            True,
        ),
        (
            "echo 'sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received' >&2; exit 1",
            True,
        ),
        ("echo 'sbatch: error: Connection refused' >&2; exit 1", True),
        ("echo 'sbatch: error: Connection reset by peer' >&2; exit 1", True),
        ("echo 'sbatch: error: Unable to contact slurm controller (connect failure)' >&2; exit 1", True),
        ("echo 'sbatch: error: Communication connection failure' >&2; exit 1", True),
        ("kill -9 $$", True),
        ("echo 'sbatch: lua: Welcome' >&2; kill -9 $$", True),
        (f"echo 'sbatch: error: {INVALID}' >&2; exit 1", False),
        (f"echo 'please contact support@example.org; you will receive mail' >&2; echo '{INVALID}' >&2; exit 1", False),
    ],
)
def test_what_the_queue_does_not_show_yet_is_in_doubt_unless_it_was_refused(
    prints: str, is_in_doubt: bool, store: Store, stand_in: StandIn
) -> None:
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=1), ["a"]), "")
    stand_in(sbatch=prints, squeue="echo Welcome")
    with pytest.raises(UsageError, match="not known" if is_in_doubt else "Invalid partition name specified$"):
        commands.submit(submission)
    assert submission.is_in_doubt == is_in_doubt


def test_a_job_that_ended_before_it_was_cancelled_is_no_error(store: Store, stand_in: StandIn) -> None:
    submission = submission_of(store, "17", [])
    refuses = "echo 'scancel: error: Kill job error on job id 17: Invalid job id specified' >&2; exit 1"
    stand_in(squeue="echo Welcome", scancel=refuses)
    assert cancel(submission) == []
    stand_in(squeue=row("17", 0, "RUNNING", "suite-x-1"), scancel=refuses)
    with pytest.raises(UsageError, match="Invalid job id specified"):
        cancel(submission)


def test_a_path_of_any_bytes_is_found_in_the_queue(tmp_path: Path, stand_in: StandIn) -> None:
    store = Store(tmp_path / "caf\udce9")
    store.prepare()
    submission = prepare(store, "x")
    stand_in(squeue=f"echo 'suite-task|23|0|PENDING|renamed|{submission.script}'".replace("\udce9", "'$'\\xe9''"))
    assert commands.find(submission) == {"23"}


def test_a_submission_that_the_queue_does_not_have_was_refused(store: Store, stand_in: StandIn) -> None:
    submission = prepare(store, "x")
    write(submission, planned(Cluster(), Request(runs=1), ["a"]), "")
    submission.asked()
    stand_in(squeue=row("9", 0, "RUNNING", "suite-x-1"))
    slurm.settle(store)
    assert in_doubt(store) == []
    assert list(submissions(store)) == []
    assert submission.path.is_dir()


@pytest.mark.parametrize("waiting", ["PENDING", "RESV_DEL_HOLD"])
def test_status_tells_queued_running_and_lost(
    waiting: str, store: Store, tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    names = ("queued", "running", "lost", "elsewhere", "requeued", "done")
    specs = {name: make_spec(seed=seed) for seed, name in enumerate(names)}
    for name, task in {
        "queued": None,
        "running": "17_0",
        "lost": "17_1",
        "elsewhere": None,
        "requeued": "17_2",
    }.items():
        folder = store.folder(specs[name].run)
        folder.prepare(specs[name])
        if task is not None:
            assert folder.take()
            record = begun(())[0].model_copy(update={"job": task})
            folder.write("attempts.json", RECORDS.dump_json((record,)))
    finish(store, specs["done"], linear(0, 1))
    submission_of(store, "17", [spec.run for name, spec in specs.items() if name != "elsewhere"])
    stand_in(squeue=f"{row('17', 0, 'RUNNING', 'suite-x-1')}; {row('17', 2, waiting, 'suite-x-1')}")
    expected = {"queued": "queued", "running": "running", "lost": "lost", "requeued": "lost"}
    assert positions(store) == {specs[name].run: place for name, place in expected.items()}

    assert suite("status", "--results", store.results, "--json") == 0
    rows = {row["run"]: row for row in json.loads(capfd.readouterr().out)["runs"]}
    assert {name: rows[spec.run]["position"] for name, spec in specs.items()} == {
        **expected,
        "elsewhere": None,
        "done": None,
    }
    assert {row["state"] for row in rows.values()} == {"pending", "running", "done"}

    stand_in(squeue="echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    assert suite("status", "--results", store.results, "--json") == 0
    printed = capfd.readouterr()
    assert {row["position"] for row in json.loads(printed.out)["runs"]} == {None}
    assert "without what slurm knows: squeue: slurm_load_jobs error: Unable to contact" in printed.err


def test_a_store_without_submissions_asks_nobody(
    store: Store, tmp_path: Path, stand_in: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(squeue="exit 1")
    finish(store, make_spec(), linear(0, 1))
    assert suite("status", "--results", store.results) == 0
    assert "slurm" not in capfd.readouterr().out
    assert calls(tmp_path, "squeue") == []


def test_a_puller_needs_no_slurm_and_ends_when_nothing_is_free(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any machine that sees the store can help; runs that are done or failed are left as they are."""
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    specs = [spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"][2:3]
    for spec in specs:
        store.folder(spec.run).prepare(spec)
    failed = make_spec(seed=9)
    folder = store.folder(failed.run)
    folder.prepare(failed)
    assert folder.take()
    folder.fail("bad", "error")
    folder.release()
    submission = submission_of(store, "17", [*(spec.run for spec in specs), failed.run])
    assert puller.pull(submission) == 0
    assert [store.folder(spec.run).state for spec in (*specs, failed)] == ["done", "failed"]


@pytest.mark.parametrize("content", ["", "{}", '{"runs": 1}', "[" * 100_000])
def test_a_damaged_plan_is_named(content: str, store: Store) -> None:
    submission = submission_of(store, "17", [])
    (submission.path / "plan.json").write_text(content)
    with pytest.raises(UsageError, match=r"plan\.json"):
        puller.pull(submission)
    assert suite("pull", store.results / "nothing") == 2


@pytest.mark.parametrize("content", ["", "{}", '{"job": "1; rm -rf"}', '{"job": 17}', "[" * 100_000])
def test_a_damaged_number_of_a_job_is_no_job(content: str, store: Store) -> None:
    submission = submission_of(store, "17", [])
    (submission.path / "job.json").write_text(content)
    assert list(submissions(store)) == []


def test_trust_in_somebodys_code_is_handed_on(
    store: Store, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = Request(runs=1, modules=("/home/me/mine.py", "my_package.algorithms"))
    stand_in(sbatch=ACCEPTS, srun='echo "blind: ${*: -1}"; echo looked')
    with pytest.raises(UsageError, match=r"does not see /home/me/mine.py: put it where every node sees it"):
        slurm.submitted(store, Cluster(), request, ["a_run"])
    stand_in(srun="echo looked")
    submission = slurm.submitted(store, Cluster(), request, ["a_run"])
    assert submission.plan.modules == request.modules

    started: list[list[str]] = []
    monkeypatch.setattr(puller, "LocalLauncher", lambda store, command, **how: started.append(command))
    puller.pull(submission)
    assert "--trust" in started[0]
