from __future__ import annotations

import pandas as pd

from suite.analysis.stepwise import return_by_adaptations


def test_returns_of_the_last_evaluation_are_averaged_over_seeds_for_each_number_of_adaptations() -> None:
    rows = [
        ("a0", "a", 0, 0, 0, -90.0),
        ("a0", "a", 0, 0, 1, -80.0),
        ("a0", "a", 0, 100, 0, -40.0),
        ("a0", "a", 0, 100, 1, -10.0),
        ("a1", "a", 1, 90, 0, -44.0),  # ended after fewer steps
        ("a1", "a", 1, 90, 1, -12.0),
        ("b0", "b", 0, 0, 0, -70.0),  # was never trained
    ]
    columns = ["run", "entry", "seed", "environment_steps", "adaptations", "return"]
    table = return_by_adaptations(pd.DataFrame(rows, columns=columns).assign(environment="e"))
    assert table[["entry", "adaptations", "seeds", "mean"]].to_numpy().tolist() == [
        ["a", 0, 2, -42.0],
        ["a", 1, 2, -11.0],
        ["b", 0, 1, -70.0],
    ]
    half = 12.706204736 * 1.0  # Student's t of one degree, times the standard error of -10 and -12
    assert abs(table.loc[1, "high"] - (-11.0 + half)) < 1e-6
    assert table.loc[2, ["low", "high"]].isna().all()
