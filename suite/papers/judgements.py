"""A paper's claims judged on our own runs: value, test, verdict, the cost of deciding; where reduced runs point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from suite.analysis.hypotheses import NOTHING, SEEDS_TRIED, Finding, Trial, holm, seeds_to_decide
from suite.analysis.results import WINDOW, Results, window_scores
from suite.analysis.samples import Samples
from suite.analysis.timing import timed_alike
from suite.papers.claims import Claim
from suite.papers.folder import AFTER
from suite.papers.paper import Paper
from suite.papers.statements import Verdict, label
from suite.store.record import ADAPTATIONS

Pointing = Literal["same direction", "opposite direction", "inconclusive"]


@dataclass(frozen=True)
class Judgement:
    """A claim as our runs have it."""

    claim: Claim
    value: float
    """The value as the paper computes it."""
    finding: Finding
    """The test that decides."""
    seeds: int
    """The fewest in any environment that counts."""
    environments: int
    """Environments in which every entry that the claim speaks of has a run."""
    verdict: Verdict
    reason: str
    cost: str
    """The cost of a decision."""
    tested: bool
    """True if there were enough runs to test it."""
    holm: float = math.nan
    """p-value of the side that the runs lean to, adjusted for all claims of the paper that were tested."""


@dataclass(frozen=True)
class Direction:
    """The direction of runs off the paper's settings; no verdict on the claim."""

    claim: Claim
    finding: Finding
    seeds: int
    environments: tuple[str, ...]
    """Those in which every entry has enough runs of one budget."""
    budgets: tuple[int, ...]
    pointing: Pointing
    reason: str


def judge_all(paper: Paper, results: Results) -> list[Judgement]:
    """Judge every claim of a paper, for the plain entries and for every variant of them that ran."""
    done, lost = settled(paper, results), lost_runs(paper, results)
    claims = paper.variants(set(done["entry"]))
    return with_holm([judge(paper, claim, done, results.curves, lost) for claim in claims])


