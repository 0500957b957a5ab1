"""A paper that is made up from a seed: every kind of check, and all of it adds up."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from suite.papers.audit import AuditRow, audit
from suite.papers.paper import read_paper

ENTRIES = ("ours", "theirs", "other")
ROWS = 12


def audited(name: str) -> list[AuditRow]:
    """Read a paper, shipped or made up, and audit it."""
    paper = read_paper(name)
    return audit(paper, paper.checks)


def written(number: Fraction | float, decimals: int) -> str:
    """Write a number rounded half up, so that it is as near to the print as can be."""
    scaled = Fraction(number) * 10**decimals
    return f"{float(Fraction(int(np.floor(scaled + Fraction(1, 2))), 10**decimals)):.{decimals}f}"


def make_tables(seed: int) -> dict[str, list[list[str]]]:
    """Return CSV tables as lists of lines: scores, some of them again with fewer decimals, times, a schedule."""
    draw = np.random.default_rng(seed)
    names = [f"place-{index}" for index in range(ROWS)]
    scores = draw.uniform(1, 100, (ROWS, len(ENTRIES))).round(2)
    texts = [[f"{score:.2f}" for score in line] for line in scores]
    order = np.argsort(np.argsort(-scores[:, 0])) + 1
    lines = [
        [name, *line, ENTRIES[int(best)], str(rank)]
        for name, line, best, rank in zip(names, texts, scores.argmax(axis=1), order, strict=True)
    ]
    seconds = draw.uniform(3000, 90000, (ROWS, 2)).round(1)
    return {
        "scores": [["place", *ENTRIES, "best", "rank"], *lines],
        "again": [
            ["place", "score"],
            *[[name, written(Fraction(line[0]), 1)] for name, line in zip(names, texts, strict=True)][::2],
        ],
        "times": [
            ["place", "ours", "theirs"],
            *[[name, *(f"{s:.1f}" for s in line)] for name, line in zip(names, seconds, strict=True)],
        ],
        "schedule": [["setting", "value"], ["warm-up", "400"], ["tasks", str(draw.integers(2, 9))], ["steps", "800"]],
    }


def columns(table: list[list[str]]) -> dict[str, list[str]]:
    """Return a table's columns, the row names among them."""
    return {heading: [line[index] for line in table[1:]] for index, heading in enumerate(table[0])}


def exact(texts: list[str]) -> list[Fraction]:
    return [Fraction(text) for text in texts]


def recomputed(tables: dict[str, list[list[str]]]) -> dict[str, dict[str, Fraction]]:
    """Compute every redundant number from the tables."""
    scores, times = columns(tables["scores"]), columns(tables["times"])
    ours, theirs, other = (exact(scores[name]) for name in ENTRIES)
    hours = {name: mean(exact(times[name])) / 3600 for name in ("ours", "theirs")}
    setting = dict(zip(*list(columns(tables["schedule"]).values()), strict=True))
    warm, tasks, steps = (Fraction(setting[name]) for name in ("warm-up", "tasks", "steps"))
    rows = list(zip(ours, theirs, other, strict=True))
    return {
        "mean": dict(zip(ENTRIES, (mean(ours), mean(theirs), mean(other)), strict=True)),
        "median": dict(zip(ENTRIES, (median(ours), median(theirs), median(other)), strict=True)),
        "sum": dict(zip(ENTRIES, (sum(ours), sum(theirs), sum(other)), strict=True)),
        "hours": hours,
        "count": {
            "above theirs": Fraction(sum(x > y for x, y, _ in rows)),
            "above fifty": Fraction(sum(x > 50 for x in ours)),
        },
        "wins": {
            name: Fraction(sum(row[at] == max(row) and row.count(max(row)) == 1 for row in rows))
            for at, name in enumerate(ENTRIES)
        },
        "ratio": {"ours": mean(ours) / mean(theirs)},
        "percent": {"ours": 100 * (mean(ours) / mean(theirs) - 1)},
        "schedule": {"rounds": Fraction(50), "steps": warm * 10 + 50 * tasks * steps},
    }


