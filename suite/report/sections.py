"""The sections of the page: what each is called, shows and holds in tables; page and plain tables loop over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from markupsafe import Markup

from suite.analysis.adaptation import BLIND, ORACLE
from suite.analysis.intervals import curve_bands
from suite.analysis.metrics import at_the_end
from suite.analysis.ranking import comparisons_alike
from suite.analysis.results import WINDOW, Results
from suite.analysis.stepwise import trained_returns
from suite.papers.statements import Verdict
from suite.plan.deviations import in_words
from suite.report import cluster_page, figures
from suite.report.clips import Clip
from suite.report.contents import Compared, Contents, adaptive_claims
from suite.report.glossary import linked, terms
from suite.report.html import drawn, fill
from suite.report.tables import adaptive as adaptive_tables
from suite.report.tables import comparisons as comparison_tables
from suite.report.tables import runs as run_tables
from suite.report.tables import stepwise as stepwise_tables
from suite.report.tables import verdicts as verdict_tables
from suite.report.tables.audit import audit as audit_table
from suite.table import DAGGER_NOTE, Cell, Table, as_csv, as_latex, as_markdown, number

MACHINES_DRAWN = 3
"""Machine types whose seconds are drawn; all are in the table."""
METRICS_DRAWN = 16
"""Figures of metrics; all metrics are in the table."""
LISTED_FROM = 8
"""More environments have contents of their own."""
SEEDS_SHOWN = 5
"""Most entries or seeds of an environment whose single seeds are shown without being asked for."""
SIDE_BY_SIDE = ("median", "IQM", "mean", "optimality gap")
"""Aggregates in the order in which rliable draws them."""
CLAIM_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
IF_GIVEN = {"compatible", "not compatible", "cannot tell", "equivalent", "not equivalent"}
"""Verdicts of printed values and of equivalence, which are counted where there are any."""
PRINTED = ("verdict", "directions", "ranking", "scores", "environments", "adaptations", "own")
"""Sections that paper has by default: answers, the table of a paper, and figures."""
UNDECIDED: tuple[Verdict, ...] = ("cannot tell", "not enough runs", "not at the paper's settings")
"""A paper's claims are folded where all have one of these."""


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    key: str
    """Its anchor without `-section`, and its template in `sections/`."""
    name: str
    """In the navigation."""
    shows: Mapping[str, Any]
    """The values that the template shows."""
    tables: Sequence[Table] = field(default=())
    """The tables that stand for the section where there is no page."""

    @property
    def printed(self) -> bool:
        """True if paper has it by default."""
        return self.key in PRINTED

    @property
    def body(self) -> Markup:
        """The section's contents as HTML."""
        return linked(drawn(fill(f"sections/{self.key}.html.j2", **self.shows)))


@dataclass(frozen=True)
class ShownClip:
    """A clip of an entry's trained agent."""

    series: int
    """The entry's place among all."""
    sign: str
    colour: str
    words: str
    clip: Clip


@dataclass(frozen=True)
class EnvironmentPart:
    """One environment, as the page shows it."""

    key: str
    name: str
    figure: Markup
    remark: str
    beside: str
    """The lines and points that the figure shows beside our runs, in words."""
    clips: Sequence[ShownClip]
    """One an entry: that of its first seed, on its first task, of those that there are."""


@dataclass(frozen=True)
class Square:
    """One cell of the win matrix."""

    probability: str
    limits: str
    """The ends of the 95 % interval."""
    details: str
    tone: str
    """Empty, or the colour that it leans to."""
    mix: int
    """The share of the colour, in percent."""


@dataclass(frozen=True)
class RunDetail:
    """One run, with what the store has of it."""

    run: str
    provenance: Mapping[str, Cell]
    settings: Sequence[tuple[str, str]]
    """Anchor and words of each comparison with a paper's settings."""
    log: str
    """Its end."""
    clips: Sequence[Clip]


