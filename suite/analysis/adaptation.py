"""The control: what an agent that never learns its task scores, beside one that adapts and one that is told it."""

from __future__ import annotations

import pandas as pd

from environments import FloatArray
from suite.analysis.intervals import clearly_not_zero, difference_interval, learnt
from suite.analysis.strata import Incomplete, any_lost

BLIND, ORACLE = "blind-sac", "oracle-sac"
AS_WELL = 0.9
"""Share of another entry's gain over untrained from which an entry does as well."""


def adaptation(done: pd.DataFrame, adapting: str = "pearl", incomplete: Incomplete = ()) -> pd.DataFrame:
    """Compare `blind-sac` with an adapting agent wherever both ran, and with the oracle where that did too.

    An environment needs no adaptation only if knowing the task brings nothing: that is what the oracle shows. That an
    agent gains nothing by adapting says something of the agent.

    Parameters
    ----------
    incomplete : as of `Results`: nothing is decided where runs of an entry are lost.

    Returns
    -------
    One row an environment: `untrained` (mean over the runs of all), `blind`, `adapting`, `oracle` (mean scores; NaN
    without an oracle), `share` of the adapting agent's gain over untrained that the blind one has (where that gain is
    clearly away from zero), Welch's interval `low`, `high` of adapting - blind, and `verdict`.
    """
    rows = []
    for environment, here in done.groupby("environment", sort=True):
        scores = {
            entry: here.loc[here["entry"] == entry, "score"].to_numpy(float) for entry in (BLIND, adapting, ORACLE)
        }
        blind, seeing, oracle = scores.values()
        if not len(blind) or not len(seeing):
            continue
        untrained = float(here.loc[here["entry"].isin(list(scores)), "untrained"].mean())
        difference, low, high = difference_interval(seeing, blind)
        gains = {entry: runs - untrained for entry, runs in scores.items()}
        share = float("nan")
        if learnt(untrained, float(seeing.mean())) and clearly_not_zero(gains[adapting]):
            share = float(gains[BLIND].mean() / gains[adapting].mean())
        if any_lost(scores, [str(environment)], incomplete):
            verdict = "inconclusive"
        elif low > 0 and learnt(untrained, float(seeing.mean())):
            verdict = "adaptation helps"
        elif len(oracle) and _as_well(gains[BLIND], gains[ORACLE], untrained):
            verdict = "needs no adaptation"
        elif not learnt(untrained, float(seeing.mean())):
            verdict = f"{adapting} learnt nothing"
        elif _as_well(gains[BLIND], gains[adapting], untrained):
            verdict = f"{adapting} gains nothing by adapting"
        else:
            verdict = "inconclusive"
        best = float(oracle.mean()) if len(oracle) else float("nan")
        rows.append((environment, untrained, blind.mean(), seeing.mean(), best, share, difference, low, high, verdict))
    columns = [
        "environment",
        "untrained",
        "blind",
        "adapting",
        "oracle",
        "share",
        "difference",
        "low",
        "high",
        "verdict",
    ]
    return pd.DataFrame(rows, columns=columns)


def _as_well(gain: FloatArray, other: FloatArray, untrained: float) -> bool:
    """Tell whether a gain is shown to be 90 % of another at least, where that is a gain."""
    return learnt(untrained, untrained + float(other.mean())) and difference_interval(gain, AS_WELL * other)[1] > 0
