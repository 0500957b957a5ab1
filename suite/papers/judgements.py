"""The paper's claims judged on our own runs: value, test, verdict, the cost of deciding; where reduced runs point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from suite.analysis.hypotheses import LEVEL, NOTHING, Finding, seeds_to_decide
from suite.analysis.intervals import clearly_not_zero
from suite.analysis.permutations import Samples
from suite.analysis.ranking import common_environments, strata
from suite.analysis.results import Results
from suite.papers import paper
from suite.papers.claims import Claim, claims
from suite.plan.departures import departures
from suite.spec import RunSpec

Verdict = Literal["reproduced", "not reproduced", "not enough runs", "not at the paper's settings"]
Pointing = Literal["points the same way", "points the other way", "does not say"]

SEEDS = 3
"""Seeds of the paper; fewer decide nothing."""


@dataclass(frozen=True)
class Judgement:
    """A claim as our runs have it."""

    claim: Claim
    value: float
    """As the paper computes it."""
    finding: Finding
    """What decides."""
    seeds: int
    """The fewest in any environment that counts."""
    environments: int
    """Environments in which every entry that the claim speaks of has a run."""
    verdict: Verdict
    reason: str
    cost: str
    """What it would take to decide."""


@dataclass(frozen=True)
class Direction:
    """Where runs off the paper's settings point; no verdict on the claim."""

    claim: Claim
    finding: Finding
    seeds: int
    environments: tuple[str, ...]
    """Those in which every entry has enough runs of one budget."""
    budgets: tuple[int, ...]
    pointing: Pointing
    reason: str


def at_paper_settings(spec: RunSpec, provenance: Mapping[str, Any]) -> bool:
    """Tell whether a run speaks for the paper: printed settings, its protocol and, on Meta-World, its budget.

    The published implementation's differences (`as_published`) are allowed: the paper ran them.
    """
    printed, used = provenance.get("printed_settings"), provenance.get("used_settings")
    if not isinstance(printed, dict) or not isinstance(used, dict):
        return False
    if {**printed, "as_published": None} != {**used, "as_published": None}:
        return False
    if departures(spec):
        return False
    protocols = paper.document("tables6_7_8_hyperparameters")
    if spec.environment in paper.table("table1").index:
        protocol = protocols["meta_world_protocol"]
        return bool(
            spec.budget == protocol["environment_steps"]
            and spec.environment_options.get("reward", "v1") == "v1"
            and spec.exploration_episodes == protocol["exploration_trajectories_at_meta_test"]
        )
    protocol = protocols["mujoco_controls_protocol"]
    return bool(spec.exploration_episodes == protocol["exploration_trajectories_at_meta_test"])


def judge_all(results: Results) -> list[Judgement]:
    """Judge every claim, for the plain pair of entries and for every variant of it that ran."""
    done = _settled(results)
    return [judge(claim, done) for claim in _claims(done)]


def directions(results: Results) -> list[Direction]:
    """Say where runs off the paper's settings point, for every claim whose entries all have such runs."""
    done = _settled(results)
    astray = done[~done["at_settings"]]
    return [
        direction(claim, astray)
        for claim in _claims(astray)
        if set(claim.entries) <= set(_concerned(claim, astray)["entry"])
    ]


def _settled(results: Results) -> pd.DataFrame:
    """Return the finished runs with a column `at_settings`."""
    done = results.done
    settings = [at_paper_settings(results.specs[run], results.provenance[run]) for run in done["run"]]
    return done.assign(at_settings=np.array(settings, bool))


def _claims(done: pd.DataFrame) -> list[Claim]:
    found = set(done["entry"])
    endings = {entry.removeprefix("tcl-pearl") for entry in found if entry.startswith("tcl-pearl-")}
    variants = ["", *sorted(ending for ending in endings if f"pearl{ending}" in found)]
    return [claim for variant in variants for claim in claims(variant)]


