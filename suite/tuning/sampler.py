"""Samplers that propose the trials of a search: Optuna's, asked and told; no state of theirs is kept."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from algorithms import Between, Range
from suite.errors import UsageError, unknown

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

Values = dict[str, Any]
"""Values of the settings that are searched, by name."""

SamplerName = Literal["tpe", "random"]

RANDOM_TRIALS = 6
"""Trials before `tpe` (tree-structured Parzen estimators) learns from their scores."""

DRAWS = 100
"""Draws in a row that were all tried before: the ranges are then taken to hold nothing else."""

LEAST_TRIALS = 4
"""Scores without which no importance is computed."""


class Sampler(Protocol):
    """Proposes the values of one trial after another."""

    def ask(self) -> Values | None:
        """Return the values of the next trial; None if there are no others."""

    def tell(self, score: float | None) -> None:
        """Say the score of the first trial that was asked for and not yet told; None if it has none."""

    def importances(self) -> dict[str, float]:
        """Return each setting's share in how much scores vary, by name; empty where nothing can be said."""


class OptunaSampler:
    """A sampler of Optuna's, in memory: the same after the same scores, however often the search was interrupted.

    Parameters
    ----------
    ranges : what is searched.
    own : the values that the entry has: the first trial, of which the sampler learns if they are in the ranges.
    name : the algorithm: `tpe`, or `random`.
    seed : of its draws.
    """

    def __init__(self, ranges: Mapping[str, Range], own: Values, name: SamplerName, seed: int) -> None:
        optuna = imported()
        samplers = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS),
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        }
        if name not in samplers:
            raise UsageError(unknown("sampler", name, samplers))
        self.ranges, self.own = ranges, own
        self.study = optuna.create_study(direction="maximize", sampler=samplers[name]())
        self._space = {name: _distribution(values) for name, values in ranges.items()}
        self._open: list[Trial | None] = []
        """Trials that were asked for and not yet told; None for one outside the ranges, of which nothing is learnt."""
        self._tried: set[str] = set()

    def ask(self) -> Values | None:
        """Return the values of the next trial, none of them tried before; None if there are no others."""
        if not self._tried:
            self._tried.add(json.dumps(self.own))
            inside = all(_contains(values, self.own[name]) for name, values in self.ranges.items())
            if inside:
                self.study.enqueue_trial({name: _code(self.ranges[name], value) for name, value in self.own.items()})
            self._open.append(self.study.ask(self._space) if inside else None)
            return dict(self.own)
        for _ in range(DRAWS):
            trial = self.study.ask(self._space)
            values = {name: _value(self.ranges[name], trial.params[name]) for name in self.ranges}
            if (key := json.dumps(values)) not in self._tried:
                self._tried.add(key)
                self._open.append(trial)
                return values
            self.study.tell(trial, state=imported().trial.TrialState.FAIL)
        return None

    def tell(self, score: float | None) -> None:
        """Say the score of the first trial that was not yet told; None if it has none."""
        trial = self._open.pop(0)
        if trial is not None:
            self.study.tell(trial, score, None if score is not None else imported().trial.TrialState.FAIL)

    def importances(self) -> dict[str, float]:
        """Return each setting's share in how much scores vary by fANOVA (Hutter et al., ICML 2014)."""
        importance, states = imported().importance, (imported().trial.TrialState.COMPLETE,)
        done = self.study.get_trials(deepcopy=False, states=states)
        if len(done) < LEAST_TRIALS or len({trial.value for trial in done}) == 1:
            return {}
        evaluator = importance.FanovaImportanceEvaluator(seed=0)
        found = importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items()}


def imported() -> Any:
    """Return Optuna, silent.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError("suite tune needs Optuna, which is not installed: pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def seed_of(environment: str, label: str) -> int:
    """Return the seed of an entry's search, which its name decides."""
    return zlib.crc32(f"{environment} {label}".encode())


def _distribution(values: Range) -> BaseDistribution:
    distributions = imported().distributions
    if not isinstance(values, Between):
        return distributions.CategoricalDistribution([json.dumps(value) for value in values])
    if isinstance(values.low, int) and isinstance(values.high, int):
        return distributions.IntDistribution(values.low, values.high, log=values.log)
    return distributions.FloatDistribution(values.low, values.high, log=values.log)


def _contains(values: Range, value: Any) -> bool:
    if not isinstance(values, Between):
        return json.dumps(value) in map(json.dumps, values)
    return isinstance(value, int | float) and values.low <= value <= values.high


def _code(values: Range, value: Any) -> Any:
    """Return a value as Optuna has it, which knows texts and numbers."""
    return value if isinstance(values, Between) else json.dumps(value)


def _value(values: Range, coded: Any) -> Any:
    """Return the value of what Optuna drew: numbers with three digits, which a reader can copy."""
    if not isinstance(values, Between):
        return json.loads(coded)
    return coded if isinstance(coded, int) else min(max(float(f"{coded:.3g}"), values.low), values.high)
