"""The verification of published runs: some of them are executed again, and compared number by number."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from environments import FloatArray
from suite.analysis.results import Results, machine, read_run
from suite.errors import UsageError, unknown
from suite.plan.revisions import check_current
from suite.spec import RunSpec
from suite.store.layout import POST_RUN_STEPS, record_file
from suite.store.record import RunRecord
from suite.store.runs import Store

UNTRAINED_TOLERANCE = 0.01
"""Share of its size by which the mean return before training may differ on another type of machine."""
CONFIDENCE = 0.99
"""Confidence of the interval for the difference of the mean scores there and here."""
MARGIN = 0.5
"""Share of what an entry gained by training within which that interval must lie."""
FEWEST = 3
"""Fewest published runs of an entry, and executions of it here, for such an interval."""

Outcome = Literal["bit for bit", "another draw", "differs", "failed"]
Agrees = Literal["yes", "no", "cannot tell"]


class Verified(NamedTuple):
    """The outcome of a published run that was executed again."""

    run: str
    outcome: Outcome
    detail: str

    @property
    def text(self) -> str:
        """The outcome, in a line."""
        return f"{self.outcome}: {self.run}{f': {self.detail}' if self.detail else ''}"


class Agreement(NamedTuple):
    """True if executions of an entry on another type of machine are as the published ones."""

    entry: str
    environment: str
    agrees: Agrees
    detail: str

    @property
    def text(self) -> str:
        """True if they agree, in a line."""
        return f"agrees in distribution: {self.agrees}: {self.entry} on {self.environment}: {self.detail}"


class Drawn(NamedTuple):
    """Finished runs of a store, drawn to be executed again."""

    specs: list[RunSpec]
    executable: int
    """Number of runs that they were drawn from."""
    others: int
    """Finished runs that this version of the suite cannot execute, as those of earlier revisions."""

    @property
    def text(self) -> str:
        """The number of runs drawn, and the chance that this misses an altered one."""
        missed = 1 - len(self.specs) / self.executable
        text = f"{len(self.specs)} of {self.executable} finished runs that this version can execute"
        text += f"; of one altered run among them, the draw misses {missed:.1%}" if missed else ""
        return text + (f"; {self.others} more are of other revisions or versions" if self.others else "")


def drawn(
    store: Store, sample: int | None, seed: int, environment: str | None = None, runs: Collection[str] = ()
) -> Drawn:
    """Draw finished runs of a store that this version of the suite can execute.

    Parameters
    ----------
    sample : how many; None for all.
    seed : of the draw.
    environment : draw among its runs alone.
    runs : draw among these alone, if any are named.

    Raises
    ------
    UsageError
        If there is no such run, or the environment or one of the runs is not the store's.
    """
    found, others, reason = [], 0, f"{store.results}: holds no finished run"
    environments, names = set(), set()
    for folder in store.records():
        if folder.state == "done":
            spec = folder.spec()
            environments.add(spec.environment)
            names.add(spec.run)
            if environment not in (None, spec.environment) or (runs and spec.run not in runs):
                continue
            try:
                check_current(spec)
            except UsageError as error:
                others, reason = others + 1, str(error)
            else:
                found.append(spec)
    if environment is not None and environments and environment not in environments:
        raise UsageError(unknown("--environment", environment, environments))
    if lacking := sorted(set(runs) - names):
        hint = f"see: suite status --results {store.results}"
        raise UsageError(f"--run {lacking[0]}: {store.results} holds no finished run of that name; {hint}")
    if not found:
        raise UsageError(reason)
    size = len(found) if sample is None else min(sample, len(found))
    chosen = np.random.default_rng(seed).choice(len(found), size, replace=False)
    return Drawn([found[index] for index in sorted(chosen)], len(found), others)


def published_steps(store: Store, specs: Sequence[RunSpec]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the post-run steps whose records are published, as they were asked for, by run and step."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for spec in specs:
        for step in POST_RUN_STEPS:
            if settings := store.record(spec.run).document(record_file(step)).get("settings"):
                found.setdefault(spec.run, {})[step] = settings
    return found


def verified(published: RunRecord, repeated: RunRecord, results: Results) -> Verified:
    """Compare a run that was executed again with what was published of it.

    On one type of machine (processor, instructions, device) every evaluation, every logged metric and every record of a
    post-run step must be the same bit for bit. On another, rounding differs in the last bits and training amplifies it,
    so that a run there is a new draw: its mean return before training must agree within `UNTRAINED_TOLERANCE`, and what
    several draws of an entry say together is for `agreements` to tell.

    Parameters
    ----------
    results : everything that was published.
    """
    run = published.run
    if repeated.state != "done":
        return Verified(run, "failed", repeated.failure().get("reason", f"it is {repeated.state}"))
    here, there = _type(repeated.provenance()), _type(published.provenance())
    differing = first_difference(published.evaluations(), repeated.evaluations()) or first_difference(
        _metrics(published), _metrics(repeated)
    )
    if differing is None and here == there:
        differing = _step_difference(published, repeated)
    where = f"made on {there}, here on {here}"
    if differing is None:
        return Verified(run, "bit for bit", "" if here == there else f"although {where}")
    if here == there:
        return Verified(run, "differs", f"{differing}, on the same type of machine ({here})")
    theirs, ours = results.each[run].numbers["untrained"], read_run(repeated).numbers["untrained"]
    if not math.isclose(ours, theirs, rel_tol=UNTRAINED_TOLERANCE, abs_tol=1e-6):
        untrained = f"untrained return {theirs:.6g} was published, here it is {ours:.6g}"
        return Verified(run, "differs", f"{untrained}, more than {UNTRAINED_TOLERANCE:.0%} apart; {where}")
    return Verified(run, "another draw", where)


def agreements(found: Sequence[Verified], repeated: Store, results: Results) -> list[Agreement]:
    """Say of each entry whose runs are new draws here whether they agree in distribution with the published ones.

    Parameters
    ----------
    found : what `verified` said of each run.
    repeated : where they were executed.
    results : everything that was published.
    """
    done = results.done.set_index("run")
    groups: dict[tuple[str, str], list[float]] = {}
    for each in found:
        if each.outcome == "another draw":
            score = read_run(repeated.record(each.run)).numbers["score"]
            groups.setdefault((done["entry"][each.run], done["environment"][each.run]), []).append(score)
    agreed = []
    for (entry, environment), scores in sorted(groups.items()):
        theirs = done[(done["entry"] == entry) & (done["environment"] == environment)]
        untrained = float(theirs["untrained"].mean())
        agreed.append(
            Agreement(entry, environment, *agreement(theirs["score"].to_numpy(float), np.array(scores), untrained))
        )
    return agreed


def agreement(published: FloatArray, here: FloatArray, untrained: float) -> tuple[Agrees, str]:
    """Say whether scores of two machine types agree, and why.

    No, if Welch's interval for the difference of their means leaves out 0. Yes, if it lies within `MARGIN` of what the
    published runs gained by training, either way: what has not learnt is not within it.

    Parameters
    ----------
    published, here : (runs,) scores of an entry, each.
    untrained : the published mean before training.
    """
    if min(len(published), len(here)) < FEWEST:
        return "cannot tell", f"{len(published)} published runs and {len(here)} executions, {FEWEST} of each needed"
    difference = float(here.mean() - published.mean())
    if published.std() == here.std() == 0.0:
        low = high = difference
    else:
        low, high = stats.ttest_ind(here, published, equal_var=False).confidence_interval(CONFIDENCE)
    margin = MARGIN * abs(float(published.mean()) - untrained)
    said = f"mean score {published.mean():.6g} was published, here it is {here.mean():.6g}: {difference:+.4g}"
    said += f" [{low:.4g}, {high:.4g}] with {CONFIDENCE:.0%} confidence, of {len(published)} and {len(here)} runs"
    if not low <= 0.0 <= high:
        return "no", said
    if -margin < low and high < margin:
        return "yes", f"{said}; within {margin:.4g}, {MARGIN:.0%} of what was gained by training"
    return "cannot tell", f"{said}; it has to lie within {margin:.4g}, {MARGIN:.0%} of what was gained by training"


def seconds_text(found: Sequence[Verified], repeated: Store, results: Results) -> str:
    """Compare seconds here with those published, entry by entry, on one type of machine; empty if fewer than two are.

    Seconds of one machine depend on what else it does, their ratio less so: an entry that alone was published slower
    or faster than it is stands out.
    """
    done = results.done.set_index("run")
    ratios: dict[str, list[float]] = {}
    for each in found:
        record = repeated.record(each.run)
        if each.outcome in ("bit for bit", "differs") and _type(record.provenance()) == _type(
            results.each[each.run].provenance
        ):
            entry = f"{done['entry'][each.run]} on {done['environment'][each.run]}"
            ratios.setdefault(entry, []).append(
                float(record.provenance()["seconds_total"]) / float(done["seconds_total"][each.run])
            )
    if len(ratios) < 2:
        return ""
    means = {entry: float(np.mean(each)) for entry, each in sorted(ratios.items())}
    apart = max(means.values()) / min(means.values())
    return (
        f"seconds here, as a multiple of those published: {', '.join(f'{e} {m:.2f}' for e, m in means.items())}; "
        f"the most and the least are a factor of {apart:.2f} apart"
    )


def _step_difference(published: RunRecord, repeated: RunRecord) -> str | None:
    """Say which record of a post-run step differs; one that was published without its settings cannot be made again."""
    for step in POST_RUN_STEPS:
        theirs = published.document(record_file(step))
        if theirs.get("settings") and theirs != repeated.document(record_file(step)):
            return f"{step}: {repeated.step_failure(step) or 'the record differs'}"
    return None


def first_difference(published: pd.DataFrame, repeated: pd.DataFrame) -> str | None:
    """Say where two tables first differ in a bit; None if they do not."""
    if list(published) != list(repeated) or len(published) != len(repeated):
        return f"{len(published)} rows of {len(published.columns)} columns were published, here are {repeated.shape}"
    for column in published:
        theirs, ours = published[column].to_numpy(), repeated[column].to_numpy()
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


def all_good(found: Sequence[Verified], agreed: Sequence[Agreement]) -> bool:
    """True if every run came out again: bit for bit, or elsewhere as draws that agree in distribution."""
    return all(each.outcome in ("bit for bit", "another draw") for each in found) and all(
        each.agrees == "yes" for each in agreed
    )
