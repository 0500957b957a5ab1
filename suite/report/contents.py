"""The contents of the report, computed once: analysis on one side, the page and the plain tables on the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from algorithms import ENTRANTS
from suite.analysis.adaptation import BLIND, adaptation
from suite.analysis.aggregates import performance_profile
from suite.analysis.efficiency import efficiency
from suite.analysis.intervals import curve_bands, score_table
from suite.analysis.learning import learning
from suite.analysis.ranking import against_best, comparisons_alike, most_telling, normalised, ranking, win_matrix
from suite.analysis.results import Results
from suite.analysis.sequential import SequentialTest, sequential_tests
from suite.analysis.stepwise import return_by_adaptations
from suite.analysis.strata import strata
from suite.inspect.cluster_records import ClusterRecord
from suite.inspect.post_run import CLUSTERS
from suite.papers.audit import AuditRow, audit
from suite.papers.claims import Claim
from suite.papers.judgements import DIVERGED, Direction, Judgement, directions, judge_all, settled
from suite.papers.paper import Paper
from suite.papers.statements import label
from suite.plan.deviations import deviations
from suite.plan.environment_sets import kind_of
from suite.plan.seeds import Comparison, published_comparisons
from suite.report.clips import Clip
from suite.report.tables import comparisons as comparison_tables
from suite.report.tables import papers as paper_tables
from suite.report.tables.runs import UsedSettings, settings
from suite.store.runs import Store
from suite.table import Table


@dataclass(frozen=True)
class JudgedPaper:
    """A paper, and what the runs and its own tables say of it."""

    paper: Paper
    judgements: list[Judgement]
    directions: list[Direction]
    audit: list[AuditRow]


TABLES = 8
"""Rankings that are shown; what more there could be is named."""


@dataclass(frozen=True)
class Compared:
    """Entries side by side on environments that all of them finished."""

    entries: list[str]
    environments: list[str]
    ranking: pd.DataFrame
    levels: NDArray[np.float64]
    profiles: dict[str, NDArray[np.float64]]
    """Entry -> (levels, 3): share of runs above each level, low, high."""


@dataclass(frozen=True)
class Contents:
    """Results, and everything computed from them."""

    results: Results
    order: list[str]
    """Entries; the position decides colour and marker."""
    units: dict[str, float]
    """Environment -> what its returns are divided by."""
    scores: pd.DataFrame
    bands: pd.DataFrame
    papers: list[JudgedPaper]
    plain_papers: Sequence[Paper]
    """Those that are judged, and the others whose values and settings stand beside these runs."""
    unit_names: dict[str, str]
    """Environment -> what its returns are in, where that is no plain return."""
    compared: list[Compared]
    left_out: list[tuple[list[str], list[str]]]
    """Entries that could stand side by side on environments that all of them finished, but are not shown so."""
    matrix: pd.DataFrame
    efficiency: pd.DataFrame
    adaptation: pd.DataFrame
    by_adaptations: pd.DataFrame
    """Scores of runs that were tested step by step; see `suite.analysis.stepwise`."""
    clusters: list[ClusterRecord]
    """Records of runs whose embeddings were judged, in the order of `Results.runs`; labelled by their entries."""
    sequential: list[SequentialTest]
    """Tests of the comparisons that decide how many seeds there are."""
    pairs: Sequence[tuple[str, str]] = ()
    """The entries that the benchmark asks to be compared."""
    clips: Mapping[str, Sequence[Clip]] = field(default_factory=dict)
    """Run -> clips of its trained agent."""

    @cached_property
    def learning(self) -> pd.DataFrame:
        """The seeds of each entry that learned; see `suite.analysis.learning`."""
        lost = self.results.lost
        return learning(self.results.done, lost[lost["kind"] == DIVERGED])

    @cached_property
    def settings(self) -> Sequence[UsedSettings]:
        """Settings as used beside the papers'."""
        return settings(self.results, self.plain_papers)

    @cached_property
    def controls(self) -> set[str]:
        """The entries that bound the others: those that are told their task, and the blind one."""
        runs = self.results.runs
        bounds = {
            algorithm
            for algorithm in set(runs["algorithm"])
            if algorithm == BLIND or (algorithm in ENTRANTS and ENTRANTS[algorithm].reads_task_vectors)
        }
        return set(runs.loc[runs["algorithm"].isin(bounds), "entry"])

    @cached_property
    def standing(self) -> pd.DataFrame:
        """The best entry of each environment, and who is worse; see `suite.analysis.ranking.against_best`.

        A comparison that decides how many seeds there are has its own test: where that has not decided, none is worse.
        """
        tried = [entry for entry in self.order if entry not in self.controls]
        table = against_best(self.results.done, tried, self.results.incomplete)
        tests = {(each.comparison.environment, frozenset(each.comparison.entries)): each for each in self.sequential}
        decided = [
            (test := tests.get((row["environment"], frozenset((row["entry"], row["leader"]))))) is None
            or (test.verdict == "decided" and test.comparison.entries[test.analyses[-1].higher] == row["leader"])
            for row in table.to_dict("records")
        ]
        return table.assign(worse=table["worse"] & np.array(decided, bool))

    @cached_property
    def adaptive(self) -> dict[str, set[str]]:
        """Environment -> entries whose seeds were added to decide a comparison."""
        return _adaptive(self.sequential, self.results)

    @property
    def judged(self) -> list[JudgedPaper]:
        """The papers that runs can speak to; others are audited alone."""
        return [each for each in self.papers if each.paper.claims]

    @property
    def reported_and_measured(self) -> list[Table]:
        """The papers' tables over environments beside ours, where any of them ran under its own protocol."""
        deviating = [run for run, spec in self.results.specs.items() if deviations(spec)]
        done = self.results.done[~self.results.done["run"].isin(deviating)]
        found: list[Table | None] = []
        for paper in self.plain_papers:
            scored = settled(paper, self.results)
            counted = paper_tables.summary(paper, scored[~scored["run"].isin(deviating)])
            claimed = {label(entry) for claim in paper.claims for entry in claim.entries}
            found += [
                comparison_tables.with_lost(counted, self.results.lost, claimed, deciding=False),
                *(paper_tables.table(paper, key, done) for key in paper.tables),
            ]
        return [table for table in found if table and table.rows]

    @property
    def reference(self) -> list[Table]:
        """External results, of the papers that list any."""
        found = [paper_tables.reference(paper, set(self.units)) for paper in self.plain_papers]
        return [table for table in found if table.rows]


