"""Misbehaves on demand: `python -m tests.faults.trainer MODE RUN --results DIR`; imports nothing slow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from suite.failures import HELD_STATUS, INTERRUPTED_STATUS, RETRIES, Failure
from suite.store.files import as_json
from suite.store.folder import RunFolder
from suite.store.runs import Store

EMPTY_TABLE = (Path(__file__).parent / "empty.parquet").read_bytes()  # writing one would import pandas


def note(folder: RunFolder, word: str) -> None:
    """Add a line to what happened to a run; short appends do not mix."""
    with (folder.path / "events.txt").open("a") as file:
        file.write(f"{word} {folder.run}\n")


def finish(folder: RunFolder) -> None:
    for name in ("evaluations", "training"):
        folder.write(f"{name}.parquet", EMPTY_TABLE)
    folder.write("provenance.json", as_json({}))
    folder.commit()
    note(folder, "committed")


def ignore_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def stop(folder: RunFolder) -> None:
    folder.end(None, RETRIES)
    sys.exit(INTERRUPTED_STATUS)


def show_steps(folder: RunFolder, steps: int) -> None:
    counters = dict.fromkeys(("environment_steps", "gradient_steps", "meta_test_steps"), steps)
    folder.write_progress({**counters, "budget": 100, "seconds": 1.0, "warm": True})


def misbehave(mode: str, folder: RunFolder, attempts: int) -> None:
    """Do what the mode says; a return is a good end."""
    if mode == "ignores-sigterm":
        ignore_sigterm()
        note(folder, "ignoring")
        time.sleep(3600)
    elif mode == "hangs":
        show_steps(folder, 7)
        time.sleep(3600)
    elif mode == "hangs-at-once" or (mode == "sleeps-once" and attempts == 1):
        time.sleep(3600)
    elif mode == "starts-slowly":
        time.sleep(1.5)
    elif mode == "exceeds-memory":
        hoard = []
        while True:
            hoard.append(b"x" * 2**24)
            time.sleep(0.01)
    elif mode == "prints-a-gigabyte":
        line = "y" * 1023 + "\n"
        for _ in range(1024):
            sys.stdout.write(line * 1024)
        print("the last words")
    elif mode == "leaves-children":
        ignore_sigterm()
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3600)", str(folder.path)])
    elif (mode == "is-killed-twice" and attempts <= 2) or mode == "is-always-killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "raises":
        folder.end(Failure("error", "ValueError: bad"), RETRIES)
        raise ValueError("bad")
    elif mode == "fills-the-disk":
        folder.end(Failure("storage", "OSError: [Errno 28] No space left on device"), RETRIES)
        sys.exit(1)
    elif mode == "stops-when-asked":
        signal.signal(signal.SIGTERM, lambda *_: (note(folder, "asked"), stop(folder)))
        time.sleep(3600)


def embed(mode: str, folder: RunFolder) -> None:
    """Do what is asked for of a finished run, or not."""
    note(folder, "embedding")
    attempts = (folder.path / "events.txt").read_text().count("embedding")
    if mode == "is-always-killed-embedding" or (mode == "is-killed-embedding-once" and attempts == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "cannot-embed":
        folder.fail_step("clusters", "all windows are alike")
    else:
        folder.write("clusters.json", as_json({"settings": folder.wanted("clusters")}))


def main() -> None:
    mode, run, _, results = sys.argv[1:]
    folder = Store(Path(results)).folder(run)
    if not folder.take():
        sys.exit(HELD_STATUS)
    try:
        if folder.state != "done":
            signal.signal(signal.SIGTERM, lambda *_: stop(folder))
            if folder.begin(RETRIES):
                return
            note(folder, "started")
            attempts = (folder.path / "events.txt").read_text().count("started")
            misbehave(mode, folder, attempts)
            finish(folder)
        if folder.lacking:
            embed(mode, folder)
    finally:
        folder.release()


if __name__ == "__main__":
    main()
