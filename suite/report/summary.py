"""The first screen, written from the data: what ran, what learned where, which is better, what the claims come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from suite.analysis.adaptation import BLIND
from suite.analysis.equivalence import MARGIN
from suite.analysis.intervals import learnt
from suite.analysis.ranking import differences
from suite.analysis.sequential import SequentialTest
from suite.analysis.strata import common_environments
from suite.papers.folder import SHIPPED
from suite.papers.statements import label
from suite.report import figures
from suite.report.contents import Contents, JudgedPaper
from suite.report.sections import UNDECIDED
from suite.report.tables.comparisons import listed
from suite.report.tables.verdicts import VERDICT_CLASSES
from suite.table import DAGGER, DAGGER_NOTE, MISSING, interval, number, text

SHOWN_PLACES = 9
"""Environments whose strips, and rows of a pair, are shown at once; the others are folded."""
SHOWN_PAIRS = 4
NAMED = 3
"""Environments that an answer names; more are counted."""
DIFFERENCE = ("difference low", "difference", "difference high")
EXTENTS = (0.25, 0.5, 1.0, 2.0)
"""Half widths of the axis of differences, as shares of the mean gain."""
DECISION_CLASSES = VERDICT_CLASSES | {"equivalent": "same"}
"""The style class of each decision: of two entries neither is the better one if they are equivalent."""


@dataclass(frozen=True)
class Strip:
    """One entry on one environment, from untrained to its score; positions are percent of the strip."""

    entry: str
    colour: str
    sign: str
    untrained: float
    score: float
    low: float
    high: float
    shown: str
    """The score, as a reader sees it."""
    mark: str
    """Empty where every seed learned."""
    words: str
    """All of it in a sentence."""


@dataclass(frozen=True)
class Place:
    """An environment with the strips of its entries, best first."""

    environment: str
    unit: str
    strips: Sequence[Strip]


@dataclass(frozen=True)
class Row:
    """The difference of a pair on one environment; positions are percent of the axis, None where it has no scale."""

    environment: str
    difference: str
    limits: str
    decision: str
    tone: str
    at: tuple[float, float, float] | None
    """Low, difference, high."""
    beyond: tuple[bool, bool]
    """True for each end of the axis that the interval goes beyond."""
    words: str


@dataclass(frozen=True)
class Pair:
    """Two entries on every environment that both finished."""

    ours: str
    theirs: str
    rows: Sequence[Row]
    answer: str
    added: bool
    """True if seeds were added somewhere."""


@dataclass(frozen=True)
class Forest:
    """Pairs on one axis."""

    pairs: Sequence[Pair]
    extent: int
    """Half width of the axis, in percent of the mean gain."""
    margin: tuple[float, float]
    """Begin and end of the margin of equivalence, in percent of the axis."""


@dataclass(frozen=True)
class PaperInShort:
    """A paper, and in a sentence what the runs say of its claims."""

    name: str
    answer: str
    benchmarks: Sequence[str]
    """Those of the paper, where nothing is decided: what it would take."""


def places(found: Contents) -> list[Place]:
    """Return every environment with the strips of the entries that have a score."""
    return [
        Place(str(environment), found.unit_names.get(str(environment), ""), _strips(here, found))
        for environment, here in found.learning.dropna(subset="score").groupby("environment", sort=True)
    ]


def _strips(here: pd.DataFrame, found: Contents) -> list[Strip]:
    ends = here[["untrained", "score"]].to_numpy(float)
    lowest, highest = float(ends.min()), float(ends.max())
    room = 0.06 * (highest - lowest) or 1.0

    def place(value: float) -> float:
        share = (value - lowest + room) / (highest - lowest + 2 * room)
        return round(100 * min(1.0, max(0.0, share)), 1)

    strips = []
    for row in here.sort_values("score", ascending=False).to_dict("records"):
        colour, sign, _ = figures.style(found.order.index(row["entry"]))
        unit = found.units[row["environment"]]
        limits = interval(row["low"] / unit, row["high"] / unit)
        score, untrained = number(row["score"] / unit), number(row["untrained"] / unit)
        mark = "" if row["learned"] == row["seeds"] else f"{row['learned']} of {row['seeds']}"
        mark = mark if row["learned"] else "did not learn"
        words = f"{row['entry']}: {untrained} untrained, {score} trained"
        words += f", 95 % CI {text(limits)}" * (limits is not None) + f"; {row['learned']} of {row['seeds']} learned"
        low, high = (row["low"], row["high"]) if limits else (row["score"], row["score"])
        start, end, low, high = (place(value) for value in (row["untrained"], row["score"], low, high))
        strips.append(Strip(row["entry"], colour, sign, start, end, low, high, score, mark, words))
    return strips


def learned_in_short(found: Contents) -> str:
    """Say what learned, in a sentence or two."""
    table, bounds = found.learning, found.controls
    tried = table[~table["entry"].isin(bounds)]
    if tried.empty:
        tried, bounds = table, set[str]()
    some = tried[(tried["learned"] > 0) & (tried["learned"] < tried["seeds"])]
    none = tried[tried["learned"] == 0]
    whole = len(tried) - len(some) - len(none)
    head = "Yes" if whole == len(tried) else "No" if len(none) == len(tried) else "Partly"
    several = table["environment"].nunique() > 1
    things = "pairs of entry and environment" if several else "entries"
    count = f"all {things}" if whole == len(tried) else f"{whole} of {len(tried)} {things}"
    aside = f" (control{'s' * (len(bounds) > 1)} {listed(sorted(bounds))} not counted)" if bounds else ""
    answer = f"{head}: {count} learned on every seed{aside}"
    answer += f"; {_cases(some)} learned on some seeds only" * bool(len(some))
    answer += f"; {_cases(none)} did not learn on any seed" * bool(len(none)) + "."
    lame = table[table["entry"].isin(bounds - _blind(found)) & (table["learned"] < table["seeds"])]
    if len(lame):
        answer += (
            f" On {listed(sorted(set(lame['environment'])))} not even {listed(sorted(set(lame['entry'])))} learned on "
            "every seed, although told the task, so there is no reference for the others."
        )
    for control in sorted(_blind(found)):
        own = table[table["entry"] == control].set_index("environment")["score"]
        best = tried[tried["entry"] != control].groupby("environment")["score"].max()
        if ahead := [str(place) for place, score in own.items() if score >= best.get(place, math.inf)]:
            answer += f" On {listed(ahead)} no counted entry has a higher mean than {control}, which does not adapt."
    return answer


def _blind(found: Contents) -> set[str]:
    done = found.results.done
    return set(done.loc[done["algorithm"] == BLIND, "entry"])


def _cases(rows: pd.DataFrame) -> str:
    """Name entries with their environments; count many."""
    if len(rows) > NAMED:
        return f"{len(rows)} others"
    groups: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        groups.setdefault(row["environment"], []).append(row["entry"])
    return ", ".join(f"{', '.join(entries)} on {environment}" for environment, entries in groups.items())


def forest(found: Contents) -> Forest | None:
    """Return the pairs that the benchmark is about with their differences, on one axis."""
    chosen, incomplete = chosen_pairs(found), found.results.incomplete
    tables = [(pair, _scaled(differences(found.results.done, *pair, incomplete=incomplete))) for pair in chosen]
    if not tables:
        return None
    ends = np.concatenate([table[["share low", "share", "share high"]].to_numpy(float).ravel() for _, table in tables])
    far = float(np.max(np.abs(ends[np.isfinite(ends)]), initial=0.0))
    extent = next((each for each in EXTENTS if far <= each), EXTENTS[-1])
    axis = _Axis(extent)
    pairs = [_pair(*pair, table, axis, found) for pair, table in tables]
    return Forest(pairs, round(100 * extent), (axis.place(-MARGIN), axis.place(MARGIN)))


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `differences` with the difference as a share of what both gained on average; NaN of no gain."""
    table = table[table["environments"] == 1]
    middle = (table["ours"] + table["theirs"]) / 2
    gained = [learnt(*each) for each in zip(table["untrained"], middle, strict=True)]
    gain = (middle - table["untrained"]).where(np.array(gained, bool))
    shares = {"share" + name.removeprefix("difference"): table[name] / gain for name in DIFFERENCE}
    return table.assign(**shares)


