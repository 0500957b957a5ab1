"""Every claim of every shipped paper can be decided, for and against, by the benchmark that ships for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
import pytest

from suite.analysis import comparisons
from suite.analysis.results import CURVE_COLUMNS, Results
from suite.papers.claims import Claim
from suite.papers.folder import AFTER, agrees, shipped_papers
from suite.papers.judgements import judge, settled
from suite.papers.paper import Paper, read_papers
from suite.papers.statements import MostWins, PrintedValue, label
from suite.plan.benchmark import SUITE, load_benchmark
from suite.spec import RunSpec, StepwiseTest
from suite.store.record import ADAPTATIONS
from tests.suite.papers.planned import Run, finished

PAPERS = {paper.name: paper for paper in read_papers()}
SHIPPED = {
    name: sorted(path.stem for path in (SUITE / "papers" / name.replace("-", "_") / "benchmarks").glob("*.yaml"))
    for name in PAPERS
}
CLAIMS = [
    (name, claim)
    for name, paper in PAPERS.items()
    for claim in paper.variants(
        {f"{entry}-{variant.ending}" for variant, _ in paper.settings.variants for entry in variant.entries}
    )
]
PROVENANCE = {"machine": {"processor": "a processor"}, "device": "cpu"}


@cache
def settled_runs(name: str, benchmark: str) -> list[RunSpec]:
    """Return the runs of a benchmark that are at a paper's settings."""
    return [spec for spec in load_benchmark(benchmark).plan() if PAPERS[name].settings.speaks(spec)]


def serving(paper: Paper, claim: Claim) -> list[RunSpec]:
    """Return the runs of the one benchmark of a paper that holds all runs at its settings that a claim needs."""
    for benchmark in SHIPPED[paper.name]:
        runs = [
            spec
            for spec in settled_runs(paper.name, benchmark)
            if spec.label in map(label, claim.entries) and spec.environment in claim.environments
        ]
        needed = {(label(entry), place) for entry in claim.entries for place in claim.environments}
        if {(spec.label, spec.environment) for spec in runs} == needed:
            return runs
    raise AssertionError(f"no benchmark of {paper.name} serves {claim.name}")


def synthetic(claim: Claim, runs: Sequence[RunSpec], holds: bool) -> Results:
    """Make results up in which the first entry stands clearly on one side of the claim's boundary."""
    first, last = claim.entries[0], claim.entries[-1]
    made: list[Run] = []
    curves = []
    for spec in runs:
        noise = 1 + 0.001 * spec.seed
        # Where three entries are compared, the last is what the first two have to match.
        ours = spec.label == first or (claim.about.statistic == "share matching" and spec.label != last)  # type: ignore[attr-defined]
        score = (10_000.0 if ours == holds else 4_000.0) * noise
        if isinstance(claim.about, MostWins) and spec.label in claim.entries[2:]:
            score = 1_000.0 * noise  # of the rivals one alone is strong, else none wins more than the first
        seconds = 3600.0 * (2 if ours == holds else 1) * noise
        made.append((spec, score, {**PROVENANCE, "seconds_total": seconds}))
        steps = np.linspace(0, spec.budget, 51)
        # The faster entry stands at the level after its first evaluation, the other after most of its budget.
        reached = spec.budget * (0.02 if ours == holds else 0.7) * noise
        score = 10_000.0 * noise
        if claim.about.measure != "steps":
            continue
        curves.append(
            pd.DataFrame(
                {
                    "run": spec.run,
                    "entry": spec.label,
                    "environment": spec.environment,
                    "seed": spec.seed,
                    "environment_steps": steps,
                    "gradient_steps": 0,
                    "return": score * np.minimum(1, steps / reached),
                    "success": 0.0,
                },
                columns=list(CURVE_COLUMNS),
            )
        )
    results = finished(made, pd.concat(curves, ignore_index=True) if curves else None)
    stepwise = [step_by_step(claim, spec, holds) for spec in runs if spec.stepwise_test]
    return replace(results, adaptations=pd.concat(stepwise, ignore_index=True)) if stepwise else results