def judge(claim: Claim, done: pd.DataFrame) -> Judgement:
    """Judge one claim on finished runs.

    Parameters
    ----------
    done : `Results.done` with a column `at_settings`.
    """
    concerned = _concerned(claim, done)
    settled = concerned[concerned["at_settings"]]
    absent = [entry for entry in claim.entries if entry not in set(concerned["entry"])]
    astray = [entry for entry in claim.entries if entry not in set(settled["entry"])]
    runs = concerned if astray else settled
    everywhere = len(runs)
    machines = claim.measure == "seconds_total" and not absent
    if machines:
        runs = _of_one_machine(runs, claim.entries)
    counts = _counts(claim, runs)
    covered = [environment for environment in claim.environments if environment in counts.dropna().index]
    seeds = int(counts.loc[covered].min().min()) if covered else 0
    samples = _samples(claim, runs, covered)
    value, left_out = _value(claim, samples)
    finding = claim.hypothesis(samples) if covered else NOTHING

    verdict: Verdict = "not enough runs"
    if absent:
        reason = f"no finished run of {' or '.join(absent)}"
    elif astray:
        verdict = "not at the paper's settings"
        reason = f"no run of {' or '.join(astray)} has the paper's settings and budget"
    elif machines and not len(runs):
        reason = f"no machine type (processor and device) ran {' and '.join(claim.entries)} on one environment"
    elif len(covered) < len(claim.environments):
        reason = f"{len(covered)} of {len(claim.environments)} environments"
    elif seeds < SEEDS:
        reason = f"{seeds} seeds in some environment, {SEEDS} needed"
    else:
        verdict = {1: "reproduced", 0: "not enough runs", -1: "not reproduced"}[finding.direction]  # type: ignore[assignment]
        reason = said(finding)
    if left_out and not astray:
        reason += (
            f"; the value leaves out {left_out} of {len(covered)} environments, in which {claim.entries[1]}'s mean is"
        )
        reason += " not clearly away from zero"
    if machines and 0 < len(runs) < everywhere:
        reason += f"; on the {len(runs)} of {everywhere} runs made on {runs['machine'].iloc[0]}"
    decided = verdict in {"reproduced", "not reproduced"}
    cost = "" if decided else _cost(claim, settled if astray else runs, finding, seeds)
    return Judgement(claim, value, finding, seeds, len(covered), verdict, reason, cost)


def direction(claim: Claim, astray: pd.DataFrame) -> Direction:
    """Say where runs off the paper's settings point: the claim's own test, on what all of its entries ran alike.

    Only environments count in which every entry has three seeds, all of one budget; seconds, of one machine type.
    """
    runs = _concerned(claim, astray)
    if claim.measure == "seconds_total":
        runs = _of_one_machine(runs, claim.entries)
    counts = _counts(claim, runs)
    budgets = runs.groupby("environment")["budget"].agg(["nunique", "first"])
    places = [
        place
        for place in claim.environments
        if place in counts.index and counts.loc[place].min() >= SEEDS and budgets.loc[place, "nunique"] == 1
    ]
    if not places:
        reason = f"no environment with {SEEDS} seeds of {', '.join(claim.entries)} under one budget"
        return Direction(claim, NOTHING, 0, (), (), "does not say", reason)
    finding = claim.hypothesis(_samples(claim, runs, places))
    pointing: dict[int, Pointing] = {1: "points the same way", 0: "does not say", -1: "points the other way"}
    return Direction(
        claim,
        finding,
        int(counts.loc[places].min().min()),
        tuple(places),
        tuple(sorted({int(budget) for budget in budgets.loc[places, "first"]})),
        pointing[finding.direction],
        said(finding),
    )