@dataclass(frozen=True)
class _Axis:
    """The axis of differences, around zero."""

    extent: float

    def place(self, share: float) -> float:
        """Return where a share stands, in percent of the axis."""
        return round(50 + 50 * min(1.0, max(-1.0, share / self.extent)), 1)


def chosen_pairs(found: Contents) -> list[tuple[str, str]]:
    """Choose what is compared on the first screen.

    The pairs that the benchmark names; else those whose seeds were added to decide them; else those that claims of a
    judged paper speak of; else each entry against the first that is no control; where no two such entries can be
    compared, any two, controls last.
    """
    done = found.results.done
    present = set(done["entry"])
    deciding = [each.comparison.entries for each in found.sequential]
    claimed = [
        (entries[0], entries[1])
        for paper in found.judged
        for claim in paper.paper.claims
        if len(entries := list(dict.fromkeys(map(label, claim.entries)))) == 2
    ]
    plain = [entry for entry in found.order if entry in present - found.controls]
    rest = [(entry, plain[0]) for entry in plain[1:]]
    every = plain + [entry for entry in found.order if entry in present & found.controls]
    for candidates in (found.pairs, deciding, claimed, rest, combinations(every, 2)):
        able = [pair for pair in dict.fromkeys(candidates) if common_environments(done, list(pair))]
        if able:
            return able
    return []


