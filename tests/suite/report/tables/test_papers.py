"""What a paper counts and averages of its tables, and the same of our runs."""

from __future__ import annotations

import pandas as pd

from suite.papers.paper import read_paper
from suite.report.tables.papers import summary

PAPER = read_paper("tcl-pearl")
WINS = "tcl-pearl 7, pearl 4, maml-trpo 4, rl2-ppo 6, mql 3"
TIED = "tcl-pearl 8, pearl 5, maml-trpo 4, rl2-ppo 6, mql 4"


def run(entry: str, environment: str, seed: int = 0, **values: object) -> dict[str, object]:
    plain = {"score": 0.0, "seconds_total": 1.0, "processor_seconds": None, "machine": "m", "budget": 1_000}
    return {"entry": entry, "environment": environment, "seed": seed, **plain, **values}


def as_printed(*keys: str) -> pd.DataFrame:
    """Return runs that are what tables of the paper print, a seed an entry."""
    rows = []
    for table in (PAPER.tables[key] for key in keys):
        for entry in table.number_columns:
            for environment, value in zip(table.rows, table.numbers(entry), strict=True):
                unit = PAPER.unit(environment) if table.about.measure == "score" else 1.0
                rows.append(run(entry, environment, **{str(table.about.measure): value * unit}))
    return pd.DataFrame(rows)


def found(done: pd.DataFrame) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what stands after the claim and the words of each row."""
    return {(str(row[0]), str(row[1])): tuple(map(str, row[2:])) for row in summary(PAPER, done).rows}


def test_of_runs_that_are_the_papers_tables_we_count_what_it_does() -> None:
    scores = {key: row for key, row in found(as_printed("table1")).items() if key[0] != "TCL costs time"}
    assert len(scores) == 11
    for (claim, words), (ours, there, paper, _, *scale) in scores.items():
        assert ours == there == paper, (claim, words)
        total = 25 if "25" in claim else 50
        assert scale == [f"{total} of {total}", "1", "1,000"]
    groups = "environments (better / comparable / worse)"
    assert scores["better or comparable in most ML1 environments", groups][0] == "44 of 50 (35 / 9 / 6)"
    rule = "either above zero, negative ratios as 0"
    assert scores["relative gain on ML1, mean", f"mean ratio ({rule})"][0] == "4.29 (42)"
    assert scores["relative gain on ML1, median", f"median ratio ({rule})"][0] == "1.41 (42)"
    won = found(as_printed("table3"))
    assert won["most wins of five algorithms", "wins"] == (
        WINS,
        WINS,
        WINS,
        "1",
        "25 of 25",
        "1",
        "1,000",
    )
    assert won["most wins of five algorithms", "wins at two decimals, a tie is everybody's"][:3] == (TIED,) * 3
    (seconds,) = {row[:3] for key, row in found(as_printed("table9")).items() if key[0] == "TCL costs time"}
    assert seconds == ("1.31 (24,306 / 18,624)",) * 3


def test_the_papers_values_are_those_of_the_environments_that_all_entries_ran_on() -> None:
    names = ("reach-v1", "hand-insert-v1")
    runs = [run(entry, names[0], score=score) for entry, score in (("tcl-pearl", 5.0), ("pearl", 4.0))]
    (better,) = {row for key, row in found(pd.DataFrame([*runs, run("pearl", names[1])])).items() if "25" in key[0]}
    assert better == ("1 of 1", "1 of 1", "17 of 25", "0.68", "1 of 25", "1", "1,000")


def test_runs_of_several_budgets_stand_apart() -> None:
    pearl = [run("pearl", place, budget=1_000) for place in ("reach-v1", "push-v1")]
    runs = [*pearl, run("tcl-pearl", "reach-v1", budget=2_000), run("tcl-pearl", "push-v1", budget=1_000)]
    (better,) = {row for key, row in found(pd.DataFrame(runs)).items() if key[0].startswith("better in most ML1")}
    assert better[4:] == ("1 of 50", "1", "1,000")


def test_a_machine_is_chosen_among_environments_of_one_budget() -> None:
    places = ("reach-v1", "push-v1", "hand-insert-v1")
    runs = [
        run(entry, place, machine=machine, budget=budget, seconds_total=2.0)
        for machine, here, budgets in (("a", places[:2], (1_000, 2_000)), ("b", places[2:], (1_000, 1_000)))
        for place in here
        for entry, budget in zip(("tcl-pearl", "pearl"), budgets, strict=True)
    ]
    (row,) = (row for key, row in found(pd.DataFrame(runs)).items() if key[0] == "TCL costs time")
    assert row[0] == "1 (2 / 2)"
    assert row[4:] == ("1 of 50", "1", "1,000")


def test_a_claim_without_a_table_has_what_the_paper_states() -> None:
    runs = [run("tcl-pearl", "cheetah-vel", seed, score=score) for seed, score in enumerate((-2.0, -4.0))]
    runs += [run("pearl", "cheetah-vel", seed, score=-2.0) for seed in range(3)]
    assert found(pd.DataFrame(runs))[
        "better or comparable in most MuJoCo Controls", "environments (better / comparable / worse)"
    ] == ("0 of 1 (0 / 0 / 1)", "None", "None", "0.83", "1 of 6", "2 to 3", "1,000")
    (mean,) = {row[0] for key, row in found(pd.DataFrame(runs)).items() if key[1].startswith("mean ratio (every")}
    assert mean == "1.50 (1)"


def test_a_variant_stands_beside_what_the_paper_prints_of_the_plain_entries() -> None:
    runs = [run(f"{entry}-garage", "reach-v1", score=score) for entry, score in (("tcl-pearl", 4.0), ("pearl", 5.0))]
    (better,) = {row for key, row in found(pd.DataFrame(runs)).items() if key[0].startswith("better in most ML1")}
    assert better == ("0 of 1", "1 of 1", "35 of 50", "0.70", "1 of 50", "1", "1,000")
    others = [run(entry, "reach-v1", score=3.0) for entry in ("mql", "maml-trpo", "rl2-ppo")]
    (won,) = {row for key, row in found(pd.DataFrame([*runs, *others])).items() if key[1] == "wins"}
    assert won[0].startswith("tcl-pearl-garage 0, pearl-garage 1")
    assert won[2] == WINS


def test_where_an_entry_has_no_run_nothing_is_said() -> None:
    assert not found(pd.DataFrame([run("pearl", "cheetah-vel")]))