def _adaptive(tests: Sequence[SequentialTest], results: Results) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    entries = results.done.set_index("run")["entry"].to_dict()
    for each in tests:
        runs = (run for entry in each.comparison.runs for run in entry)
        found.setdefault(each.comparison.environment, set()).update(entries[run] for run in runs if run in entries)
    return found


def adaptive_entries(
    store: Store, results: Results, comparisons: Sequence[Comparison] | None = None
) -> dict[str, set[str]]:
    """Return the entries of each environment whose seeds were added to decide a comparison.

    Parameters
    ----------
    comparisons : what decides; by default that of a store that is a snapshot.
    """
    return _adaptive(_tests(results, deciding(store, comparisons)), results)


def deciding(store: Store, comparisons: Sequence[Comparison] | None) -> Sequence[Comparison]:
    """Return what decides how many seeds there are: what is given, or what a store that is a snapshot says."""
    if comparisons is None:
        return published_comparisons(store.snapshots[0]) if store.is_snapshot else ()
    return comparisons


def adaptive_claims(adaptive: Mapping[str, set[str]], judged: Iterable[Judgement | Direction]) -> set[str]:
    """Name the claims that rest on runs of entries whose seeds were added, in any of their environments."""
    return {
        each.claim.name
        for each in judged
        if each.environments
        and any(adaptive.get(environment, set()) & set(each.claim.entries) for environment in each.claim.environments)
    }


def _tests(results: Results, comparisons: Sequence[Comparison]) -> list[SequentialTest]:
    return sequential_tests(
        comparisons, dict(zip(results.done["run"], results.done["score"].astype(float), strict=True))
    )