def _pair(ours: str, theirs: str, table: pd.DataFrame, axis: _Axis, found: Contents) -> Pair:
    tests = {
        each.comparison.environment: each for each in found.sequential if each.comparison.entries == (ours, theirs)
    }
    rows = [_row(row, tests.get(row["environment"]), axis, found) for row in table.to_dict("records")]
    places: dict[str, list[str]] = {}
    for row in rows:
        places.setdefault(row.decision.removesuffix(DAGGER), []).append(row.environment)
    return Pair(ours, theirs, rows, _compared(ours, theirs, places, len(rows)), bool(tests))


def _row(row: Mapping[Any, Any], test: SequentialTest | None, axis: _Axis, found: Contents) -> Row:
    name, unit, decision = row["environment"], found.units[row["environment"]], row["decision"]
    side = decision.partition(",")[0]  # better, yet equivalent
    if test and side in ("better", "worse"):  # that of a fixed number of seeds, which it was not
        side = ("better", "worse")[test.analyses[-1].higher] if test.verdict == "decided" else "inconclusive"
        decision = side
    limits = interval(row["difference low"] / unit, row["difference high"] / unit)
    low, middle, high = row["share low"], row["share"], row["share high"]
    if limits is None:
        low = high = middle
    at = (axis.place(low), axis.place(middle), axis.place(high)) if math.isfinite(middle) else None
    seen = number(row["detectable"] / unit)
    difference = ("+" if row["difference"] > 0 else "") + number(row["difference"] / unit)
    words = (
        f"{name}: {decision}, difference {difference}"
        + f", 95 % CI {text(limits)}" * (limits is not None)
        + (f"; a difference of {seen} would have been seen in 80 % of cases" * (seen != MISSING))
    )
    return Row(
        name,
        difference,
        text(limits) if limits else "one seed: no interval",
        decision + (DAGGER if test else ""),
        DECISION_CLASSES[side],
        at,
        (low < -axis.extent, high > axis.extent),
        words,
    )


def _compared(ours: str, theirs: str, places: Mapping[str, Sequence[str]], count: int) -> str:
    def where(decision: str) -> str:
        return (
            f"on {listed(places[decision]) if count <= NAMED else f'{len(places[decision])} of {count} environments'}"
        )

    words = {
        "better": f"better than {theirs}",
        "worse": f"worse than {theirs}",
        "better, yet equivalent": f"better than, yet equivalent to, {theirs}",
        "worse, yet equivalent": f"worse than, yet equivalent to, {theirs}",
        "equivalent": f"equivalent to {theirs}",
    }
    parts = [f"{said} {where(decision)}" for decision, said in words.items() if decision in places]
    if not parts:
        return (
            f"{ours} and {theirs}: inconclusive {where('inconclusive')} (neither a difference nor equivalence is shown)"
        )
    if "inconclusive" in places:
        parts.append(f"inconclusive {where('inconclusive')}")
    return f"{ours} is {', '.join(parts)}"


def papers_in_short(found: Contents) -> list[PaperInShort]:
    """Say of each judged paper in a sentence what the runs decide."""
    return [_in_short(each) for each in found.judged if each.judgements]


def _in_short(each: JudgedPaper) -> PaperInShort:
    counts = Counter(judgement.verdict for judgement in each.judgements)
    short, total = each.paper.about.short, len(each.judgements)
    decided = {verdict: count for verdict, count in counts.items() if verdict not in UNDECIDED}
    reasons = {
        "not at the paper's settings": "{} because settings or budgets are not the paper's",
        "not enough runs": "{} because there are too few runs",
        "cannot tell": "{} because the tests are inconclusive",
    }
    claims = f"{total} claim{'' if total == 1 else 's'}"
    if decided:
        parts = [f"{count} {verdict}" for verdict, count in decided.items()]
        rest = total - sum(decided.values())
        answer = f"{short}'s {claims}: {', '.join(parts)}" + (f", {rest} undecided." if rest else ".")
    else:
        left = "; ".join(
            reasons[verdict].format("all" if count == total else count) for verdict, count in counts.most_common()
        )
        answer = f"None of {short}'s {claims} can be decided by these runs: {left}."
    pointing = Counter(direction.pointing for direction in each.directions if direction.environments)
    if pointing:
        ways = [f"{count} in the {way}" for way, count in pointing.items() if way != "inconclusive"]
        ways += [f"{pointing['inconclusive']} inconclusive"] * bool(pointing["inconclusive"])
        answer += f" At their own scale these runs test {pointing.total()}, without a verdict: {', '.join(ways)}."
    files = [] if decided else sorted(each.paper.folder.glob("benchmarks/*.yaml"))
    benchmarks = [path.stem if each.paper.folder.parent == SHIPPED else str(path) for path in files]
    return PaperInShort(each.paper.name, answer, benchmarks)


def summary(found: Contents) -> dict[str, Any]:
    """Return what the template of the first screen shows."""
    return {
        "places": places(found),
        "learned": learned_in_short(found),
        "forest": forest(found),
        "in_short": papers_in_short(found),
        "shown_places": SHOWN_PLACES,
        "shown_pairs": SHOWN_PAIRS,
        "margin": round(100 * MARGIN),
        "dagger_note": DAGGER_NOTE,
    }
