"""The paper's claims judged on our own runs: value, interval over seeds, rule, verdict, and the cost of deciding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from suite.analysis.aggregates import statistic_of_means
from suite.analysis.ranking import common_environments, strata
from suite.analysis.results import Results
from suite.papers import paper
from suite.papers.claims import Claim, claims
from suite.plan.departures import departures
from suite.spec import RunSpec

Verdict = Literal["reproduced", "not reproduced", "not enough runs", "not at the paper's settings"]

SEEDS = 3
"""Seeds of the paper; fewer decide nothing."""


@dataclass(frozen=True)
class Judgement:
    """A claim as our runs have it."""

    claim: Claim
    value: float
    low: float
    high: float
    seeds: int
    """The fewest in any environment that counts."""
    environments: int
    """Environments in which every entry that the claim speaks of has a run."""
    verdict: Verdict
    reason: str
    cost: str
    """What it would take to decide."""


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
    done = results.done
    settings = [at_paper_settings(results.specs[run], results.provenance[run]) for run in done["run"]]
    done = done.assign(at_settings=np.array(settings, bool))
    found = set(done["entry"])
    endings = {entry.removeprefix("tcl-pearl") for entry in found if entry.startswith("tcl-pearl-")}
    variants = ["", *sorted(ending for ending in endings if f"pearl{ending}" in found)]
    return [judge(claim, done) for variant in variants for claim in claims(variant)]


def judge(claim: Claim, done: pd.DataFrame) -> Judgement:
    """Judge one claim on finished runs.

    Parameters
    ----------
    done : `Results.done` with a column `at_settings`.
    """
    concerned = done[done["entry"].isin(claim.entries) & done["environment"].isin(claim.environments)]
    settled = concerned[concerned["at_settings"]]
    absent = [entry for entry in claim.entries if entry not in set(concerned["entry"])]
    astray = [entry for entry in claim.entries if entry not in set(settled["entry"])]
    runs = concerned if astray else settled
    everywhere = len(runs)
    machines = claim.measure == "seconds_total" and not absent
    if machines:
        runs = _of_one_machine(runs, claim.entries)
    counts = runs.groupby(["environment", "entry"]).size().unstack("entry").reindex(columns=list(claim.entries))
    covered = [environment for environment in claim.environments if environment in counts.dropna().index]
    seeds = int(counts.loc[covered].min().min()) if covered else 0
    value, low, high = _value(claim, runs, covered)

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
    elif low > claim.side:
        verdict, reason = "reproduced", f"the interval lies above {claim.side:g}"
    elif high < claim.side:
        verdict, reason = "not reproduced", f"the interval lies below {claim.side:g}"
    elif math.isnan(low):
        reason = "no interval: the rule leaves no environment in some resamples"
    else:
        reason = f"the interval holds {claim.side:g}"
    if machines and 0 < len(runs) < everywhere:
        reason += f"; on the {len(runs)} of {everywhere} runs made on {runs['machine'].iloc[0]}"
    decided = verdict in {"reproduced", "not reproduced"}
    cost = "" if decided else _cost(claim, settled if astray else runs, (value, low, high), seeds)
    return Judgement(claim, value, low, high, seeds, len(covered), verdict, reason, cost)


def _of_one_machine(runs: pd.DataFrame, entries: tuple[str, ...]) -> pd.DataFrame:
    """Return the runs of the machine type that ran all entries on the most environments; none if there is no such."""
    best = runs.iloc[:0]
    most = (0, 0)
    for _, group in runs.groupby("machine", sort=True):
        shared = len(common_environments(group, list(entries)))
        if shared and (shared, len(group)) > most:
            best, most = group, (shared, len(group))
    return best


def _value(claim: Claim, runs: pd.DataFrame, environments: list[str]) -> tuple[float, float, float]:
    """Compute the claim's statistic on the environments at hand, in the paper's unit."""
    if not environments:
        return math.nan, math.nan, math.nan
    unit = np.array([paper.unit(environment) if claim.measure == "score" else 1.0 for environment in environments])
    measured = [
        [values / scale for values, scale in zip(strata(runs, entry, environments, claim.measure), unit, strict=True)]
        for entry in claim.entries
    ]
    return statistic_of_means(measured, claim.statistic)


def _cost(claim: Claim, settled: pd.DataFrame, found: tuple[float, float, float], seeds: int) -> str:
    """Say how many more runs at the paper's settings would decide, and how long they take."""
    counts = settled.groupby(["environment", "entry"]).size()
    missing = {
        entry: sum(max(0, SEEDS - int(counts.get((environment, entry), 0))) for environment in claim.environments)
        for entry in claim.entries
    }
    prefix = ""
    if not sum(missing.values()):
        value, low, high = found
        distance = abs(value - claim.side)
        if math.isnan(high - low):
            return "not known: there is no interval to shrink"
        if not distance > 0:
            return "no number of seeds: the value lies on the boundary"
        # The interval shrinks with the square root of the number of seeds.
        more = max(1, math.ceil(seeds * ((high - low) / 2 / distance) ** 2) - seeds)
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