def with_holm(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Adjust the p-values of the claims that were tested for their number: every paper is a family."""
    tested = [each for each in judgements if each.tested]
    adjusted = iter(holm([float(np.nanmin([each.finding.above, each.finding.below])) for each in tested]))
    return [replace(each, holm=next(adjusted)) if each.tested else each for each in judgements]


def directions(paper: Paper, results: Results) -> list[Direction]:
    """Say in which direction runs off the paper's settings point, for every claim whose entries all have such runs."""
    done, lost = settled(paper, results), lost_runs(paper, results)
    astray = done[~done["at_settings"]]
    return [
        direction(paper, claim, astray, results.curves, lost[~lost["at_settings"].astype(bool)])
        for claim in paper.variants(set(astray["entry"]))
        if set(claim.entries) <= set(_concerned(claim, astray)["entry"])
    ]


def settled(paper: Paper, results: Results) -> pd.DataFrame:
    """Return the finished runs with a column `at_settings`, scored over the paper's window.

    A run at the paper's settings goes by its label, whatever else ran under the same one; unless several such
    configurations did, which differ in versions or revisions and are no replications of each other.
    """
    done = _by_label(paper, results, results.done)
    if paper.about.window != WINDOW:
        done["score"] = done["run"].map(window_scores(results.curves, done, paper.about.window))
    return pd.concat([done, *_after_adaptations(done, results.adaptations, paper.about.window)], ignore_index=True)


DIVERGED = "diverged"


def lost_runs(paper: Paper, results: Results) -> pd.DataFrame:
    """Return `Results.lost`, as `settled`; each scores less than all others."""
    return _by_label(paper, results, results.lost).assign(score=-np.inf)


def _by_label(paper: Paper, results: Results, runs: pd.DataFrame) -> pd.DataFrame:
    speaks = np.array([paper.settings.speaks(results.specs[run]) for run in runs["run"]], bool)
    runs = runs.assign(at_settings=speaks)
    labels = runs["run"].map(lambda run: results.specs[run].label)
    alone = runs[speaks].groupby([labels[speaks], "environment"])["entry"].transform("nunique") == 1
    runs.loc[alone[alone].index, "entry"] = labels[alone[alone].index]
    return runs


def _after_adaptations(done: pd.DataFrame, adaptations: pd.DataFrame, window: float) -> list[pd.DataFrame]:
    """Return runs that were tested step by step once more for every number of adaptations, scored after these.

    Their entries are named maml@0, maml@1 and so on.
    """
    found = []
    for number, returns in adaptations.groupby(ADAPTATIONS, sort=True):
        rows = done[done["run"].isin(returns["run"])]
        start = returns[returns["environment_steps"] == 0].set_index("run")["return"]
        found.append(
            rows.assign(
                entry=rows["entry"] + f"{AFTER}{number}",
                score=rows["run"].map(window_scores(returns, rows, window)),
                untrained=rows["run"].map(start),
            )
        )
    return found


def judge(
    paper: Paper, claim: Claim, done: pd.DataFrame, curves: pd.DataFrame, lost: pd.DataFrame | None = None
) -> Judgement:
    """Judge one claim.

    Parameters
    ----------
    done, lost : what `settled` and `lost_runs` return.
    curves : `Results.curves`.
    """
    concerned = _concerned(claim, done)
    at_settings = concerned[concerned["at_settings"]]
    absent = [entry for entry in claim.entries if entry not in set(concerned["entry"])]
    astray = [entry for entry in claim.entries if entry not in set(at_settings["entry"])]
    gone = _lost_of(claim, lost)
    if not astray:
        gone = gone[gone["at_settings"].astype(bool)]
    runs = concerned if astray else at_settings
    everywhere = len(runs)
    timed = claim.about.measure == "seconds"
    if timed:
        runs = timed_alike(runs, claim.entries)
    runs = _with_diverged(runs, gone)
    counts = _counts(claim, runs)
    covered = [environment for environment in claim.environments if environment in counts.index]
    seeds = int(counts.loc[covered].min().min()) if covered else 0
    value, note, finding = _found(paper, claim, runs, curves, covered)
    needed = paper.about.seeds

    verdict: Verdict = "not enough runs"
    tested = False
    if absent:
        reason = f"no finished run of {' or '.join(absent)} on the claim's environments"
    elif astray:
        verdict = "not at the paper's settings"
        reason = f"no run of {' or '.join(astray)} has the paper's settings and budget"
    elif timed and not len(runs):
        reason = f"no machine type (processor and device) ran {' and '.join(claim.entries)} on one environment"
    elif to_rerun(gone):
        reason = "runs failed for reasons of the machine or the program, and have to be run again first"
    elif len(covered) < len(claim.environments):
        reason = f"{len(covered)} of {len(claim.environments)} environments"
    elif seeds < needed:
        reason = f"{seeds} seeds in some environment, {needed} needed"
    else:
        tested = finding is not NOTHING
        verdict = claim.about.verdicts[finding.direction]
        reason = said(finding)
    if note and not astray:
        reason += f"; {note}"
    if len(gone):
        reason += f"; runs lost: {lost_in_words(gone)}"
    if timed and 0 < len(runs) < everywhere:
        reason += f"; on the {len(runs)} of {everywhere} runs made on {runs['machine'].iloc[0]}"
    if timed and (runs["clock"] == "processor").any():
        reason += "; in seconds that the processor worked"
        if (wall := runs.loc[runs["clock"] == "wall", "environment"].nunique()) > 0:
            reason += f", but on {wall} of {runs['environment'].nunique()} environments wall-clock"
    decided = tested and finding.direction != 0
    trial = _trial(paper, claim, runs, curves, covered) if tested and not decided else None
    cost = "" if decided else _cost(paper, claim, at_settings if astray else runs, trial, seeds)
    return Judgement(claim, value, finding, seeds, len(covered), verdict, reason, cost, tested)


def direction(
    paper: Paper, claim: Claim, astray: pd.DataFrame, curves: pd.DataFrame, lost: pd.DataFrame | None = None
) -> Direction:
    """Say in which direction runs off the paper's settings point: the claim's own test, on what all its entries ran.

    Only environments count in which every entry has enough seeds, all of one budget; seconds, of one machine type.
    """
    runs = _concerned(claim, astray)
    if claim.about.measure == "seconds":
        runs = timed_alike(runs, claim.entries)
    gone = _lost_of(claim, lost)
    runs = _with_diverged(runs, gone)
    counts = _counts(claim, runs)
    needed = paper.about.seeds
    budgets = runs.groupby("environment")["budget"].agg(["nunique", "first"])
    places = [
        place
        for place in claim.environments
        if place in counts.index and counts.loc[place].min() >= needed and budgets.loc[place, "nunique"] == 1
    ]
    if not places:
        reason = f"no environment with {needed} seeds of {', '.join(claim.entries)} under one budget"
        return Direction(claim, NOTHING, 0, (), (), "inconclusive", reason)
    finding = _found(paper, claim, runs, curves, places)[2]
    here = gone[gone["environment"].isin(places)]
    if to_rerun(here):
        finding = replace(finding, withheld="failed runs have to be run again first")
    pointing: dict[int, Pointing] = {1: "same direction", 0: "inconclusive", -1: "opposite direction"}
    return Direction(
        claim,
        finding,
        int(counts.loc[places].min().min()),
        tuple(places),
        tuple(sorted({int(budget) for budget in budgets.loc[places, "first"]})),
        pointing[finding.direction],
        said(finding) + (f"; runs lost: {lost_in_words(here)}" if len(here) else ""),
    )


def _lost_of(claim: Claim, lost: pd.DataFrame | None) -> pd.DataFrame:
    """Return the lost runs of a claim's entries, each under every name that the claim has for it."""
    if lost is None:
        return pd.DataFrame(columns=["run", "entry", "environment", "seed", "kind", "score", "at_settings", "budget"])
    found = [lost[lost["entry"] == label(entry)].assign(entry=entry) for entry in claim.entries]
    there = pd.concat(found, ignore_index=True)
    return there[there["environment"].isin(claim.environments)]


def _with_diverged(runs: pd.DataFrame, gone: pd.DataFrame) -> pd.DataFrame:
    """Add the runs that diverged, which rank last."""
    diverged = gone[gone["kind"] == DIVERGED]
    if not len(diverged):
        return runs
    both = pd.concat([runs, diverged.reindex(columns=runs.columns)], ignore_index=True)
    return both.sort_values(["environment", "entry", "seed", "run"], ignore_index=True)


def to_rerun(gone: pd.DataFrame) -> bool:
    """Tell whether any run was lost for another reason than what it learnt."""
    return bool((gone["kind"] != DIVERGED).any())


def lost_in_words(gone: pd.DataFrame) -> str:
    """Count the lost runs of every entry, by what ended them."""
    each = gone.assign(entry=gone["entry"].map(label)).drop_duplicates("run")
    counts = each.groupby(["entry", "kind"]).size().reset_index(name="runs")
    return ", ".join(f"{runs} of {entry} ({kind})" for entry, kind, runs in counts.itertuples(index=False))


def _samples(
    paper: Paper, claim: Claim, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]
) -> list[Samples]:
    """Return what a claim reads of runs, in the paper's unit."""
    samples = claim.about.samples(runs, curves, environments)
    if claim.about.measure == "score":
        units = [paper.unit(environment) for environment in environments]
        samples = [[values / unit for values, unit in zip(entry, units, strict=True)] for entry in samples]
    return samples