DECIMALS = {
    "mean": 2,
    "median": 2,
    "sum": 1,
    "hours": 2,
    "count": 0,
    "wins": 0,
    "ratio": 3,
    "percent": 1,
    "schedule": 0,
}


def make_audit(tables: dict[str, list[list[str]]]) -> dict[str, Any]:
    """Return `audit.yaml` as a value: it prints what the tables give, rounded."""
    printed = {
        key: {name: written(value, DECIMALS[key]) for name, value in values.items()}
        for key, values in recomputed(tables).items()
    }
    score = {"table": "scores", "of": "mean"}
    kinds: dict[str, dict[str, Any]] = {
        **{of: {"check": "aggregate", "table": "scores", "of": of} for of in ("mean", "median", "sum")},
        "hours": {"check": "aggregate", "table": "times", "unit": "hours"},
        "count": {
            "check": "count",
            "table": "scores",
            "counts": {
                "above theirs": {"column": "ours", "relation": "above", "than": "theirs"},
                "above fifty": {"column": "ours", "relation": "above", "than": "50"},
            },
        },
        "wins": {"check": "wins", "table": "scores"},
        "ratio": {"check": "ratio", "of": score, "to": {**score, "column": "theirs"}},
        "percent": {"check": "ratio", "told": "percent more", "of": score, "to": {**score, "column": "theirs"}},
        "schedule": {
            "check": "schedule",
            "numbers": {
                **{name: {"table": "schedule", "row": name, "column": "value"} for name in ("warm-up", "tasks")},
                "steps a task": {"table": "schedule", "row": "steps", "column": "value"},
                "all tasks": {"number": "10", "where": "section 1"},
            },
            "first": [["warm-up", "all tasks"]],
            "each": [["tasks", "steps a task"]],
            "rounds": "rounds",
            "budget": "steps",
        },
    }
    checks = {key: {"claim": key, "where": "text", "published": printed[key], **kind} for key, kind in kinds.items()}
    plain: dict[str, dict[str, Any]] = {
        "marks": {"check": "marks", "table": "scores", "columns": list(ENTRIES), "marked": "best"},
        "ranks": {"check": "ranks", "table": "scores", "of": "ours", "rank": "rank"},
        "same": {"check": "same", "tables": {"scores": ["ours"], "again": ["score"]}},
        "rows": {"check": "duplicates", "table": "times", "across": "rows"},
        "columns": {"check": "duplicates", "table": "scores", "across": "columns"},
        "bounds": {"check": "bounds", "table": "scores", "columns": list(ENTRIES), "low": "0", "high": "100"},
    }
    return checks | {key: {"claim": key, "where": "text", **kind} for key, kind in plain.items()}


def write_paper(
    folder: Path,
    tables: dict[str, list[list[str]]],
    audit: dict[str, Any],
    claims: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **about: Any,
) -> Path:
    """Write a folder; JSON is YAML."""
    (folder / "tables").mkdir(parents=True)
    spec = {key: {"file": f"{key}.csv", "title": f"Table {key}", "rows": lines[0][0]} for key, lines in tables.items()}
    if "scores" in spec:
        spec["scores"]["texts"] = ["best"]  # type: ignore[assignment]
    if "times" in spec:
        spec["times"]["unit"] = "seconds"
    for key, lines in tables.items():
        (folder / "tables" / f"{key}.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    paper = {
        "short": "Made",
        "title": "Made up",
        "authors": ["Nobody"],
        "year": 2000,
        "identifier": "none",
        "seeds": 3,
        "seeds_source": "page 1",
        "window": 0.1,
        "window_source": "page 1",
    }
    (folder / "paper.yaml").write_text(json.dumps({**paper, "tables": spec, **about}))
    (folder / "audit.yaml").write_text(json.dumps(audit))
    (folder / "claims.yaml").write_text(json.dumps(claims or {}))
    (folder / "settings.yaml").write_text(json.dumps(settings or {"settings": []}))
    return folder