def said(finding: Finding) -> str:
    """Say what a test found: the side that is decided with its p-value, or both."""
    if math.isnan(finding.estimate):
        return "the rule leaves no environment to test"
    if finding.direction > 0:
        return f"{p_value(finding.above)} for the claimed side"
    if finding.direction < 0:
        return f"{p_value(finding.below)} for the other side"
    if finding.smallest > LEVEL:
        return f"so few runs cannot decide: no p-value below {finding.smallest:.2g} is possible"
    return f"neither side is decided: {p_value(finding.above)} for the claimed, {p_value(finding.below)} for the other"


def p_value(value: float) -> str:
    """Write a p-value."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _concerned(claim: Claim, done: pd.DataFrame) -> pd.DataFrame:
    return done[done["entry"].isin(claim.entries) & done["environment"].isin(claim.environments)]


def _counts(claim: Claim, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each entry (columns) on each environment; NaN where there is none."""
    return runs.groupby(["environment", "entry"]).size().unstack("entry").reindex(columns=list(claim.entries))


def _of_one_machine(runs: pd.DataFrame, entries: tuple[str, ...]) -> pd.DataFrame:
    """Return the runs of the machine type that ran all entries on the most environments; none if there is no such."""
    best = runs.iloc[:0]
    most = (0, 0)
    for _, group in runs.groupby("machine", sort=True):
        shared = len(common_environments(group, list(entries)))
        if shared and (shared, len(group)) > most:
            best, most = group, (shared, len(group))
    return best


def _samples(claim: Claim, runs: pd.DataFrame, environments: list[str]) -> list[Samples]:
    """Return for each entry of a claim its runs on each environment, in the paper's unit."""
    units = [paper.unit(environment) if claim.measure == "score" else 1.0 for environment in environments]
    return [
        [values / unit for values, unit in zip(strata(runs, entry, environments, claim.measure), units, strict=True)]
        for entry in claim.entries
    ]


def _value(claim: Claim, samples: list[Samples]) -> tuple[float, int]:
    """Compute the claim's statistic as the paper does, and count the environments that it cannot divide in."""
    places = range(len(samples[0]))
    kept = [place for place in places if not claim.divides or clearly_not_zero(samples[1][place])]
    if not kept:
        return math.nan, len(places)
    means = [np.array([entry[place].mean() for place in kept]) for entry in samples]
    return float(claim.statistic(means)), len(places) - len(kept)


def _cost(claim: Claim, settled: pd.DataFrame, finding: Finding, seeds: int) -> str:
    """Say how many more runs at the paper's settings would decide, and how long they take."""
    counts = settled.groupby(["environment", "entry"]).size()
    missing = {
        entry: sum(max(0, SEEDS - int(counts.get((environment, entry), 0))) for environment in claim.environments)
        for entry in claim.entries
    }
    prefix = ""
    if not sum(missing.values()):
        needed = seeds_to_decide(finding, seeds)
        if math.isnan(needed):
            return "not known: nothing varies, or nothing can be tested"
        if math.isinf(needed):
            return "no number of seeds: what is tested lies at the boundary"
        more = int(needed) - seeds
        prefix = f"about {more} more seeds in each environment: "
        missing = dict.fromkeys(claim.entries, more * len(claim.environments))
    runs = sum(missing.values())
    hours = [_hours(entry, settled) for entry in claim.entries]
    if any(math.isnan(each) for each in hours):
        return f"{prefix}{runs} runs"
    total = sum(missing[entry] * each for entry, each in zip(claim.entries, hours, strict=True))
    return f"{prefix}{runs} runs, {total:,.0f} hours of one machine"


def _hours(entry: str, settled: pd.DataFrame) -> float:
    """Hours a run: measured at the paper's settings, else as Table 9 has it; NaN if neither is known."""
    measured = settled.loc[settled["entry"] == entry, "seconds_total"].mean()
    if measured > 0:
        return float(measured) / 3600
    table = paper.table("table9").mean()
    name = entry if entry in table.index else next((known for known in table.index if entry.startswith(str(known))), "")
    return float(table.get(name, math.nan)) / 3600
