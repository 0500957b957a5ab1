from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from algorithms.declaration import Problem
from algorithms.interface import Streams
from algorithms.oracle_sac import BlindSAC, OracleSAC, OracleSACSettings
from tests.algorithms.references import Recorder, chain, episodes_of

SETTINGS = OracleSACSettings(network_sizes=(6,), batch=8, reward_scale=2.0)
VECTORS = np.array([[0.3], [-0.7], [1.1]])


def make(kind: type[OracleSAC], published: frozenset[str] = frozenset()) -> OracleSAC:
    problem = Problem(1, 1, 1, 6, 3, 100, VECTORS if kind.reads_task_vectors else None)
    streams = Streams(*(np.random.default_rng(index) for index in range(3)))
    algorithm = kind(replace(SETTINGS, as_published=published), problem, streams, torch.device("cpu"))
    episodes = episodes_of([0, 1, 2], [5, 6, 3])
    algorithm.store([replace(episodes, observations=episodes.observations / 1000)])
    return algorithm


@pytest.mark.parametrize("published", [frozenset(), OracleSAC.published["garage"]], ids=["described", "garage"])
def test_gradients_are_those_of_soft_actor_critic(float64: None, published: frozenset[str]) -> None:
    algorithm = make(OracleSAC, published)
    (log_alpha,) = algorithm.log_temperature.parameters
    log_alpha.data.fill_(-0.4)
    recorders = {
        "critic_adam": Recorder(algorithm.critic_parameters.parameters),
        "policy_adam": Recorder(algorithm.policy_parameters.parameters),
        "temperature_adam": Recorder(algorithm.log_temperature.parameters),
    }
    for name, recorder in recorders.items():
        setattr(algorithm, name, recorder)
    again = torch.Generator()
    again.set_state(algorithm.generator.get_state())
    target_before = [parameter.clone() for parameter in algorithm.target_critics.parameters()]
    algorithm.update()
    for parameter, before in zip(algorithm.target_critics.parameters(), target_before, strict=True):
        parameter.data.copy_(before)

    tasks = torch.randint(3, (8,), generator=again)
    rows = algorithm.episodes.sample(tasks, 1, again)[:, 0]
    noise_next, noise = (torch.randn(8, 1, generator=again) for _ in range(2))
    added = 1e-6 if published else 0.0

    def act(s: torch.Tensor, c: torch.Tensor, epsilon: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_dev = chain(algorithm.policy.network, torch.cat([s, c])).chunk(2)
        u = mean + log_dev.exp() * epsilon
        log_pi = torch.distributions.Normal(mean, log_dev.exp()).log_prob(u) - torch.log(1 - u.tanh() ** 2 + added)
        return u.tanh(), log_pi.sum()

    critic, policy, temperature = [], [], []
    for n in range(8):
        row, c = algorithm.replay.rows[rows[n]], torch.from_numpy(VECTORS[tasks[n]])
        s, a, s_next = row[:1], row[1:2], algorithm.replay.rows[rows[n] + 1, :1]
        times = c.item() if published else 1.0
        alpha = float(np.exp(-0.4 * times))
        with torch.no_grad():
            a_next, log_pi_next = act(s_next, c, noise_next[n])
            q_next = min(chain(algorithm.target_critics, torch.cat([s_next, c, a_next]), m)[0] for m in range(2))
            y = 2.0 * row[2] + 0.99 * (1 - row[3]) * (q_next - alpha * log_pi_next)
        critic += [(chain(algorithm.critics, torch.cat([s, c, a]), m)[0] - y) ** 2 for m in range(2)]
        drawn, log_pi = act(s, c, noise[n])
        q = torch.minimum(*(chain(algorithm.critics, torch.cat([s, c, drawn]), m)[0] for m in range(2)))
        policy.append(alpha * log_pi - q)
        temperature.append(-log_alpha * times * (log_pi.detach() - 1))
    for name, losses, parameters in (
        ("critic_adam", critic, algorithm.critic_parameters.parameters),
        ("policy_adam", policy, algorithm.policy_parameters.parameters),
        ("temperature_adam", temperature, algorithm.log_temperature.parameters),
    ):
        expected = torch.autograd.grad(sum(losses).sum() / 8, parameters)
        for got, gradient in zip(recorders[name].gradients, expected, strict=True):
            torch.testing.assert_close(got, gradient, rtol=1e-9, atol=1e-11)


def test_the_blind_control_is_told_the_same_of_every_task() -> None:
    oracle, blind = make(OracleSAC), make(BlindSAC)
    assert len(torch.unique(oracle.train_vectors)) == 3
    assert not blind.train_vectors.any()
    observations = np.zeros((3, 1))
    generators = [np.random.default_rng(k) for k in range(3)]
    told = oracle.meta_test(generators, VECTORS).act(observations)
    untold = blind.meta_test(generators).act(observations)
    assert len(np.unique(told)) == 3
    assert len(np.unique(untold)) == 1


@pytest.mark.parametrize("log_alpha", [-200.0, 200.0])
def test_no_temperature_overflows(log_alpha: float) -> None:
    algorithm = make(OracleSAC)
    algorithm.log_temperature.vector.fill_(log_alpha)
    for _ in range(3):
        metrics = algorithm.update()
        assert all(value.isfinite().all() for value in metrics.values()), metrics
    for part in (algorithm.critic_parameters, algorithm.policy_parameters):
        assert part.vector.isfinite().all()