def step_by_step(claim: Claim, spec: RunSpec, holds: bool) -> pd.DataFrame:
    """Make up what a run returns after each adaptation, before training and after it."""
    rows = []
    for entry in claim.entries:
        if label(entry) == spec.label:
            if isinstance(claim.about, PrintedValue):
                trained = float(claim.about.published) * (1.0 if holds else 2.0)
            else:
                trained = -10.0 if (entry == claim.entries[0]) == holds else -20.0
            number = int(entry.partition(AFTER)[2])
            rows += [(spec.run, 0, number, -100.0), (spec.run, spec.budget, number, trained - 0.001 * spec.seed)]
    return pd.DataFrame(rows, columns=["run", "environment_steps", ADAPTATIONS, "return"])


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize(("name", "claim"), CLAIMS, ids=[f"{name}: {claim.name}" for name, claim in CLAIMS])
def test_every_claim_can_be_decided_either_way(name: str, claim: Claim, holds: bool) -> None:
    paper = PAPERS[name]
    runs = serving(paper, claim)
    assert len(runs) >= paper.about.seeds * len({*map(label, claim.entries)}) * len(claim.environments)
    stated = holds if claim.about.side == "above" else not holds
    results = synthetic(claim, runs, stated)
    found = judge(paper, claim, settled(paper, results), results.curves)
    assert found.verdict == claim.about.verdicts[1 if holds else -1], found.reason


@pytest.mark.parametrize("name", shipped_papers())
def test_every_benchmark_of_a_paper_speaks_for_a_claim(name: str) -> None:
    paper = PAPERS[name]
    judged = {
        (label(entry), place) for claim in paper.claims for entry in claim.entries for place in claim.environments
    }
    for benchmark in SHIPPED[name]:
        # Parts of the method one at a time, and hosts that the paper does not show: no claim that it prints.
        if benchmark not in ("tcl-ablation", "tcl-hosts"):
            assert any((spec.label, spec.environment) in judged for spec in settled_runs(name, benchmark))


WITH_TABLES = [(name, claim) for name, claim in CLAIMS if claim.about.table and not claim.variant]


@pytest.mark.parametrize(("name", "claim"), WITH_TABLES, ids=[claim.name for _, claim in WITH_TABLES])
def test_a_claims_statistic_gives_the_published_value_on_the_papers_own_table(name: str, claim: Claim) -> None:
    """The functions that judge our runs, on the paper's numbers."""
    table = PAPERS[name].table(str(claim.about.table))
    means = [table.scores(entry, claim.environments) for entry in claim.entries]
    value = claim.about.of_means(means)  # type: ignore[attr-defined]
    assert agrees(claim.about.published, Fraction(repr(round(value, 9))))


def test_the_failure_threshold_is_the_smallest_that_fits() -> None:
    paper = PAPERS["tcl-pearl"]
    table = paper.table("table1")
    codes = np.array(
        [{"better": 1, "comparable": 0, "worse": -1}[g] for g in table.column("paper_group", numbers=False)]
    )
    found = comparisons.failure_range(table.numbers("tcl-pearl"), table.numbers("pearl"), codes)
    assert found is not None
    claim = next(claim for claim in paper.claims if claim.key == "ml1_better_or_comparable")
    assert claim.about.failure == found[0] == 2.53  # type: ignore[attr-defined]
    assert table.about.groups is not None
    assert table.about.groups.failure == found[0]


@pytest.mark.parametrize("name", [name for name, paper in PAPERS.items() if paper.claims])
def test_every_setting_of_every_judged_entry_has_one_source(name: str) -> None:
    paper = PAPERS[name]
    kinds = set()
    for claim in paper.claims:
        for entry in map(label, claim.entries):
            for environment in claim.environments:
                rows = paper.settings.of(entry, environment)
                expected = paper.settings.expected(entry, environment)
                assert set(expected.settings) <= set(rows)
                assert all(row.source for row in rows.values())
                kinds |= {row.kind for row in rows.values()}
    assert kinds == {"printed", "authors' code", "ours"}


def test_a_run_counts_for_a_paper_only_under_its_step_by_step_test() -> None:
    settings = PAPERS["maml"].settings
    spec = next(spec for spec in load_benchmark("maml").plan() if spec.label == "maml")
    assert settings.speaks(spec)
    for other in (None, StepwiseTest(adaptations=3, steps=4000), StepwiseTest(adaptations=4, steps=2000)):
        assert not settings.speaks(spec.model_copy(update={"stepwise_test": other}))
    assert not settings.speaks(spec.model_copy(update={"environment_options": {"test_goals": "drawn"}}))
