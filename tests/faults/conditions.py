"""The conditions that a store meets after every fault."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from safetensors import safe_open
from safetensors.torch import load_file

from suite.store.folder import RunFolder
from suite.store.runs import Store


def files_in(results: Path) -> list[Path]:
    """Return the files of a store that others use: unlike `Path.rglob`, `os.walk` bears with folders that go."""
    return [Path(folder, name) for folder, _, names in os.walk(results) for name in names]


def assert_sound(results: Path) -> None:
    """Every visible file parses, and what was committed is as it was committed."""
    for path in files_in(results):
        if any(part.startswith(".") for part in path.relative_to(results).parts) or "claims" in path.parts:
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".parquet":
                pd.read_parquet(path)
            elif path.suffix == ".safetensors":
                with safe_open(path, "pt") as file:
                    list(file.keys())
        except FileNotFoundError:
            continue  # dropped while we looked
    for folder in Store(results).folders():
        if (folder.path / "run.json").exists():
            folder.spec()
        if folder.state == "done":
            folder.verify()


def assert_same_numbers(one: RunFolder, other: RunFolder) -> None:
    """Evaluations, counters, metrics and final parameters are equal bit for bit; only seconds may differ."""
    pd.testing.assert_frame_equal(one.evaluations(), other.evaluations(), check_exact=True)
    tables = [folder.training() for folder in (one, other)]
    timeless = [table.drop(columns=[name for name in table if name.startswith("seconds")]) for table in tables]
    pd.testing.assert_frame_equal(*timeless, check_exact=True)
    first, second = (load_file(folder.path / "state.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_array_equal(tensor.numpy(), second[name].numpy(), err_msg=name)


def processes_of(results: Path) -> list[psutil.Process]:
    """Return the processes whose command names the store, but for this one's family."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(word.startswith(str(results)) for word in words):
            found.append(process)
    return found


def assert_no_process(results: Path, within: float = 0.0) -> None:
    """No process works on the store any more; they have a while to go."""
    deadline = time.monotonic() + within
    while (left := processes_of(results)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def events(results: Path) -> Counter[str]:
    """Count what the misbehaving trainers noted, by word."""
    return Counter(line.split()[0] for line in _noted(results))


def committed(results: Path) -> list[str]:
    """Return the runs that noted a commit, as often as they did."""
    return sorted(line.split()[1] for line in _noted(results) if line.startswith("committed"))


def _noted(results: Path) -> list[str]:
    return [line for path in results.glob("runs/*/events.txt") for line in path.read_text().splitlines()]
