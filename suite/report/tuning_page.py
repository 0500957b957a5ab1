"""The outcome of a search for settings: tables, and a page of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from suite.analysis.tuned import Found
from suite.report.files import write_page
from suite.report.html import fill
from suite.table import Cell, Table


def chosen(found: Sequence[Found]) -> Table:
    """Say what was found for each entry, and what that cost."""
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        best = each.best
        rows.append(
            (
                each.environment,
                each.entry,
                ", ".join(each.heirs),
                len(each.trials),
                None if best is None else best.number,
                None if best is None else best.score,
                each.trials[0].score,
                each.trials[0].untrained,
                each.seconds,
            )
        )
    columns = {
        "environment": "environment",
        "entry": "entry",
        "inherited_by": "inherited by",
        "trials": "trials",
        "best": "best trial",
        "score": "its score",
        "own_score": "score of trial 0",
        "untrained": "untrained",
        "seconds": "seconds",
    }
    note = (
        "Trial 0 is the entry as its benchmark has it. Score: mean test return over the last tenth of training, over "
        "the seeds of the search. The best of several trials is high partly by luck: with other seeds it is lower. "
        "Seconds: of all runs, added; their ratios depend on what else the machine did."
    )
    return Table("tuned", "What was found", columns, tuple(rows), note)


def importances(found: Sequence[Found]) -> Table:
    """Say how much each setting mattered."""
    rows = [
        (each.environment, each.entry, name, share)
        for each in found
        for name, share in sorted(each.importances.items(), key=lambda item: -item[1])
    ]
    columns = {"environment": "environment", "entry": "entry", "setting": "setting", "importance": "importance"}
    note = (
        "The share in how much the scores of trials vary that each setting explains by itself or with others (fANOVA, "
        "Hutter et al. 2014, by Optuna). From a dozen trials it is a hint, no measurement."
    )
    return Table("importances", "What mattered", columns, tuple(rows), note)


def trials(found: Sequence[Found]) -> Table:
    """List every trial, those without a score included."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.environment,
            each.entry,
            trial.number,
            trial.score,
            json.dumps(dict(trial.values)),
            trial.seconds,
            trial.failure,
        )
        for each in found
        for trial in each.trials
    ]
    columns = {
        "environment": "environment",
        "entry": "entry",
        "trial": "trial",
        "score": "score",
        "values": "values of what is searched",
        "seconds": "seconds",
        "failure": "without a score because",
    }
    return Table("trials", "Every trial", columns, tuple(rows))


def write_tuning(reports: Path, title: str, how: str, found: Sequence[Found]) -> Path:
    """Write `tuning.html`, one self-contained page, the same bytes for the same results.

    Parameters
    ----------
    how : the way it was found, in sentences.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    tables = [chosen(found), importances(found), trials(found)]
    return write_page(reports / "tuning.html", fill("tuning.html.j2", title=title, how=how, tables=tables))