def verdict(found: Contents) -> Section | None:
    """The claims of each paper, those decided first, and what its own seeds could decide."""
    if not found.judged:
        return None
    verdicts = [judgement.verdict for each in found.judged for judgement in each.judgements]
    claims = adaptive_claims(found.adaptive, (judgement for each in found.judged for judgement in each.judgements))
    return Section(
        "verdict",
        "Verdict",
        {
            "verdict_counts": {
                verdict: verdicts.count(verdict)
                for verdict in CLAIM_VERDICTS
                if verdict in verdicts or verdict not in IF_GIVEN
            },
            "papers": [
                (
                    each.paper,
                    sorted(each.judgements, key=lambda judgement: CLAIM_VERDICTS.index(judgement.verdict)),
                    verdict_tables.power(each.paper),
                )
                for each in found.judged
            ],
            "rule": verdict_tables.RULE,
            "added": claims,
            "undecided": UNDECIDED,
            "note": DAGGER_NOTE if claims else "",
            "tested": verdict_tables.tested,
            "number": number,
        },
        [
            adaptive_tables.marked(verdict_tables.claims(each.paper, each.judgements), {}, claims)
            for each in found.judged
        ],
    )


def interim_analyses(found: Contents) -> Section | None:
    """Show how the number of seeds was decided."""
    table = adaptive_tables.interim_analyses(found.sequential)
    return Section("interim-analyses", "Seeds", {"table": table}, [table]) if table.rows else None


def reduced_runs(found: Contents) -> Section | None:
    """Show the direction of runs off a paper's settings."""
    tables = [
        adaptive_tables.marked(
            verdict_tables.directions(each.paper, each.directions),
            {},
            adaptive_claims(found.adaptive, each.directions),
        )
        for each in found.papers
        if each.directions
    ]
    return Section("directions", "Reduced runs", {"tables": tables}, tables) if tables else None


def ranking(found: Contents) -> Section:
    """Entries side by side on what all of them ran."""
    parts = [_compared_part(index, group, found) for index, group in enumerate(found.compared)]
    if found.left_out:
        last, drawings = parts[-1]
        parts[-1] = comparison_tables.with_left_out(last, found.left_out), drawings
    return Section("ranking", "Ranking", {"compared": parts}, [table for table, _ in parts])


def scores(found: Contents) -> Section:
    """Final scores as a paper prints them and one a row, and runs under another protocol than the environment's own."""
    short = run_tables.by_environment(
        found.scores, found.order, found.standing, found.units, found.unit_names, found.adaptive
    )
    short = comparison_tables.with_lost(short, found.results.lost, {*found.order} - found.controls)
    short = comparison_tables.with_lost(short, found.results.lost, found.controls, deciding=False)
    table = adaptive_tables.marked(run_tables.scores(found.scores, found.units, found.unit_names), found.adaptive)
    protocols = run_tables.protocols(found.results)
    return Section(
        "scores",
        "Scores",
        {"short": short, "copies": _copies(short), "scores": table, "protocols": protocols},
        [short, table, protocols],
    )


def _copies(table: Table) -> dict[str, str]:
    """Return what the buttons beside a table copy."""
    return {"Markdown": as_markdown(table), "LaTeX": as_latex(table), "CSV": as_csv(table)}


def environments(found: Contents) -> Section:
    """Learning curves, one figure an environment."""
    parts = [_environment_part(f"environment-{index}", name, found) for index, name in enumerate(found.units)]
    seeds = found.scores.groupby("environment")["seeds"]
    shows = {
        "environments": parts,
        "entries": _legend(found),
        "axes": figures.AXES,
        "listed_from": LISTED_FROM,
        "seeds_shown": max(seeds.count().max(), seeds.max().max()) <= SEEDS_SHOWN,
    }
    return Section("environments", "Environments", shows)


