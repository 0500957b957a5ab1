from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from algorithms.interface import Metrics
from algorithms.maml_trpo import Batch
from algorithms.oracle_trpo import OracleTRPO
from algorithms.rollouts import run_at_least
from tests.algorithms.two_directions import TwoDirections, make, train_tasks

SMALL: dict[str, Any] = {"hidden_sizes": (4,), "meta_batch": 6, "batch_steps": 20}


def oracle(**settings: Any) -> OracleTRPO:
    made = make("oracle-trpo", TwoDirections(edge=0.2), {**SMALL, **settings})
    assert isinstance(made, OracleTRPO)
    return made


@pytest.mark.parametrize("common", [True, False])
def test_observations_end_with_the_task_that_is_rewarded(common: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sign of what is told says whether moving right pays, which the baseline is fitted to with the rest."""
    made, seen = oracle(common_baseline=common), []

    def noted(inner: list[Batch], outer: Batch) -> Metrics:
        seen.append(outer)
        return {}

    monkeypatch.setattr(made, "outer_step", noted)
    made.meta_train(train_tasks(TwoDirections(edge=0.2)))
    (batch,) = seen
    assert batch.observations.shape[2] == 2
    assert len(batch.mask) == (1 if common else 6)
    kept = batch.mask.bool()
    told, action, gain = batch.observations[..., 1][kept], batch.actions[..., 0][kept], batch.advantages[kept]
    assert set(told.tolist()) == {1.0, -1.0}
    right = (told * action).sign()
    assert gain[right > 0].mean() > gain[right < 0].mean() + 0.5
    if common:
        assert abs(float(gain.mean())) < 1e-5
        assert float(gain.std(correction=0)) == pytest.approx(1.0, abs=1e-4)


def test_an_agent_is_told_its_task_in_every_copy() -> None:
    made = oracle()
    made.policy_parameters.vector.add_(
        torch.randn(made.policy_parameters.vector.shape, generator=torch.Generator().manual_seed(0))
    )
    vectors = np.array([[1.0], [-1.0], [0.5]])
    agent = made.meta_test([np.random.default_rng(task) for task in range(3)], vectors)
    observations = np.array([[0.3]] * 3)
    agent.begin_episode()
    means = made.policy(torch.tensor(np.concatenate([observations, vectors], axis=1), dtype=torch.float32)).means
    np.testing.assert_allclose(agent.act(observations), means.detach().numpy().clip(-1, 1), rtol=1e-5)
    explorer = agent.explorer(np.array([2, 0]), 2)
    noise = agent.explored[-1][1].noise.draws
    assert noise is not None
    explorer.begin_episode()
    actions = explorer.act(np.full((4, 1), 0.3))
    expected = means.detach().numpy()[[2, 2, 0, 0]] + noise[:, 0]  # the deviation is 1 as drawn
    shift = made.policy.deviation.log_deviations.detach().exp().numpy()
    np.testing.assert_allclose(actions, (expected + (shift - 1.0) * noise[:, 0]).clip(-1, 1), rtol=1e-5)


def test_a_round_of_exploration_ends_on_its_steps() -> None:
    made, family = oracle(), TwoDirections(edge=0.2)
    tasks = train_tasks(family)
    agent = made.meta_test([np.random.default_rng(task) for task in range(2)], tasks.vectors)
    waves = list(run_at_least(tasks, agent.explorer, np.arange(2), 30, 8))
    assert sum(int(episodes.lengths.sum()) for _, episodes in waves) == tasks.steps >= 60


def test_an_agent_needs_its_task_vector_and_no_inner_step() -> None:
    made = oracle()
    with pytest.raises(ValueError, match="task_vectors"):
        made.meta_test([np.random.default_rng(0)])
    with pytest.raises(ValueError, match="inner_steps: 1: must be 0"):
        OracleTRPO.Settings(inner_steps=1)
