"""The page: one self-contained HTML file, the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from suite.analysis.ranking import comparisons_alike
from suite.analysis.results import Results, read_results
from suite.papers.paper import Paper, read_papers
from suite.plan.departures import in_words
from suite.report import compared, embedded, figures, judged, ran
from suite.report.contents import Compared, Contents, contents
from suite.report.html import drawn, fill
from suite.spec import RunSpec
from suite.store.files import write_atomically
from suite.store.runs import Store
from suite.table import Format, Table, as_latex, as_markdown, interval, number

TITLE = "Reproducing meta-reinforcement learning"
MACHINES_DRAWN = 3
"""Machine types whose seconds are drawn; all are in the table."""
CLAIM_VERDICTS = ("reproduced", "not reproduced", "not enough runs", "not at the paper's settings")


@dataclass(frozen=True)
class EnvironmentSection:
    """What the page says of one environment."""

    key: str
    name: str
    figure: Markup
    remark: str
    beside: str
    """What the figure shows beside our runs."""
    scores: Table
    efficiency: Table


@dataclass(frozen=True)
class Square:
    """One cell of the win matrix."""

    probability: str
    limits: str
    """Of its 95 % interval."""
    details: str
    tone: str
    """Empty, or the colour that it leans to."""
    mix: int
    """How much of it, in percent."""


def write_report(
    store: Store,
    reports: Path,
    planned: Sequence[RunSpec] | None = None,
    title: str = TITLE,
    papers: Sequence[Paper] | None = None,
) -> Path:
    """Judge a store and write `index.html`.

    Parameters
    ----------
    store : the run store; an empty one gives a page that says so.
    reports : folder to write to; made if absent.
    planned : the runs of the benchmark: others are left out, and missing ones are shown. None: all runs of the store.
    title : heading of the page.
    papers : those whose claims are judged; by default all that come with the suite.

    Returns
    -------
    The path of the page.
    """
    page = render(read_results(store, planned), papers or read_papers(), title)
    reports.mkdir(parents=True, exist_ok=True)
    path = reports / "index.html"
    write_atomically(path, page.encode(errors="replace"))
    return path


def tables_as(
    format: Format,
    store: Store,
    planned: Sequence[RunSpec] | None = None,
    papers: Sequence[Paper] | None = None,
) -> str:
    """Return the report's tables alone, in Markdown (for a pull request) or LaTeX (for a paper)."""
    write = {"markdown": as_markdown, "latex": as_latex}[format]
    return "\n".join(write(table) for table in contents(read_results(store, planned), papers or read_papers()).tables)


def render(results: Results, papers: Sequence[Paper], title: str = TITLE) -> str:
    """Return the page of results already read."""
    return fill("page.html.j2", title=title, **_context(contents(results, papers)))


def _context(found: Contents) -> dict[str, Any]:
    """Lay out what the template shows."""
    results = found.results
    counts = results.runs["state"].value_counts()
    verdicts: list[str] = [judgement.verdict for each in found.papers for judgement in each.judgements]
    return {
        "counts": {state: int(counts.get(state, 0)) for state in ran.STATES},
        "glyphs": ran.GLYPHS,
        "verdict_counts": {verdict: verdicts.count(verdict) for verdict in CLAIM_VERDICTS},
        "papers": [
            (each.paper, sorted(each.judgements, key=lambda judgement: CLAIM_VERDICTS.index(judgement.verdict)))
            for each in found.papers
        ],
        "interval": interval,
        "number": number,
        "entries": [(index, entry, *figures.look(index)) for index, entry in enumerate(found.order)],
        "tested": judged.tested,
        "rule": judged.RULE,
        "directions": [
            table for each in found.papers if (table := judged.directions(each.paper, each.directions)).rows
        ],
        "powers": [judged.power(each.paper) for each in found.papers],
        "audits": [judged.audit(each.paper, each.audit) for each in found.papers],
        "compared": [_compared_section(index, group, found.order) for index, group in enumerate(found.compared)],
        "scores": ran.scores(found.scores, found.units, found.unit_names),
        "protocols": ran.protocols(results),
        "environments": [
            _environment_section(f"environment-{index}", name, found) for index, name in enumerate(found.units)
        ],
        "beside_the_papers": found.beside_the_papers,
        "reference": found.reference,
        "wins": compared.wins(found.matrix),
        "squares": _squares(found),
        "control": judged.adaptation(found.adaptation, found.units),
        "efficiency": compared.efficiency(found.efficiency, found.units),
        "wall_clock": ran.wall_clock(results.done),
        "wall_clock_figures": _wall_clock_figures(found),
        "clusters": embedded.section(found.clusters, found.plain_papers) if found.clusters else None,
        "run_matrix": _run_matrix(results, found.order),
        "failed": _failed(results),
        "others": results.others,
        "machines": ran.machines(results),
        "provenance": ran.provenance(results),
        "settings": ran.settings(results, found.plain_papers),
    }


