from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metaworld.policies import SawyerPushV3Policy

from algorithms.scaling import LEAST_DEVIATION, Standardisation
from environments import FloatArray, TaskFamily, make_family
from tests.algorithms.two_directions import TwoDirections, make


def observations(
    family: TaskFamily, tasks: FloatArray, policy: Callable[[FloatArray], FloatArray | Sequence[FloatArray]]
) -> FloatArray:
    """Observations of one episode in each task, (time + 1, tasks, observation_size)."""
    copies = np.arange(len(tasks))
    simulation = family.simulation(len(tasks))
    seen = [simulation.reset(copies, tasks, [np.random.default_rng(copy) for copy in copies])]
    for _ in range(family.spec.horizon):
        actions = np.clip(policy(seen[-1]), -1.0, 1.0)
        seen.append(simulation.step(actions, np.ones(len(tasks), dtype=np.bool_)).observations)
    simulation.close()
    return np.stack(seen)


@pytest.mark.filterwarnings("ignore:Constant")
def test_an_expert_stays_within_ten_deviations_of_what_random_actions_showed() -> None:
    """Random actions hardly touch the object: its coordinates deviate by 1e-5 and more, an expert moves it by 0.1."""
    family, rng, expert = make_family("push-v1"), np.random.default_rng(0), SawyerPushV3Policy()
    tasks = family.sample_tasks(0).train[:4]
    warmup = observations(family, tasks, lambda seen: rng.uniform(-1.0, 1.0, (len(seen), 4)))
    pushing = observations(family, tasks, lambda seen: [expert.get_action(one) for one in seen])
    scale = Standardisation(family.spec.observation_size, LEAST_DEVIATION)
    scale.fit(warmup.reshape(-1, family.spec.observation_size))
    assert np.ptp(pushing[..., 4:6], axis=0).max() > 0.05  # it did push
    assert np.abs(scale(pushing)).max() < 10.0


@given(st.floats(0.0, 1.0), st.floats(-1.0, 1.0))
def test_no_coordinate_is_divided_by_less_than_the_least_deviation(deviation: float, later: float) -> None:
    scale = Standardisation(1, 0.05)
    scale.fit(np.array([[-deviation], [deviation]]))
    expected = later / max(deviation, 0.05)
    np.testing.assert_allclose(scale(np.array([later])), [expected], atol=1e-12)


def test_without_a_least_deviation_a_sample_becomes_standard_whatever_its_scale() -> None:
    sample = np.random.default_rng(0).normal(3.0, 1e-4, (500, 2))
    sample[:, 1] = 7.0
    scale = Standardisation(2)
    scale.fit(sample)
    np.testing.assert_allclose(scale(sample).std(axis=0), [1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(scale(np.array([3.0, 8.0]))[1], 1.0)


@pytest.mark.parametrize("name", ["pearl", "tcl-pearl", "oracle-sac", "blind-sac"])
def test_algorithms_standardise_observations_by_no_less(name: str) -> None:
    scale = make(name, TwoDirections(), {"network_sizes": (4,)}).parts["scale"]
    assert isinstance(scale, Standardisation)
    scale.fit(np.array([[0.0], [1e-5]]))
    np.testing.assert_array_equal(scale.deviation, [LEAST_DEVIATION])