def metrics(found: Contents) -> Section | None:
    """Show the success rate and what algorithms and families declare: curves, and means at the end of training."""
    results = found.results
    if results.metrics.empty:
        return None
    words = results.metric_words
    drawings = []
    groups = list(results.metrics.groupby(["environment", "metric"], sort=True))
    places = results.curves[["run", "environment_steps", "gradient_steps", "seconds"]]
    for index, ((environment, metric), rows) in enumerate(groups[:METRICS_DRAWN]):
        runs = rows.rename(columns={"value": "return"}).merge(places, on=["run", "environment_steps"], how="left")
        svg = figures.curves(curve_bands(runs), runs, found.order, {}, {}, quantity=words[str(metric)])
        caption = f"{words[str(metric)]} on {environment}: mean over seeds, and each seed"
        drawings.append((f"metric-{index}", drawn(svg), caption[0].upper() + caption[1:]))
    table = run_tables.metrics(at_the_end(results.metrics, results.done, WINDOW), words)
    shows = {"table": table, "figures": drawings, "undrawn": len(groups) - len(drawings)}
    return Section("metrics", "Metrics", shows, [table])


def step_by_step(found: Contents) -> Section | None:
    """Show the gain of every adaptation of runs that were tested step by step, and of the papers' logs."""
    if found.by_adaptations.empty:
        return None
    logged = stepwise_tables.logged(found.plain_papers)
    table = stepwise_tables.by_adaptations(found.by_adaptations, logged, found.order)
    drawings = []
    for index, (environment, bands) in enumerate(found.by_adaptations.groupby("environment", sort=True)):
        runs = trained_returns(found.results.adaptations)
        here = {key[1:]: mean for key, (mean, _) in logged.items() if key[0] == environment}
        svg = figures.adaptations(bands, runs[runs["environment"] == environment], found.order, here)
        caption = f"Return on {environment} by the number of adaptations: mean over seeds, and each seed"
        drawings.append(
            (f"adaptations-{index}", drawn(svg), caption + "; dotted: a paper's log of one run" * bool(here))
        )
    return Section("adaptations", "Step by step", {"table": table, "figures": drawings}, [table])


def reported_and_measured(found: Contents) -> Section | None:
    """Show the papers' own tables beside what was measured, and external results."""
    tables = [*found.reported_and_measured, *found.reference]
    return Section("paper", "Reported and measured", {"tables": tables}, tables) if tables else None


def wins(found: Contents) -> Section | None:
    """Show which entries beat which."""
    table, squares = comparison_tables.wins(found.matrix), _squares(found)
    table = comparison_tables.with_lost(table, found.results.lost, found.order)
    table = adaptive_tables.marked(table, found.adaptive)
    note = DAGGER_NOTE if found.adaptive else ""
    shows = {"squares": squares, "wins": _early(table, "decision", 2), "note": note}
    return Section("wins", "Wins", shows, [table]) if squares else None


def _early(table: Table, key: str, place: int) -> Table:
    """Move a column to an earlier place, so that a page that is too narrow for the table does not cut it."""
    keys = list(table.columns)
    order = [each for each in range(len(keys)) if keys[each] != key]
    order.insert(place, keys.index(key))
    columns = {keys[each]: table.columns[keys[each]] for each in order}
    return replace(table, columns=columns, rows=tuple(tuple(row[each] for each in order) for row in table.rows))


def control(found: Contents) -> Section | None:
    """Show in which environments adaptation helps."""
    table = verdict_tables.adaptation(found.adaptation, found.units)
    table = comparison_tables.with_lost(table, found.results.lost, (BLIND, "pearl", ORACLE))
    table = adaptive_tables.marked(table, found.adaptive, set(found.adaptive))
    return Section("control", "Control", {"control": table}, [table]) if table.rows else None


def efficiency(found: Contents) -> Section:
    """Show how soon entries learn."""
    table = adaptive_tables.marked(comparison_tables.efficiency(found.efficiency, found.units), found.adaptive)
    return Section("efficiency", "Efficiency", {"efficiency": table}, [table])


def wall_clock(found: Contents) -> Section:
    """Show what the runs' time was spent on."""
    table = run_tables.wall_clock(found.results.done)
    return Section("wall-clock", "Wall-clock", {"wall_clock": table, "figures": _wall_clock_figures(found)}, [table])


