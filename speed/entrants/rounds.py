"""The process of every entrant: a round of its work for each line that it reads, and its time in return.

It imports nothing of the suite, for garage's process runs in another environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

OBSERVATIONS, ACTIONS, HORIZON = 20, 6, 200
"""Sizes of the half-cheetah, whose physics no entrant computes: all are shown the same kind of noise."""


class Answers:
    """The stream of answers: what used to be standard output, which others may now write to."""

    def __init__(self) -> None:
        self.file = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, **values: float) -> None:
        """Answer a line."""
        self.file.write(json.dumps(values) + "\n")
        self.file.flush()

    def seconds(self, seconds: float, **others: float) -> None:
        """Answer with the time of a round, and the most memory that this process has had."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.say(seconds=seconds, peak=peak, **others)


class Round(NamedTuple):
    """Some work, and by what its time is divided."""

    work: Callable[[], None]
    times: int = 1


def serve(timed: Round, answers: Answers, **others: float) -> None:
    """Do a round for each line of standard input, until it ends."""
    for _ in sys.stdin:
        begun = time.perf_counter()
        timed.work()
        answers.seconds((time.perf_counter() - begun) / timed.times, **others)
