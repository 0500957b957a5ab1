"""The files of a run's folder: the one list by which runs are committed, forgotten and published.

results/runs/<run>/
run.json             the RunSpec
claims/              leases: who works on it (see suite.store.lease)
attempts.json        the attempts at it and how they ended (see suite.store.attempts)
checkpoint/          where it would go on (see suite.store.checkpoint); dropped when it is done
evaluations.parquet  one row an evaluation episode
training.parquet     one row an evaluation mark: counters, seconds, logged metrics
provenance.json      versions, commit, machine, settings as printed and as used
state.json, state.safetensors
                     the algorithm as it was at the end, without its replay rows
log.txt              what the run printed, its newest part; log.old.txt, what came just before
progress.json        how far it is
failed.json          why it was given up (absent otherwise)
done.json            the commit marker: checksums of the files that are committed

and of each post-run step (see suite.inspect.post_run), such as `clusters`:

STEP.wanted.json     how it is to be done when the run is done, where that is asked for
STEP.json            what it found
STEP.failed.json     why there is none although it is wanted (absent otherwise)
"""

from __future__ import annotations

from typing import Literal, NamedTuple

POST_RUN_STEPS = ("clusters",)
"""Names of the post-run steps: what is computed from a finished run, and is no part of it."""


class RunFile(NamedTuple):
    """A file of a run's folder, and what becomes of it."""

    name: str
    committed: Literal["always", "where it exists"] | None = None
    """The condition under which the commit marker holds its checksum; None: never."""
    forgotten: bool = True
    """True if it goes when the run's results are forgotten."""
    published: Literal["document", "table"] | None = None
    """The form in which a snapshot keeps it, if it does."""
    pruned: Literal["logs", "parameters"] | None = None
    """The part of a finished run with which it is pruned."""


def wanted_file(step: str) -> str:
    """Name the file that says how a post-run step is to be done."""
    return f"{step}.wanted.json"


def record_file(step: str) -> str:
    """Name the file that holds what a post-run step found."""
    return f"{step}.json"


def failure_file(step: str) -> str:
    """Name the file that says why a post-run step has failed."""
    return f"{step}.failed.json"


FILES = (
    # In the order in which they are forgotten: first what says that the run has ended.
    RunFile("done.json"),
    RunFile("attempts.json"),
    RunFile("failed.json", published="document"),
    RunFile("progress.json"),
    RunFile("run.json", "always", forgotten=False, published="document"),
    RunFile("evaluations.parquet", "always", published="table"),
    RunFile("training.parquet", "always", published="table"),
    RunFile("provenance.json", "always", published="document"),
    RunFile("state.json", "where it exists", pruned="parameters"),
    RunFile("state.safetensors", "where it exists", pruned="parameters"),
    *(RunFile(record_file(step), published="document") for step in POST_RUN_STEPS),
    *(RunFile(failure_file(step), published="document") for step in POST_RUN_STEPS),
    *(RunFile(wanted_file(step), forgotten=False) for step in POST_RUN_STEPS),
    RunFile("log.txt", forgotten=False, pruned="logs"),
    RunFile("log.old.txt", forgotten=False, pruned="logs"),
)

CHECKPOINT, CLAIMS = "checkpoint", "claims"
"""The folders beside the files."""

FINAL_STATE = ("state.json", "state.safetensors")
"""The trained algorithm: its values, and its tensors."""

LOGS = tuple(file.name for file in FILES if file.pruned == "logs")
"""The log's newest part, and what came just before."""

DOCUMENTS = tuple(file.name for file in FILES if file.published == "document")
"""JSON files that a snapshot keeps."""

TABLES = tuple(file.name.removesuffix(".parquet") for file in FILES if file.published == "table")
"""Tables that a snapshot keeps."""
