from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from algorithms import ENTRANTS, load_algorithm
from algorithms.peers import garage
from speed import peers
from speed.entrants.ours import built, repeated
from speed.rows import ROWS

ECHO = """
import json, sys
for number, _ in enumerate(sys.stdin):
    print(json.dumps({"seconds": float(number), "peak": 2**20, "scale": 10}), flush=True)
"""


@pytest.mark.parametrize("name", ROWS)
def test_both_sides_of_a_row_have_its_settings(name: str) -> None:
    row = ROWS[name]
    ours = load_algorithm(row.algorithm).Settings(**row.settings)
    if row.peer == "garage":
        theirs = asdict(ENTRANTS[f"garage-{row.against}"].Settings(**row.peer_settings))
        sizes = {key: value for key, value in asdict(ours).items() if key.endswith(("sizes", "size", "batch"))}
        assert {key: theirs[key] for key in sizes if key in theirs} == {k: v for k, v in sizes.items() if k in theirs}


def test_the_replay_of_a_row_is_filled() -> None:
    made = built("oracle-sac", {"network_sizes": (4,), "batch": 8}, tasks=3, transitions=1000)
    repeated(made.update, 2)()
    assert made.gradient_steps == 2
    assert made.replay.used == 5 * 201


@pytest.mark.parametrize("name", ["pearl", "mql"])
def test_a_peer_that_is_missing_has_no_command(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(garage.VARIABLE, str(tmp_path / "python"))
    assert peers.peers_command(ROWS[name], 1, None) is None


def test_a_garage_that_is_there_is_asked_for_what_the_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(garage.VARIABLE, sys.executable)
    command = peers.peers_command(ROWS["pearl"], 2, None)
    assert command is not None
    _, _, script, algorithm, settings, tasks, threads = command
    assert Path(script).exists()
    assert (algorithm, tasks, threads) == ("pearl", "20", "2")
    assert json.loads(settings)["context_batch"] == 128


def test_an_entrant_answers_round_by_round_and_its_end_is_told() -> None:
    entrant = peers.Entrant([sys.executable, "-c", ECHO], 1)
    for _ in range(3):
        entrant.round()
    assert entrant.seconds == [0.0, 10.0, 20.0]
    entrant.process.kill()
    entrant.process.wait()
    with pytest.raises(RuntimeError, match="has ended"):
        entrant.round()
    with contextlib.suppress(BrokenPipeError):
        entrant.close()


def test_a_line_of_the_table_has_medians_quartiles_their_ratio_and_the_floor() -> None:
    found = {
        "what": "work", "threads": 1, "ceiling": 1e9, "operations": 1e8,
        "ours": {"seconds": [0.2, 0.3, 0.4], "peak": 2**30},
        "theirs": {"seconds": [0.6, 0.6, 0.9], "peak": 2**29},
    }  # fmt: skip
    assert peers.line(found) == "| work | 1 | 300 [250, 350] | 600 [600, 750] | 0.50 | 100.0 | 1,024 | 512 |"
    assert peers.line({**found, "theirs": None}) == "| work | 1 | 300 [250, 350] | - | - | 100.0 | 1,024 | - |"
