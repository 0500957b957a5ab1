"""The peer's main program: makes what it is asked for, and lets it train and answer until the suite hangs up."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from importlib.metadata import version

from .wire import Message, Pipe

ENTRANTS = {
    "pearl": ("pearl", "PEARLEntrant"),
    "maml-trpo": ("maml_trpo", "MAMLEntrant"),
    "rl2-ppo": ("rl2_ppo", "RL2Entrant"),
    "mtsac": ("mtsac", "MTSACEntrant"),
}
"""Module and class of what can be asked for; imported when it is, for torch and TensorFlow take their time."""

PACKAGES = ("garage", "torch", "tensorflow-cpu", "numpy")


def main() -> None:
    """Serve one entrant until the suite hangs up; an error is told before it ends this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # meant for the suite's own process, which hangs up when it ends
    pipe = _standard_streams()
    try:
        serve(pipe, pipe.receive())
    except (EOFError, BrokenPipeError):
        return
    except BaseException:
        said = traceback.format_exc()
        print(said, file=sys.stderr)
        pipe.send("failed", {"traceback": said[-4000:]})
        sys.exit(1)


def serve(pipe: Pipe, creation: Message) -> None:
    """Make an entrant, and have it train and answer."""
    module, name = ENTRANTS[creation.values["algorithm"]]
    entrant = getattr(import_module(f"{__package__}.{module}"), name)(pipe, creation)
    versions = {"python": sys.version.split()[0], **{package: version(package) for package in PACKAGES}}
    pipe.send("created", {"versions": versions})
    entrant.run()


def _standard_streams() -> Pipe:
    """Take standard input and output for messages; what garage prints goes to the log."""
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return Pipe(reading, writing)
