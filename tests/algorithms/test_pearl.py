from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from algorithms.declaration import Problem
from algorithms.gaussian import tanh_gaussian_log_probability
from algorithms.interface import Episodes, Streams
from algorithms.pearl import PEARL, PEARLSettings
from algorithms.tcl_pearl import TCLPEARL, TCLPEARLSettings
from tests.algorithms import two_directions
from tests.algorithms.references import Recorder, chain
from tests.algorithms.two_directions import HORIZON, TwoDirections

PROBLEM = Problem(observation_size=2, action_size=2, task_size=1, horizon=6, train_tasks=3, budget=200)
SMALL = PEARLSettings(
    latent_size=2,
    encoder_sizes=(5,),
    network_sizes=(6,),
    meta_batch=4,
    batch=3,
    context_batch=5,
    warmup_steps=6,
    reward_scale=5.0,
    entropy_weight=0.6,
    kl_weight=0.3,
    policy_regularisation=0.2,
)
SMALL_TCL = TCLPEARLSettings(**{**vars(SMALL), "window": 4, "contrastive_scale": 0.7})


def make(kind: type[PEARL], settings: Any, seed: int = 0) -> PEARL:
    streams = Streams(*(np.random.default_rng([seed, index]) for index in range(3)))
    algorithm = kind(settings, PROBLEM, streams, torch.device("cpu"))
    rng = np.random.default_rng(1)
    for task in (0, 1, 2, 2, 1, 0):
        algorithm.store(
            Episodes(
                tasks=np.array([task]),
                observations=rng.normal(size=(1, 7, 2)),
                actions=np.tanh(rng.normal(size=(1, 6, 2))),
                rewards=rng.normal(size=(1, 6)),
                terminated=np.array([task == 1]),
                lengths=np.array([6]),
                success=np.array([False]),
            ),
            into_context=True,
        )
    return algorithm


def optimised(algorithm: PEARL) -> dict[str, list[torch.nn.Parameter]]:
    return {
        "critic_adam": [*algorithm.encoder_parameters.parameters, *algorithm.critic_parameters.parameters],
        "value_adam": algorithm.value_parameters.parameters,
        "policy_adam": algorithm.policy_parameters.parameters,
    }


def record(algorithm: PEARL) -> dict[str, Recorder]:
    recorders = {name: Recorder(parameters) for name, parameters in optimised(algorithm).items()}
    for name, recorder in recorders.items():
        setattr(algorithm, name, recorder)
    return recorders


def reference_gradients(algorithm: PEARL, draws: dict[str, Tensor], rows: dict[str, Tensor]) -> dict[str, list[Tensor]]:
    """One PEARL update, written task by task and row by row from the paper's losses."""
    settings = algorithm.settings
    table = algorithm.replay.rows
    s_size, a_size = 2, 2
    critic_loss, kl, value_loss, log_pi_minus_q = [], [], [], []
    means_squared, log_devs_squared = [], []
    for task in range(settings.meta_batch):
        context = table[rows["context"][task]][:, : s_size + a_size + 1]
        out = chain(algorithm.encoder.network, context)
        precision = sum(1.0 / torch.log1p(o[2:].exp()) for o in out)
        mean = sum(o[:2] / torch.log1p(o[2:].exp()) for o in out) / precision
        deviation = precision**-0.5
        z = mean + deviation * draws["z"][task]
        kl.append(kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum())
        for n, row in enumerate(rows["batch"][task]):
            s, a = table[row, :2], table[row, 2:4]
            r, terminated, s_next = table[row, 4], table[row, 5], table[row + 1, :2]
            with torch.no_grad():
                y = (
                    settings.reward_scale * r
                    + 0.99 * (1 - terminated) * chain(algorithm.target_value, torch.cat([s_next, z]))[0]
                )
            for member in range(2):
                q = chain(algorithm.critics, torch.cat([s, a, z]), member)[0]
                critic_loss.append((q - y) ** 2)
            fixed = z.detach()
            head = chain(algorithm.policy.network, torch.cat([s, fixed]))
            mu, log_dev = head[:2], head[2:].clamp(-20, 2)
            u = mu + log_dev.exp() * draws["action"][task * settings.batch + n]
            normal = Normal(mu, log_dev.exp())
            action = u.tanh()
            log_pi = 0.6 * (normal.log_prob(u) - torch.log(1 - action**2)).sum()
            q_pair = [chain(algorithm.critics, torch.cat([s, action, fixed]), member)[0] for member in range(2)]
            q_min = torch.minimum(*q_pair)
            v = chain(algorithm.value, torch.cat([s, fixed]))[0]
            value_loss.append((v - (q_min - log_pi).detach()) ** 2)
            log_pi_minus_q.append(log_pi - q_min)
            means_squared.append((mu**2).mean())
            log_devs_squared.append((log_dev**2).mean())
    count = settings.meta_batch * settings.batch
    critic = sum(critic_loss) / count + settings.kl_weight * sum(kl)
    value = sum(value_loss) / count
    policy = sum(log_pi_minus_q) / count
    policy = policy + settings.policy_regularisation * (sum(means_squared) + sum(log_devs_squared)) / count
    return {
        "critic_adam": list(
            torch.autograd.grad(
                critic, [*algorithm.encoder_parameters.parameters, *algorithm.critic_parameters.parameters]
            )
        ),
        "value_adam": list(torch.autograd.grad(value, algorithm.value_parameters.parameters)),
        "policy_adam": list(torch.autograd.grad(policy, algorithm.policy_parameters.parameters)),
    }