def clusters(found: Contents) -> Section:
    """Show how well context encoders distinguish tasks."""
    if not found.clusters:
        return Section("clusters", "Clusters", {"clusters": None})
    shown = cluster_page.section(found.clusters, found.plain_papers)
    shown = replace(shown, over_seeds=adaptive_tables.marked(shown.over_seeds, found.adaptive))
    return Section("clusters", "Clusters", {"clusters": shown}, [shown.over_seeds, shown.table])


def runs(found: Contents) -> Section:
    """The state of every run, and why some failed."""
    return Section(
        "runs",
        "Runs",
        {
            "glyphs": run_tables.GLYPHS,
            "others": found.results.others,
            "published": found.results.snapshots,
            "snapshots": Counter(found.results.snapshots.values()),
            "entries": _legend(found),
            "run_matrix": _run_matrix(found.results, found.order),
            "failed": _failed(found.results),
            "details": _details(found),
            "started_again": {
                run: run_tables.times(count) for run, count in run_tables.started_again(found.results).items()
            },
        },
    )


def provenance(found: Contents) -> Section:
    """Machines, commits, and settings with the papers'."""
    shows = {
        "machines": run_tables.machines(found.results),
        "provenance": run_tables.provenance(found.results),
        "settings": [each.table for each in found.settings],
    }
    return Section("provenance", "Provenance", shows)


def audit(found: Contents) -> Section | None:
    """Show whether the papers' own tables add up."""
    if not found.papers:
        return None
    tables = [audit_table(each.paper, each.audit) for each in found.papers]
    return Section("audit", "Audit of the papers", {"tables": tables}, tables)


def glossary(found: Contents) -> Section:
    """Say what the words mean."""
    return Section("glossary", "Glossary", {"terms": terms()})


ALWAYS: tuple[Callable[[Contents], Section | None], ...] = (verdict, reduced_runs, interim_analyses)
ONCE_DONE: tuple[Callable[[Contents], Section | None], ...] = (
    ranking,
    scores,
    environments,
    metrics,
    step_by_step,
    reported_and_measured,
    wins,
    control,
    efficiency,
    wall_clock,
    clusters,
)
"""The sections that need finished runs."""
AT_THE_END: tuple[Callable[[Contents], Section | None], ...] = (runs, provenance, audit, glossary)

AXIS = 1.5
"""External results are drawn up to this multiple of our longest: the axis is made for ours."""


def sections(found: Contents) -> list[Section]:
    """Return the sections that have something to show, in the order of the page."""
    made = (*ALWAYS, *(ONCE_DONE if len(found.results.done) else ()), *AT_THE_END)
    return [section for make in made if (section := make(found)) is not None]


def _legend(found: Contents) -> list[tuple[Any, ...]]:
    """Return (index, entry, colour, sign, whether both were used before) of each entry."""
    return [(index, entry, *figures.style(index)) for index, entry in enumerate(found.order)]