def _found(
    paper: Paper, claim: Claim, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]
) -> tuple[float, str, Finding]:
    """Return a claim's value, what it leaves out, and its test."""
    if not environments:
        return math.nan, "", NOTHING
    samples = _samples(paper, claim, runs, curves, environments)
    return *claim.about.value(samples), claim.about.find(samples)


def _trial(paper: Paper, claim: Claim, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> Trial:
    """Return a simulation of runs about the means at hand, which vary as these do."""
    return claim.about.trial(claim.about.moments(_samples(paper, claim, runs, curves, environments)))


def said(finding: Finding) -> str:
    """Say what a test found: the side that is decided with its p-value, or both."""
    if finding.withheld:
        return f"withheld: {finding.withheld}"
    if math.isnan(finding.above):
        limits = f"[{finding.low:.3g}, {finding.high:.3g}]"
        if finding.fits is None:
            return f"{limits} is too wide against what was learnt"
        return f"the print lies {'in' if finding.fits else 'out'}side of {limits}"
    if math.isnan(finding.estimate):
        return "the rule leaves no environment to test"
    if finding.direction > 0:
        return f"{p_value(finding.above)} for the claimed side"
    if finding.direction < 0:
        return f"{p_value(finding.below)} for the other side"
    return f"neither side is decided: {p_value(finding.above)} for the claimed, {p_value(finding.below)} for the other"


def p_value(value: float) -> str:
    """Write a p-value."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _concerned(claim: Claim, done: pd.DataFrame) -> pd.DataFrame:
    return done[done["entry"].isin(claim.entries) & done["environment"].isin(claim.environments)]


def _counts(claim: Claim, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the number of runs of each entry (columns) on each environment that all of them have run on."""
    counts = runs.groupby(["environment", "entry"]).size().unstack("entry")
    return counts.reindex(columns=list(claim.entries)).dropna()


def _cost(paper: Paper, claim: Claim, there: pd.DataFrame, trial: Trial | None, seeds: int) -> str:
    """Say how many more runs at the paper's settings would decide, and how long they take."""
    counts = there.groupby(["environment", "entry"]).size()
    missing = {
        entry: sum(
            max(0, paper.about.seeds - int(counts.get((environment, entry), 0))) for environment in claim.environments
        )
        for entry in {label(entry): entry for entry in claim.entries}.values()
    }
    prefix = ""
    if not sum(missing.values()):
        if trial is None:
            return "not known: nothing can be tested"
        needed = seeds_to_decide(trial, seeds)
        if needed is None:
            return f"more than {SEEDS_TRIED[-1]} seeds, if the means and their spread over seeds are as seen"
        more = needed - seeds
        prefix = f"about {more} more seeds in each environment, if the means and their spread are as seen: "
        missing = dict.fromkeys(missing, more * len(claim.environments))
    runs = sum(missing.values())
    hours = {entry: _hours(paper, entry, there) for entry in missing}
    if any(math.isnan(each) for each in hours.values()):
        return f"{prefix}{runs} runs"
    total = sum(count * hours[entry] for entry, count in missing.items())
    return f"{prefix}{runs} runs, {total:,.0f} hours of one machine"


def _hours(paper: Paper, entry: str, there: pd.DataFrame) -> float:
    """Hours a run: measured at the paper's settings, else as the paper prints them; NaN if neither is known."""
    measured = there.loc[there["entry"] == entry, "seconds_total"].mean()
    if measured > 0:
        return float(measured) / 3600
    printed = paper.hours(entry)
    return math.nan if printed is None else printed
