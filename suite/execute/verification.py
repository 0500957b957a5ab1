"""The verification of published runs: some of them are executed again, and compared number by number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from suite.analysis.intervals import prediction_interval
from suite.analysis.results import Results, machine, read_results
from suite.errors import UsageError
from suite.plan.revisions import check_current
from suite.spec import RunSpec
from suite.store.record import RunRecord
from suite.store.runs import Store

UNTRAINED_TOLERANCE = 0.01
"""Share of its size by which the mean return before training may differ on another type of machine."""
CONFIDENCE = 0.99
"""Confidence of the interval in which a score must fall there."""
FEWEST_SEEDS = 3
"""Fewest seeds of an entry, for such an interval."""

Outcome = Literal["bit for bit", "within tolerance", "differs", "cannot be told", "failed"]
GOOD: tuple[Outcome, ...] = ("bit for bit", "within tolerance")


class Verified(NamedTuple):
    """The outcome of a published run that was executed again."""

    run: str
    outcome: Outcome
    detail: str


def drawn(store: Store, sample: int, seed: int) -> tuple[list[RunSpec], int]:
    """Draw finished runs of a store that this version of the suite can execute.

    Returns
    -------
    The runs, by name, and of how many they were drawn.

    Raises
    ------
    UsageError
        If there is no such run.
    """
    found, reason = [], f"{store.results}: holds no finished run"
    for folder in store.records():
        if folder.state == "done":
            spec = folder.spec()
            try:
                check_current(spec)
            except UsageError as error:
                reason = str(error)
            else:
                found.append(spec)
    if not found:
        raise UsageError(reason)
    chosen = np.random.default_rng(seed).choice(len(found), min(sample, len(found)), replace=False)
    return [found[index] for index in sorted(chosen)], len(found)


def verified(published: RunRecord, again: RunRecord, results: Results) -> Verified:
    """Compare a run that was executed again with what was published of it.

    On one type of machine (processor, instructions, device) every evaluation and every logged metric must be the same
    bit for bit. On another, rounding differs in the last bits and training amplifies it, so that a run there is a new
    draw: its mean return before training must agree within `UNTRAINED_TOLERANCE`, and its score must lie in the
    interval in which one further seed of its entry would.

    Parameters
    ----------
    results : everything that was published.
    """
    run = published.run
    if again.state != "done":
        return Verified(run, "failed", again.failure().get("reason", f"it is {again.state}"))
    differing = first_difference(published.evaluations(), again.evaluations()) or first_difference(
        _metrics(published), _metrics(again)
    )
    if differing is None:
        return Verified(run, "bit for bit", "")
    here, there = _type(again.provenance()), _type(published.provenance())
    if here == there:
        return Verified(run, "differs", f"{differing}, on the same type of machine ({here})")
    return _tolerated(run, again, results, f"made on {there}, here on {here}")


def first_difference(published: pd.DataFrame, again: pd.DataFrame) -> str | None:
    """Say where two tables first differ in a bit; None if they do not."""
    if list(published) != list(again) or len(published) != len(again):
        return f"{len(published)} rows of {len(published.columns)} columns were published, here are {again.shape}"
    for column in published:
        theirs, ours = published[column].to_numpy(), again[column].to_numpy()
        if theirs.dtype != ours.dtype:
            return f"{column}: {theirs.dtype} was published, here it is {ours.dtype}"
        if theirs.tobytes() != ours.tobytes():
            row = next(row for row in range(len(theirs)) if theirs[row].tobytes() != ours[row].tobytes())
            steps = int(published["environment_steps"].iloc[row])
            return f"{column} at {steps:,} environment steps: {theirs[row]} was published, here it is {ours[row]}"
    return None


def _type(provenance: Mapping[str, Any]) -> str:
    """Name what decides the last bits; virtual machines give processors of several generations one name."""
    found = provenance.get("machine")
    instructions = found.get("instructions") if isinstance(found, Mapping) else None
    return ", ".join(filter(None, (machine(provenance) or "an unnamed machine", instructions)))


def _metrics(folder: RunRecord) -> pd.DataFrame:
    """Return what a run logged, but for measurements of time."""
    training = folder.training()
    return training[[name for name in training if not str(name).startswith("seconds_")]]


def _tolerated(run: str, again: RunRecord, results: Results, where: str) -> Verified:
    done = results.done.set_index("run")
    published = done.loc[run]
    store = Store(again.path.parent.parent)
    here = read_results(store, [results.specs[run]]).done.iloc[0]
    if not math.isclose(here["untrained"], published["untrained"], rel_tol=UNTRAINED_TOLERANCE, abs_tol=1e-6):
        untrained = f"untrained return {published['untrained']:.6g} was published, here it is {here['untrained']:.6g}"
        return Verified(run, "differs", f"{untrained}, more than {UNTRAINED_TOLERANCE:.0%} apart; {where}")
    alike = (done["entry"] == published["entry"]) & (done["environment"] == published["environment"])
    scores = done.loc[alike, "score"].to_numpy(float)
    if len(scores) < FEWEST_SEEDS:
        return Verified(run, "cannot be told", f"{len(scores)} published seeds of it, {FEWEST_SEEDS} needed; {where}")
    low, high = prediction_interval(scores, CONFIDENCE)
    inside = low <= here["score"] <= high
    told = f"score {published['score']:.6g} was published, here it is {here['score']:.6g}, [{low:.6g}, {high:.6g}] is "
    told += f"where one further seed falls in {CONFIDENCE:.0%} of cases; {where}"
    return Verified(run, "within tolerance" if inside else "differs", told)


def all_good(found: Sequence[Verified]) -> bool:
    """True if every run came out again."""
    return all(each.outcome in GOOD for each in found)