def _environment_part(key: str, name: str, found: Contents) -> EnvironmentPart:
    runs = found.results.curves[found.results.curves["environment"] == name]
    deviating = _deviating(found.results, name)
    here = set(runs["entry"]) - set(deviating)
    end_values: dict[str, float] = {}
    points: dict[str, list[tuple[float, float]]] = {}
    later: list[str] = []
    for paper in found.plain_papers:
        for entry, value in paper.end_values(name).items():
            if entry in here:
                end_values.setdefault(entry, value * paper.unit(name) / found.units[name])
        for run in paper.reference:
            if run.environment == name and run.entry in here and run.comparable != "no" and run.environment_steps:
                point = (run.environment_steps, run.value / found.units[name])
                if run.environment_steps <= AXIS * runs["environment_steps"].max():
                    points.setdefault(run.entry, []).append(point)
                else:
                    later.append(f"{run.entry} {point[1]:,.4g} after {point[0]:,} steps")
    svg = figures.curves(
        found.bands[found.bands["environment"] == name],
        runs,
        found.order,
        end_values,
        points,
        found.units[name],
    )
    verdicts = found.adaptation.set_index("environment")["verdict"]
    remarks = [f"Protocol deviations: {entry} ({words})." for entry, words in deviating.items()]
    if verdicts.get(name) == "needs no adaptation":
        remarks.append(
            "This environment needs no adaptation: blind-sac, which never learns its task, scores as well as pearl."
        )
    learning = found.learning[found.learning["environment"] == name].to_dict("records")
    if some := [
        f"{row['entry']} ({row['learned']} of {row['seeds']})" for row in learning if row["learned"] < row["seeds"]
    ]:
        remarks.append(f"Did not learn on every seed: {comparison_tables.listed(some)}.")
    if entries := found.adaptive.get(name):
        remarks.append(f"Seeds of {comparison_tables.listed(sorted(entries))} were added to decide their comparison.")
    return EnvironmentPart(
        key,
        name,
        drawn(svg),
        " ".join(remarks),
        "; ".join(
            ["dotted: the paper's final score"] * bool(end_values)
            + ["hollow: external results"] * bool(points)
            + [f"external results beyond the axis: {', '.join(later)}"] * bool(later)
        ),
        _shown_clips(name, found),
    )


def _shown_clips(environment: str, found: Contents) -> list[ShownClip]:
    done = found.results.done
    filmed = done[(done["environment"] == environment) & done["run"].isin(list(found.clips))].sort_values("seed")
    runs = {row["entry"]: row for row in filmed.drop_duplicates("entry").to_dict("records")}
    shown = []
    for series, entry in enumerate(found.order):
        if entry in runs:
            colour, sign, _ = figures.style(series)
            clip = found.clips[runs[entry]["run"]][0]
            words = f"{entry}, seed {runs[entry]['seed']}, test task {clip.task}"
            shown.append(ShownClip(series, sign, colour, words, clip))
    return shown


def _deviating(results: Results, environment: str) -> dict[str, str]:
    """Return the entries with runs under another protocol than the environment's own, and what they depart by."""
    runs = results.runs[results.runs["environment"] == environment]
    words = {row["entry"]: in_words(results.specs[row["run"]]) for row in runs.to_dict("records")}
    return {entry: found for entry, found in words.items() if found}


def _compared_part(index: int, group: Compared, found: Contents) -> tuple[Table, list[tuple[str, Markup, str]]]:
    """Return the table of entries side by side, and (key, figure, caption) of each of its figures."""
    order = found.order
    here = {name: entries for name, entries in found.adaptive.items() if name in group.environments}
    table = adaptive_tables.marked(comparison_tables.ranking(index, group.ranking, group.environments), here)
    if not group.profiles:
        return table, []
    aggregates, profiles = f"{table.key}-aggregates", f"{table.key}-profiles"
    return table, [
        (
            aggregates,
            drawn(figures.aggregates(aggregates, group.ranking, SIDE_BY_SIDE, order)),
            "Aggregates of normalised scores; 95 % interval over seeds, where the table has one",
        ),
        (
            profiles,
            drawn(figures.profiles(group.levels, group.profiles, order)),
            "Performance profiles: how many runs score above each level; 95 % interval where some but not all do",
        ),
    ]


def _wall_clock_figures(found: Contents) -> list[tuple[str, Markup, str]]:
    """Return (key, figure, caption) of the machine types with the most runs: entries on what all of them ran there."""
    parts = {"seconds_sampling": "sampling", "seconds_updating": "updating", "seconds_evaluating": "evaluating"}
    groups = sorted(found.results.done.groupby("machine"), key=lambda group: (-len(group[1]), str(group[0])))
    drawings = []
    for index, (machine, runs) in enumerate(groups[:MACHINES_DRAWN]):
        here = [entry for entry in found.order if entry in set(runs["entry"])]
        for names, environments in comparisons_alike(runs, here)[:1] or [(here[:1], sorted(set(runs["environment"])))]:
            alike = runs[runs["entry"].isin(names) & runs["environment"].isin(environments)]
            seconds = alike.groupby(["entry", "environment"])[list(parts)].mean().groupby("entry").mean()
            key = f"wall-clock-split-{index}" if index else "wall-clock-split"
            drawing = figures.split_bars(key, seconds.loc[names].rename(columns=parts))
            where = f"{comparison_tables.listed(environments)}, which all of these entries ran on {machine}"
            drawings.append((key, drawn(drawing), f"Time a run, by what it was spent on: mean over {where}"))
    return drawings


