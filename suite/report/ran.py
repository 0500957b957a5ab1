"""The report's tables of what ran: scores, wall-clock, run matrix, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from suite.analysis.results import Results
from suite.plan.departures import in_words
from suite.table import Cell, Table, interval

STATES = ("done", "running", "pending", "failed", "unreadable")
GLYPHS = {"done": "✓", "running": "…", "pending": "·", "failed": "✗", "timed out": "◷", "unreadable": "!"}


def scores(table: pd.DataFrame, units: Mapping[str, float]) -> Table:
    """Final score by environment and entry, from `suite.analysis.intervals.score_table`."""
    rows = [
        (
            row["environment"],
            row["entry"],
            row["seeds"],
            row["mean"] / units[row["environment"]],
            interval(row["low"] / units[row["environment"]], row["high"] / units[row["environment"]]),
            row["untrained"] / units[row["environment"]],
            row["success"],
        )
        for row in table.to_dict("records")
    ]
    return Table(
        "scores",
        "Final scores",
        ("environment", "entry", "seeds", "score", "95 % interval", "untrained", "success rate"),
        tuple(rows),
        "Mean meta-test return over the last 10 % of the environment steps, mean over seeds, Student's t interval. "
        "Meta-World returns in thousands, as the paper prints them.",
    )


def wall_clock(done: pd.DataFrame) -> Table:
    """Where a run's time goes, and how fast it is; means over runs."""
    rows: list[tuple[Cell, ...]] = []
    for (environment, entry), group in done.groupby(["environment", "entry"], sort=True):
        mean = group[["seconds_sampling", "seconds_updating", "seconds_evaluating", "seconds_total"]].mean()
        busy = mean["seconds_sampling"] + mean["seconds_updating"]
        rows.append(
            (
                str(environment),
                str(entry),
                len(group),
                mean["seconds_sampling"],
                mean["seconds_updating"],
                mean["seconds_evaluating"],
                mean["seconds_total"],
                group["environment_steps"].mean() / busy if busy > 0 else None,
                group["gradient_steps"].mean() / mean["seconds_updating"] if mean["seconds_updating"] > 0 else None,
                group["meta_test_steps"].mean(),
                "; ".join(sorted(group["machine"].dropna().unique())),
            )
        )
    return Table(
        "wall-clock",
        "Wall-clock: seconds and speeds",
        (
            "environment",
            "entry",
            "runs",
            "sampling, s",
            "updating, s",
            "evaluating, s",
            "whole run, s",
            "environment steps/s",
            "updates/s",
            "meta-test steps",
            "machine",
        ),
        tuple(rows),
        "Means over runs. Environment steps/s: meta-training steps by the seconds of sampling and updating, evaluation "
        "left out. Meta-test steps are counted apart from the budget. Machine: processor and device; seconds of "
        "different ones do not compare.",
    )


def protocols(results: Results) -> Table:
    """Runs under another protocol than their environment's own."""
    groups: dict[tuple[str, str, str], int] = {}
    for row in results.runs[results.runs["entry"].notna()].to_dict("records"):
        if words := in_words(results.specs[row["run"]]):
            key = row["environment"], row["entry"], words
            groups[key] = groups.get(key, 0) + 1
    return Table(
        "protocols",
        "Not the paper's protocol",
        ("environment", "entry", "departs by", "runs"),
        tuple((*key, count) for key, count in sorted(groups.items())),
        "Chosen by the benchmark, beside the environment's own number. These runs are never judged at the paper's "
        "settings, nor shown beside its values.",
    )


def provenance(results: Results) -> Table:
    """Where each run's numbers come from, and the command that makes them again."""
    rows: list[tuple[Cell, ...]] = []
    for row in results.runs.to_dict("records"):
        found = results.provenance.get(row["run"], {})
        memory = found.get("peak_memory_bytes")
        commit = str(found.get("commit") or "")
        rows.append(
            (
                row["run"],
                row["state"],
                _plain(row["entry"]),
                _plain(row["seed"]),
                commit[:12] + (" + changes" if found.get("dirty") else ""),
                _plain(found.get("device")),
                _plain(found.get("machine")),
                _plain(found.get("image")),
                _plain(found.get("versions")),
                memory / 2**20 if isinstance(memory, int | float) else None,
                _plain(found.get("command")),
            )
        )
    return Table(
        "provenance",
        "Provenance",
        (
            "run",
            "state",
            "entry",
            "seed",
            "commit",
            "device",
            "machine",
            "image",
            "versions",
            "peak memory, MiB",
            "rerun with",
        ),
        tuple(rows),
    )


def _plain(value: object) -> str | None:
    """Write whatever provenance holds."""
    if value is None or value != value:
        return None
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(value[key])}" for key in sorted(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(str(item) for item in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def settings(results: Results) -> tuple[Table, ...]:
    """Settings as used beside settings as printed in the paper, one table a configuration."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in results.done.to_dict("records"):
        found = results.provenance[row["run"]]
        pair = json.dumps([found.get("printed_settings"), found.get("used_settings")], sort_keys=True, default=str)
        groups.setdefault((row["entry"], pair), []).append(row["environment"])
    tables = []
    for index, ((entry, pair), environments) in enumerate(sorted(groups.items())):
        printed, used = (value if isinstance(value, dict) else {} for value in json.loads(pair))
        rows = tuple(
            (name, _setting(printed.get(name)), _setting(used.get(name)), printed.get(name) == used.get(name))
            for name in sorted(printed.keys() | used.keys())
        )
        places = sorted(set(environments))
        tables.append(
            Table(
                f"settings-{index}",
                f"{entry}: {', '.join(places[:4])}{f' and {len(places) - 4} more' if len(places) > 4 else ''}",
                ("setting", "printed in the paper", "used", "same"),
                rows,
                f"{sum(not row[3] for row in rows)} of {len(rows)} settings differ from the printed ones.",
            )
        )
    return tuple(tables)


def _setting(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