def _environment_section(key: str, name: str, found: Contents) -> EnvironmentSection:
    runs = found.results.curves[found.results.curves["environment"] == name]
    departing = _departing(found.results, name)
    here = set(runs["entry"]) - set(departing)
    end_values: dict[str, float] = {}
    points: dict[str, list[tuple[float, float]]] = {}
    for paper in found.plain_papers:
        for entry, value in paper.end_values(name).items():
            if entry in here:
                end_values.setdefault(entry, value * paper.unit(name) / found.units[name])
        for run in paper.reference:
            if run.environment == name and run.entry in here and run.comparable != "no" and run.environment_steps:
                points.setdefault(run.entry, []).append((run.environment_steps, run.value / found.units[name]))
    svg = figures.curves(
        f"{key}-curves",
        found.bands[found.bands["environment"] == name],
        runs,
        found.order,
        end_values,
        points,
        found.units[name],
    )
    scores = ran.scores(found.scores[found.scores["environment"] == name], found.units, found.unit_names)
    efficiency = compared.efficiency(found.efficiency[found.efficiency["environment"] == name], found.units)
    verdicts = found.adaptation.set_index("environment")["verdict"]
    remarks = [f"Not the paper's protocol: {entry} ({words})." for entry, words in departing.items()]
    if verdicts.get(name) == "needs no adaptation":
        remarks.append(
            "This environment needs no adaptation: blind-sac, which never learns its task, scores as well as pearl."
        )
    return EnvironmentSection(
        key,
        name,
        drawn(svg),
        " ".join(remarks),
        "; ".join(
            ["dotted: the paper's final score"] * bool(end_values) + ["hollow: other people's runs"] * bool(points)
        ),
        replace(scores, key=f"{key}-scores", title=f"Final scores on {name}", note=""),
        replace(efficiency, key=f"{key}-efficiency", title=f"Sample efficiency on {name}", note=""),
    )


def _departing(results: Results, environment: str) -> dict[str, str]:
    """Return the entries with runs under another protocol than the environment's own, and what they depart by."""
    runs = results.runs[results.runs["environment"] == environment]
    words = {row["entry"]: in_words(results.specs[row["run"]]) for row in runs.to_dict("records")}
    return {entry: found for entry, found in words.items() if found}


def _compared_section(index: int, group: Compared, order: Sequence[str]) -> tuple[Table, list[tuple[str, Markup, str]]]:
    """Return the table of entries side by side, and (key, figure, caption) of each of its figures."""
    table = compared.ranking(index, group.ranking, group.environments)
    if not group.profiles:
        return table, []
    strips, profiles = f"{table.key}-strips", f"{table.key}-profiles"
    return table, [
        (
            strips,
            drawn(figures.strips(strips, group.ranking, "IQM", order)),
            "Interquartile mean of normalised scores, 95 % interval over seeds",
        ),
        (
            profiles,
            drawn(figures.profiles(profiles, group.levels, group.profiles, order)),
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
            where = f"{compared.listed(environments)}, which all of these entries ran on {machine}"
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
        state = _shown_state(row["state"], results.failures.get(row["run"], {}))
        cells.setdefault((row["environment"], row["entry"]), []).append((int(row["seed"]), state, row["run"]))
    names = sorted({environment for environment, _ in cells})
    return [(name, [sorted(cells.get((name, entry), [])) for entry in order]) for name in names]


def _shown_state(state: str, failure: Mapping[str, Any]) -> str:
    """Return a run's state as the page shows it: running out of time is told from other failures."""
    return "timed out" if state == "failed" and failure.get("kind") in {"time", "silence"} else state


def _failed(results: Results) -> list[tuple[str, str, str, str]]:
    """Return (run, state, reason, log tail) of the runs that failed or hold something that cannot be read."""
    reasons = {problem.run: problem.problem for problem in results.problems}
    runs = results.runs
    rows = []
    for row in runs[runs["state"].isin(["failed", "unreadable"]) | runs["run"].isin(list(reasons))].to_dict("records"):
        failure = results.failures.get(row["run"], {})
        reason = reasons.get(row["run"]) or ": ".join(str(failure[key]) for key in ("kind", "reason") if key in failure)
        rows.append((row["run"], _shown_state(row["state"], failure), reason, results.log_tails.get(row["run"], "")))
    return rows
