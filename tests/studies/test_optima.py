"""Optima of problems whose answers are worked out by hand, and what is kept of the papers' problems."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from studies.optima import __main__ as command
from studies.optima import bandits, mdps
from suite.papers.folder import SHIPPED


def kept(paper: str, name: str) -> dict[str, dict[str, str]]:
    """Return a table of a paper's folder: row -> column -> text."""
    with (SHIPPED / paper / "logs" / f"{name}.csv").open(newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def test_one_pull_is_a_coin() -> None:
    assert bandits.total(1, 5, bandits.best) == (Fraction(1, 2), Fraction(1, 2))


def test_every_total_of_one_arm_is_equally_likely() -> None:
    # From a uniform prior the successes of n pulls of one arm are uniform on 0 to n.
    found = bandits.total(10, 1, bandits.best)
    assert found.mean == 5
    assert found.standard_deviation**2 == pytest.approx(10)


@pytest.mark.parametrize("choose", [bandits.best, bandits.greedy_at_least, bandits.greedy_at_most])
def test_two_pulls_of_two_arms(choose: bandits.Choose) -> None:
    # After a success the same arm wins by 2/3, after a failure the other one by 1/2.
    assert bandits.total(2, 2, choose) == (Fraction(13, 12), Fraction(7, 4))


def test_ten_pulls_meet_at_most_ten_arms() -> None:
    assert bandits.total(10, 10, bandits.best) == bandits.total(10, 50, bandits.best)


def play(arms: int, seed: int) -> float:
    """Pull greedily, the first of several arms, and explore nothing."""
    rng = np.random.default_rng(seed)
    chances = rng.random((20_000, arms))
    wins, pulls = np.zeros_like(chances), np.zeros_like(chances)
    every = np.arange(len(chances))
    for _ in range(10):
        pulled = ((wins + 1) / (pulls + 2)).argmax(axis=1)
        wins[every, pulled] += rng.random(len(chances)) < chances[every, pulled]
        pulls[every, pulled] += 1
    return float(wins.sum(axis=1).mean())


@pytest.mark.parametrize("arms", [5, 10])
def test_a_greedy_strategy_lies_between_the_ends(arms: int) -> None:
    low, high = (
        float(bandits.total(10, arms, choose).mean) for choose in (bandits.greedy_at_least, bandits.greedy_at_most)
    )
    assert low - 0.05 < play(arms, 0) < high + 0.05  # three errors of 20,000 bandits


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_an_mdp_is_solved_as_by_recursion(discount: float) -> None:
    found = mdps.episodes(2, discount, seed=3)
    rng = np.random.default_rng(3)
    rewards = rng.normal(1, 1, (2, mdps.STATES, mdps.ACTIONS))
    weights = rng.standard_exponential((2, mdps.STATES, mdps.ACTIONS, mdps.STATES))

    def value(mdp: int, left: int, gamma: float, over: Callable[[list[float]], float]) -> list[float]:
        if not left:
            return [0.0] * mdps.STATES
        after = value(mdp, left - 1, gamma, over)
        return [
            over(
                [
                    rewards[mdp, s, a] + gamma * sum(weights[mdp, s, a] * after) / sum(weights[mdp, s, a])
                    for a in range(mdps.ACTIONS)
                ]
            )
            for s in range(mdps.STATES)
        ]

    for mdp in range(2):
        assert found.optimum[mdp] == pytest.approx(value(mdp, mdps.STEPS, 1.0, max)[0])
        assert found.discounted[mdp] == pytest.approx(value(mdp, mdps.STEPS, discount, max)[0])
        assert found.random[mdp] == pytest.approx(value(mdp, mdps.STEPS, 1.0, lambda x: sum(x) / len(x))[0])


@pytest.mark.parametrize("name", ["random_pulls", "ten_pulls"])
def test_what_is_kept_of_bandits_is_what_the_command_gives(name: str) -> None:
    table, papers = command.TABLES[name]
    text = command.written(table())
    for paper in papers:
        assert (SHIPPED / paper / "logs" / f"{name}.csv").read_text() == text


def test_what_is_kept_of_mdps_fits_other_draws() -> None:
    other = mdps.episodes(5_000, command.DISCOUNT, seed=1)
    row = {name: float(text) for name, text in kept("rl2", "known_mdps")["10 episodes"].items() if name != "episodes"}
    for name, found in (("optimum", other.optimum), ("discounted optimum", other.discounted), ("random", other.random)):
        assert abs(row[name] / 10 - found.mean()) < 4 * found.std() * np.sqrt(1 / 5_000 + 1 / command.MDPS)
    assert row["optimum error"] / 10 == pytest.approx(other.optimum.std() / np.sqrt(1_000), rel=0.05)
    assert kept("rl2", "known_mdps") == kept("snail", "known_mdps")


@pytest.mark.slow
def test_what_is_kept_of_mdps_is_what_the_command_gives() -> None:
    found = list(csv.DictReader(command.written(command.known_mdps()).splitlines()))
    for row in found:
        there = kept("rl2", "known_mdps")[row.pop("episodes")]
        assert all(float(text) == pytest.approx(float(there[name]), abs=2e-4) for name, text in row.items())


def test_what_snail_takes_from_rl2_is_in_rl2s_tables() -> None:
    for name, source in (("rl2_table1", "table1_bandits"), ("rl2_table2", "table2_mdps")):
        with (SHIPPED / "rl2" / "tables" / f"{source}.csv").open(newline="") as file:
            printed = {next(iter(row.values())): row for row in csv.DictReader(file)}
        for key, row in kept("snail", name).items():
            assert row.items() <= printed[key].items()
