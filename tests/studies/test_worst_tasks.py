"""What the study prints is in the document, and its means are those that a report shows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from studies import worst_tasks
from suite.analysis.results import read_results
from suite.store.runs import Store

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", ["", "5 6 7 8 9 --entry maml-curvature --above maml"])
def test_the_document_has_what_is_printed(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["worst_tasks", *arguments.split()])
    worst_tasks.main()
    assert capsys.readouterr().out in (ROOT / "docs/algorithms/maml-trpo.md").read_text()


def test_the_means_are_the_reports() -> None:
    store = Store(ROOT / "results/published/maml")
    found = read_results(store)
    (run,) = found.done.loc[(found.done["entry"] == "maml") & (found.done["seed"] == 7), "run"]
    curve = found.adaptations[found.adaptations["run"] == run]
    last = curve[curve["environment_steps"] == curve["environment_steps"].max()].sort_values("adaptations")
    means = worst_tasks.returns(store.record(run)).mean()
    np.testing.assert_allclose(means.to_numpy(), last["return"].to_numpy(), rtol=1e-12)
