"""The control: what an agent that never learns its task scores, beside one that adapts."""

from __future__ import annotations

import pandas as pd

from suite.analysis.intervals import clearly_not_zero, difference_interval, learnt

BLIND = "blind-sac"
AS_WELL = 0.9
"""As well as the adapting agent: this share of its gain over untrained."""


def adaptation(done: pd.DataFrame, adapting: str = "pearl") -> pd.DataFrame:
    """Compare `blind-sac` with an adapting agent wherever both ran.

    Returns
    -------
    One row an environment: `untrained` (mean over the runs of both), `blind`, `adapting` (mean scores), `share` of the
    adapting agent's gain over untrained that the blind one has (where that gain is clearly away from zero), Welch's
    interval `low`, `high` of adapting - blind, and `verdict`.
    """
    rows = []
    for environment, here in done.groupby("environment", sort=True):
        both = here[here["entry"].isin([BLIND, adapting])]
        blind = both.loc[both["entry"] == BLIND, "score"].to_numpy(float)
        seeing = both.loc[both["entry"] == adapting, "score"].to_numpy(float)
        if not len(blind) or not len(seeing):
            continue
        untrained = float(both["untrained"].mean())
        difference, low, high = difference_interval(seeing, blind)
        gain, share = seeing - untrained, float("nan")
        if learnt(untrained, float(seeing.mean())):
            if clearly_not_zero(gain):
                share = float((blind - untrained).mean() / gain.mean())
            as_well = difference_interval(blind - untrained, AS_WELL * gain)[1] > 0
            verdict = "adaptation helps" if low > 0 else "needs no adaptation" if as_well else "undecided"
        else:
            verdict = f"{adapting} learnt nothing"
        rows.append((environment, untrained, blind.mean(), seeing.mean(), share, difference, low, high, verdict))
    columns = ["environment", "untrained", "blind", "adapting", "share", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)