def contents(
    results: Results,
    papers: Sequence[Paper],
    comparisons: Sequence[Comparison] = (),
    judged: Sequence[Paper] | None = None,
    pairs: Sequence[tuple[str, str]] = (),
) -> Contents:
    """Compute everything that the report shows.

    Parameters
    ----------
    papers : those whose values and settings stand beside the runs; the first with a unit for a task family decides how
        its returns are shown.
    comparisons : what decides how many seeds there are.
    judged : those of them whose claims are judged; by default all.
    pairs : the entries that the benchmark asks to be compared.
    """
    done, embedded = results.done, results.found_by(CLUSTERS)
    order = entries(results.runs, papers)
    finished = [entry for entry in order if entry in set(done["entry"])]
    shown, left_out = most_telling(comparisons_alike(done, finished), TABLES)
    found = units(papers, done)
    return Contents(
        results=results,
        order=order,
        units=found,
        scores=score_table(done),
        bands=curve_bands(results.curves),
        papers=[
            JudgedPaper(paper, judge_all(paper, results), directions(paper, results), audit(paper, paper.checks))
            for paper in (papers if judged is None else judged)
        ],
        plain_papers=papers,
        unit_names=_unit_names(papers, found),
        compared=[_compared(done, *alike) for alike in shown],
        left_out=left_out,
        matrix=win_matrix(done, finished, incomplete=results.incomplete),
        efficiency=efficiency(done, results.curves),
        adaptation=adaptation(done, incomplete=results.incomplete),
        by_adaptations=return_by_adaptations(results.adaptations),
        clusters=[
            embedded[row["run"]].model_copy(update={"label": row["entry"]})
            for row in done.to_dict("records")
            if row["run"] in embedded
        ],
        sequential=_tests(results, comparisons),
        pairs=pairs,
    )


def concerned(papers: Sequence[Paper], results: Results) -> list[Paper]:
    """Return the papers with a claim all of whose entries are among the runs, on one of its environments at least."""
    runs = results.runs[results.runs["entry"].notna()]
    planned = {(results.specs[row["run"]].label, row["environment"]) for row in runs.to_dict("records")}

    def speaks(claim: Claim) -> bool:
        return any(all((label(entry), place) in planned for entry in claim.entries) for place in claim.environments)

    labels = {entry for entry, _ in planned}
    return [paper for paper in papers if any(speaks(claim) for claim in paper.variants(labels))]


def _unit_names(papers: Sequence[Paper], environments: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for environment in environments:
        for paper in papers:
            if unit := paper.about.units.get(kind_of(environment) or ""):
                found.setdefault(environment, unit.name)
    return found


def _compared(done: pd.DataFrame, names: list[str], environments: list[str]) -> Compared:
    scaled = normalised(done)
    scaled = scaled[scaled["environment"].isin(environments) & scaled["entry"].isin(names)]
    places = sorted(set(scaled["environment"]))
    low, high = (scaled["normalised"].min(), scaled["normalised"].max()) if places else (0.0, 1.0)
    levels = np.linspace(min(0.0, low) - 0.05, max(1.0, high) + 0.05, 61)
    profiles = {
        name: performance_profile(strata(scaled, name, places, "normalised"), levels) for name in names if places
    }
    return Compared(names, environments, ranking(done, names, environments), levels, profiles)


def units(papers: Sequence[Paper], done: pd.DataFrame) -> dict[str, float]:
    """Return what the returns of each environment are divided by: the first paper with a unit decides."""
    return {
        environment: next((unit for paper in papers if (unit := paper.unit(environment)) != 1.0), 1.0)
        for environment in sorted(set(done["environment"]))
    }


def entries(runs: pd.DataFrame, papers: Sequence[Paper]) -> list[str]:
    """Order the entries: those that papers make claims of first, so that they keep their colours and markers."""
    found = set(runs["entry"].dropna())
    known = dict.fromkeys(entry for paper in papers for claim in paper.claims for entry in claim.entries)
    return [entry for entry in known if entry in found] + sorted(found - known.keys())