def test_gradients_are_those_of_the_papers_losses(float64: None) -> None:
    algorithm = make(PEARL, SMALL)
    recorders = record(algorithm)
    again = torch.Generator()
    again.set_state(algorithm.generator.get_state())
    algorithm.update()

    tasks = torch.randint(PROBLEM.train_tasks, (4,), generator=again)
    rows = {"batch": algorithm.episodes.sample(tasks, 3, again)}
    rows["context"] = algorithm.contexts.sample(tasks, 5, again)
    draws = {"z": torch.randn(4, 2, generator=again), "action": torch.randn(12, 2, generator=again)}
    expected = reference_gradients(algorithm, draws, rows)
    for name, recorder in recorders.items():
        for got, gradient in zip(recorder.gradients, expected[name], strict=True):
            torch.testing.assert_close(got, gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("share", [True, False])
def test_shared_queries_are_the_context_of_pearls_own_losses(share: bool, float64: None) -> None:
    algorithm = make(TCLPEARL, replace(SMALL_TCL, share_queries=share))
    inference = algorithm.infer(torch.tensor([0, 1, 2, 0]))
    same = torch.allclose(inference.posterior.std.square().mean(), inference.auxiliary.metrics["query_variance"])
    assert same == share


def test_twin_critics_differ_unless_initialised_alike() -> None:
    independent = make(PEARL, SMALL)
    alike = make(PEARL, replace(SMALL, as_published=frozenset({"twin-critics-initialised-alike"})))
    for algorithm in (independent, alike):
        for _ in range(5):
            algorithm.update()
    assert not torch.equal(independent.critics.weights[0][0], independent.critics.weights[0][1])
    assert torch.equal(alike.critics.weights[0][0], alike.critics.weights[0][1])


def test_garages_regularisers_have_no_gradient() -> None:
    recorded = []
    for weight in (0.0, 0.2):
        settings = replace(
            SMALL, policy_regularisation=weight, as_published=frozenset({"regularisers-without-gradient"})
        )
        algorithm = make(PEARL, settings)
        recorders = record(algorithm)
        algorithm.update()
        recorded.append(recorders["policy_adam"].gradients)
    for one, other in zip(*recorded, strict=True):
        assert torch.equal(one, other)


def test_only_exploration_with_the_prior_becomes_context() -> None:
    algorithm = make(PEARL, SMALL)
    before = algorithm.contexts.counts.clone()
    episodes = Episodes(
        tasks=np.array([1]),
        observations=np.zeros((1, 3, 2)),
        actions=np.zeros((1, 2, 2)),
        rewards=np.zeros((1, 2)),
        terminated=np.array([False]),
        lengths=np.array([2]),
        success=np.array([False]),
    )
    algorithm.store(episodes, into_context=False)
    assert torch.equal(algorithm.contexts.counts, before)
    assert algorithm.episodes.counts[1] == 3


def test_the_agent_explores_with_fresh_priors_and_then_keeps_one_posterior() -> None:
    algorithm = make(PEARL, SMALL)
    agent = algorithm.meta_test([np.random.default_rng(k) for k in range(2)])
    drawn = []
    for _ in range(2):
        agent.begin_episode()
        drawn.append(agent.actor.told.clone())
        assert agent.actor.noise.draws is not None
    assert not torch.equal(*drawn)
    rng = np.random.default_rng(3)
    exploration = Episodes(
        tasks=np.arange(2),
        observations=rng.normal(size=(2, 5, 2)),
        actions=rng.normal(size=(2, 4, 2)),
        rewards=rng.normal(size=(2, 4)),
        terminated=np.zeros(2, dtype=np.bool_),
        lengths=np.array([4, 2]),
        success=np.zeros(2, dtype=np.bool_),
    )
    agent.adapt([exploration])
    agent.begin_episode()
    z = agent.actor.told
    agent.begin_episode()
    assert agent.actor.told is z
    assert agent.actor.noise.draws is None
    # The second copy's padding must not reach its posterior.
    alone = algorithm.encode([replace(exploration, observations=exploration.observations * [[[1.0]], [[0.5]]])])
    assert not torch.allclose(alone.means[1], algorithm.encode([exploration]).means[1])
    padded = exploration.observations.copy()
    padded[1, 2:] = 99.0
    torch.testing.assert_close(
        algorithm.encode([replace(exploration, observations=padded)]).means, algorithm.encode([exploration]).means
    )


COLLECTING: dict[str, Any] = {
    "latent_size": 2,
    "encoder_sizes": (4,),
    "network_sizes": (4,),
    "meta_batch": 2,
    "batch": 4,
    "context_batch": 4,
    "updates": 1,
    "warmup_steps": HORIZON,
    "tasks_per_iteration": 5,
    "prior_steps": 2 * HORIZON,
    "posterior_steps": 3 * HORIZON,
}


@pytest.mark.parametrize("name", ["pearl", "tcl-pearl"])
def test_a_tasks_context_is_that_of_its_last_draw(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two tasks and five draws some task comes at least three times; each draw clears what the last one left."""
    family = TwoDirections()
    algorithm = two_directions.make(name, family, COLLECTING)
    assert isinstance(algorithm, PEARL)
    seen: list[tuple[int, int, int]] = []  # task, episodes in its context, row of the first
    posterior = algorithm.posterior

    def looking(chosen: Any) -> Tensor:
        assert len(set(chosen.tolist())) == len(chosen)
        for task in chosen.tolist():
            seen.append((task, int(algorithm.contexts.counts[task]), int(algorithm.contexts.starts[task, 0])))
        return posterior(chosen)

    monkeypatch.setattr(algorithm, "posterior", looking)
    tasks = two_directions.train_tasks(family)
    algorithm.meta_train(tasks)
    assert len(seen) == 5 * 3  # draws times episodes with a posterior z
    assert {count for _, count, _ in seen} == {2}
    assert len({start for *_, start in seen}) == 5
    for task in {task for task, *_ in seen}:
        assert algorithm.contexts.counts[task] == 2
        assert algorithm.contexts.starts[task, 0] == max(start for drawn, _, start in seen if drawn == task)
    assert tasks.steps == 2 * HORIZON + 5 * 5 * HORIZON


@pytest.mark.parametrize(("published", "priors"), [("garage", 3), ("oyster", 3), (None, 2)])
def test_published_implementations_begin_the_posterior_phase_with_a_prior_z(
    published: str | None, priors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**COLLECTING, "tasks_per_iteration": 1}
    settings["as_published"] = PEARL.published[published] if published else frozenset()
    algorithm = two_directions.make("pearl", TwoDirections(), settings)
    assert isinstance(algorithm, PEARL)
    acted: list[str] = []
    act = algorithm.policy.act

    def recording(observations: Any, told: Tensor, noise: Any) -> Any:
        acted.append("posterior" if (told == 7.0).all() else "prior")
        return act(observations, told, noise)

    monkeypatch.setattr(algorithm, "posterior", lambda some: torch.full((len(some), 2), 7.0))
    monkeypatch.setattr(algorithm.policy, "act", recording)
    algorithm.meta_train(two_directions.train_tasks(TwoDirections()))
    episodes = [acted[start] for start in range(0, len(acted), HORIZON)]
    assert episodes == ["prior"] * (1 + priors) + ["posterior"] * (5 - priors)  # the first one is warm-up


@pytest.mark.parametrize("published", ["garage", "oyster"])
def test_published_log_densities_are_bounded_where_tanh_saturates(published: str, float64: None) -> None:
    """log N(u) - log(1 - tanh(u)^2 + 1e-6), as both code bases write it, and its gradient."""
    algorithm = make(PEARL, replace(SMALL, as_published=PEARL.published[published]))
    algorithm.policy.network.biases[-1].data[:2] = torch.tensor([0.3, 9.0])
    inputs = torch.randn(5, 4)
    drawn = algorithm.policy.sample(inputs, torch.Generator().manual_seed(1))
    noise = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    u = drawn.means + noise * drawn.log_std.exp()
    normal = Normal(drawn.means, drawn.log_std.exp())
    expected = (normal.log_prob(u) - torch.log(1 - torch.tanh(u) ** 2 + 1e-6)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(drawn.log_probabilities, expected, rtol=1e-9, atol=1e-9)
    weights = algorithm.policy_parameters.parameters
    got = torch.autograd.grad(drawn.log_probabilities.sum(), weights, retain_graph=True)
    for one, other in zip(got, torch.autograd.grad(expected.sum(), weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    exact = tanh_gaussian_log_probability(u, noise, drawn.log_std)
    assert (exact - drawn.log_probabilities).min() > 0.5


@pytest.mark.parametrize("kind", [PEARL, TCLPEARL])
@pytest.mark.parametrize("test_posterior", ["mean", "sample"])
def test_without_exploration_the_belief_is_the_prior(kind: type[PEARL], test_posterior: str) -> None:
    settings = SMALL if kind is PEARL else SMALL_TCL
    algorithm = make(kind, replace(settings, test_posterior=test_posterior))
    agent = algorithm.meta_test([np.random.default_rng(k) for k in range(2)])
    agent.adapt([])
    agent.begin_episode()
    expected = np.zeros((2, 2))
    if test_posterior == "sample":
        expected = np.stack([np.random.default_rng(k).standard_normal(2) for k in range(2)])
    np.testing.assert_allclose(agent.actor.told, expected, rtol=1e-6)