def _squares(found: Contents) -> list[tuple[str, list[Square | None]]]:
    """Arrange the win matrix: one row an entry, one square an opponent; None where nothing compares."""
    rows = {(row["ours"], row["theirs"]): row for row in found.matrix.to_dict("records")}
    names = [entry for entry in found.order if any(entry == ours for ours, _ in rows)]
    square = []
    for ours in names:
        cells: list[Square | None] = []
        for theirs in names:
            row = rows.get((ours, theirs))
            if row is None:
                cells.append(None)
                continue
            lean = row["probability"] - 0.5
            tied = f", {row['ties']} tied" if row["ties"] else ""
            cells.append(
                Square(
                    f"{row['probability']:.2f}",
                    f"[{row['low']:.2f}, {row['high']:.2f}]",
                    f"{row['wins']} won{tied}, {row['losses']} lost of {row['environments']}",
                    "" if lean == 0 else "var(--s1)" if lean > 0 else "var(--s0)",
                    round(abs(lean) * 70),
                )
            )
        square.append((ours, cells))
    return square


def _run_matrix(results: Results, order: Sequence[str]) -> list[tuple[str, list[list[tuple[int, str, str]]]]]:
    """Return one row an environment; one cell an entry; one (seed, state, run) a run."""
    runs = results.runs
    cells: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for row in runs[runs["entry"].notna()].to_dict("records"):
        state = _shown_state(row["state"], results.each[row["run"]].failure)
        cells.setdefault((row["environment"], row["entry"]), []).append((int(row["seed"]), state, row["run"]))
    names = sorted({environment for environment, _ in cells})
    return [(name, [sorted(cells.get((name, entry), [])) for entry in order]) for name in names]


def _shown_state(state: str, failure: Mapping[str, Any]) -> str:
    """Return a run's state as the page shows it: running out of time is told from other failures."""
    return "timed out" if state == "failed" and failure.get("kind") in {"time", "silence"} else state


def _details(found: Contents) -> list[RunDetail]:
    """Return what the store has of each run that is done, in the order of the page."""
    links: dict[str, list[tuple[str, str]]] = {}
    for each in found.settings:
        for run in each.runs:
            links.setdefault(run, []).append((f"{each.table.key}-title", each.compared))
    table = run_tables.provenance(found.results)
    details = []
    for cells in table.rows:
        row = dict(zip(table.columns, cells, strict=True))
        run = str(row.pop("run"))
        if found.results.each[run].state == "done":
            elsewhere = ("state", "entry", "seed", "command")  # in the matrix and in Provenance
            named = {table.columns[key]: cell for key, cell in row.items() if cell and key not in elsewhere}
            log, clips = found.results.each[run].log_tail, found.clips.get(run, ())
            details.append(RunDetail(run, named, links.get(run, []), log, clips))
    return details


def _failed(results: Results) -> list[tuple[str, str, str, str]]:
    """Return (run, state, reason, log tail) of the runs that failed or hold something that cannot be read."""
    reasons = {problem.run: problem.problem for problem in results.problems}
    runs = results.runs
    rows = []
    for row in runs[runs["state"].isin(["failed", "unreadable"]) | runs["run"].isin(list(reasons))].to_dict("records"):
        failure = results.each[row["run"]].failure
        reason = reasons.get(row["run"]) or ": ".join(str(failure[key]) for key in ("kind", "reason") if key in failure)
        rows.append((row["run"], _shown_state(row["state"], failure), reason, results.each[row["run"]].log_tail))
    return rows
