"""What the report says, computed once: analysis on one side, the page and the plain tables on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite.analysis.adaptation import adaptation
from suite.analysis.aggregates import performance_profile
from suite.analysis.efficiency import efficiency
from suite.analysis.intervals import curve_bands, score_table
from suite.analysis.ranking import comparisons_alike, normalised, ranking, strata, win_matrix
from suite.analysis.results import Results
from suite.inspect.cluster_records import ClusterRecord
from suite.papers import paper
from suite.papers.audit import AuditRow, audit
from suite.papers.folder import read_paper, shipped_papers
from suite.papers.judgements import Direction, Judgement, directions, judge_all
from suite.plan.departures import departures
from suite.report import compared, embedded, judged, ran
from suite.table import Table

KNOWN_ENTRIES = ("tcl-pearl", "pearl", "oracle-sac", "blind-sac", "mql", "rl2-ppo", "maml-trpo")
"""Entries that always look the same; others follow by name."""


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
    judgements: list[Judgement]
    audit: list[AuditRow]
    directions: list[Direction]
    compared: list[Compared]
    matrix: pd.DataFrame
    efficiency: pd.DataFrame
    adaptation: pd.DataFrame
    clusters: list[ClusterRecord]
    """Of runs whose embeddings were judged, in the order of `Results.runs`; labelled by their entries."""

    @property
    def tables(self) -> list[Table]:
        """All tables that hold something, in the order of the page."""
        found = [
            judged.claims(self.judgements),
            judged.directions(self.directions),
            *(
                compared.ranking(number, group.ranking, group.environments)
                for number, group in enumerate(self.compared)
            ),
            ran.scores(self.scores, self.units),
            ran.protocols(self.results),
            *self.beside_the_paper,
            compared.wins(self.matrix),
            judged.adaptation(self.adaptation, self.units),
            compared.efficiency(self.efficiency, self.units),
            ran.wall_clock(self.results.done),
            *([embedded.table(self.clusters)] if self.clusters else []),
            judged.audit(self.audit),
        ]
        return [table for table in found if table.rows]

    @property
    def beside_the_paper(self) -> list[Table]:
        """The paper's Tables 1, 3 and 9 beside ours, where any of their environments ran under its protocol."""
        departing = [run for run, spec in self.results.specs.items() if departures(spec)]
        done = self.results.done[~self.results.done["run"].isin(departing)]
        scores = score_table(done)
        found = [compared.table1(scores), compared.table3(scores), compared.table9(done)]
        return [table for table in found if table.rows]


def contents(results: Results) -> Contents:
    """Compute everything that the report shows."""
    done = results.done
    order = entries(results.runs)
    finished = [entry for entry in order if entry in set(done["entry"])]
    return Contents(
        results=results,
        order=order,
        units={environment: paper.unit(environment) for environment in sorted(set(done["environment"]))},
        scores=score_table(done),
        bands=curve_bands(results.curves),
        judgements=judge_all(results),
        audit=[row for name in shipped_papers() for row in audit(read_paper(name))],
        directions=directions(results),
        compared=[_compared(done, *alike) for alike in comparisons_alike(done, finished)],
        matrix=win_matrix(done, finished),
        efficiency=efficiency(done, results.curves),
        adaptation=adaptation(done),
        clusters=[
            results.clusters[row["run"]].model_copy(update={"label": row["entry"]})
            for row in done.to_dict("records")
            if row["run"] in results.clusters
        ],
    )


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


def entries(runs: pd.DataFrame) -> list[str]:
    """Order the entries: the known ones first, so that they keep their looks."""
    found = set(runs["entry"].dropna())
    return [entry for entry in KNOWN_ENTRIES if entry in found] + sorted(found - set(KNOWN_ENTRIES))
