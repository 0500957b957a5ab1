"""Numbers of sentences, in digits and in words."""

from __future__ import annotations

import pytest

from suite.papers.sentences import copied, counting, numbers, numbers_before


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("in 44 of 50 environments, 1,000 pulls", ["44", "50", "1000"]),
        ("half-cheetah-2 on 2D navigation by RL2, top-5, v1, A.2, 5-way 1-shot, 10^6", []),
        ("one million steps, twenty thousand pulls, two hundred thousand", ["1000000", "20000", "200000"]),
        ("fifty-two, twenty-five, thirty one, seventeen", ["52", "25", "31", "17"]),
        ("two hundred and fifty, a hundred and fifty, 2 hundred fifty, fifty-second, two-armed", []),
        ("a second point, the third, ten seconds, per second", ["10"]),
        ("Table 4, Tables 1, 2 and 3, Figure 5's, section 5.2.2, appendix A.2 to A.4", []),
        ("Tables 4–6, Figures 3 & 12, Figs. 7, Eq. 14, Eqs. (15) and 16, § 17, §18, Theorem 19, Listing 20", []),
        ("Table 1 and 25 environments", ["25"]),
        ("in 2019, of 2018, since 2015, (2017), Duan et al. 2016", []),
        ("2000 steps, in 2000 steps, after 2000", ["2000", "2000", "2000"]),
        ("-11.68 to -3.33, 20–100 %, 20-100, 0.10", ["-11.68", "-3.33", "20", "100", "20", "100", "0.1"]),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, values: list[str]) -> None:
    assert [number.value for number in numbers(counting(text))] == values
    assert len(counting(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("20 times", ["20"]),
        ("1,000 times", ["1000"]),
        ("20 to 100 times", ["20"]),
        ("20-100 times", ["20"]),
        ("from 20, 100 times", ["100"]),
        ("20 other times", []),
        ("twenty-five times", ["25"]),
    ],
)
def test_a_number_before_a_unit_is_that_which_begins_its_range(text: str, values: list[str]) -> None:
    assert numbers_before(text, "times") == values


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("44", "45", True),
        ("17", "71", True),
        ("1234", "1324", True),
        ("1.5", "1.6", True),
        ("123", "321", False),
        ("1212", "2121", False),
        ("1.5", "15", False),
        ("44", "44", False),
        ("5", "50", False),
    ],
)
def test_a_copying_error_is_one_digit_or_two_exchanged_neighbours(one: str, other: str, alike: bool) -> None:
    assert copied(one, other) == alike
