"""Settings of meta-Q-learning, and where its published implementation differs from the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from algorithms.declaration import (
    DISCOUNTS,
    TARGET_RATES,
    Between,
    Count,
    CountOrNone,
    Declaration,
    Fraction,
    GradientSettings,
    Problem,
    Range,
    Scale,
    UnitInterval,
    Width,
    Widths,
    added,
)

Difference = Literal[
    "fixed-proximal-weight",  # mql.py:219-246, main.py:67: 0.1 ||.||^2, as no shipped command sets use_ess_clipping
    "free-first-updates",  # mql.py adapt: no proximal term in the updates on the new task's data
    "adaptation-rate-1e-3",  # mql.py:590-591: torch's default, whatever the learning rate
    "small-weights-zeroed",  # mql.py:277: weights below 0.1
    "adapting-features",  # mql.py:257-264, :600: weights read the actor being adapted; the classifier, the one before
    "one-noiseless-episode",  # main.py:344-430: what a new task is adapted on
    "resampled-new-data",  # mql.py:177, :322, buffer.py:44: the new task's rows are drawn with replacement
    "task-balanced-negatives",  # mql.py:159-169: as many recent transitions of every training task
    "random-first-step",  # runner_multi_snapshot.py:63-80, main.py:273-282: histories begin with a step never taken
]

MetaTest = Literal[
    "nothing",  # TD3 with a recurrent context, and no adaptation
    "new data only",  # updates on the new task's own transitions
    "corrected reuse",  # and then on the meta-training replay, weighted by propensity
]

PUBLISHED: dict[str, frozenset[str]] = {"mql": frozenset(get_args(Difference))}


@dataclass(frozen=True)
class MQLSettings(GradientSettings):
    """Settings of MQL; the defaults are the TCL-PEARL paper's for Meta-World."""

    context_size: Width = 30
    """Table 6, context dimension: units of the GRU."""
    history: Count = 10
    """Table 6, GRU sequence length: steps of the episode that the context sees."""
    network_sizes: Widths = (300, 300)
    """run_script.py:78; of actor and critics."""
    batch: Count = 256
    """run_script.py:81, transitions of all tasks an update."""
    updates: Count = 200
    """Table 6, parameter updates per meta-training iteration."""
    tasks_per_iteration: Count = 5
    """run_script.py:81, num_tasks_sample: one episode in each."""
    warmup_steps: Count = 2000
    """run_script.py:77, num_initial_steps: random steps a training task before the first update."""
    exploration_noise: UnitInterval = 0.2
    """Table 6, std of the noise on actions."""
    policy_noise: UnitInterval = 0.2
    """Table 6, std of the noise on target actions."""
    noise_clip: Annotated[float, Field(gt=0.0, le=2.0)] = 0.5
    """main.py:25."""
    policy_delay: Count = 3
    """Table 6, policy update frequency: critic updates an actor update."""
    discount: UnitInterval = 0.99
    """main.py:19."""
    target_rate: Fraction = 0.005
    """main.py:18."""
    learning_rate: Fraction = 8e-4
    """run_script.py:79. Table 6 prints 0.008, ten times as much."""
    new_task_updates: CountOrNone = 10
    """Table 6, vanilla off-policy adaptation updates, each on all transitions of the new task."""
    replay_updates: CountOrNone = 400
    """Table 6, importance-ratio corrected adaptation updates, on the meta-training replay."""
    replay_batch: Count = 1280
    """run_script.py:80, sample_mult 5: transitions a corrected update."""
    beta_clip: Annotated[float, Field(ge=0.0, le=20.0)] = 1.1
    """Table 6: weights are at most exp(beta_clip)."""
    propensity_inverse_penalty: Scale = 0.06
    """run_script.py:78, lam_csc: C of the logistic regression."""
    propensity_reads_observations: bool = True
    """run_script.py:80, enable_beta_obs_cxt: the classifier sees the observation beside the context."""
    snapshot: Count = added(4000)
    """run_script.py:78, snapshot_size: a task's last transitions, of which "task-balanced-negatives" draws."""
    replay_size: CountOrNone = added(0)
    """Newest transitions, of all tasks together, that updates draw from; 0 for all. run_script.py has 1,000,000."""
    meta_test: MetaTest = added("corrected reuse")
    """The data that a new task's networks are fitted to."""
    as_published: frozenset[Difference] = frozenset()
    """Ways in which MQL's code differs from its paper; see `PUBLISHED` and docs/algorithms/mql.md."""


class MQLDeclaration(Declaration):
    """Meta-Q-learning."""

    implementation: ClassVar[str] = "algorithms.mql:MQL"
    name: ClassVar[str] = "mql"
    revision: ClassVar[int] = 4
    Settings: ClassVar[type[Any]] = MQLSettings
    published: ClassVar[Mapping[str, frozenset[str]]] = PUBLISHED
    ranges: ClassVar[Mapping[str, Range]] = {
        "learning_rate": Between(3e-4, 3e-3, log=True),
        "exploration_noise": (0.1, 0.2, 0.3),
        "replay_updates": (5, 20, 100),
        "discount": DISCOUNTS,
        "target_rate": TARGET_RATES,
    }
    reads_evaluation_rewards: ClassVar[bool] = True
    adapts_on_replay: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: MQLSettings, problem: Problem) -> int:
        """Warm-up of every training task, and one episode in each of the sampled tasks."""
        return settings.warmup_steps * problem.train_tasks + settings.tasks_per_iteration * problem.horizon
