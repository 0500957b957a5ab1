from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from algorithms.interface import Episodes
from algorithms.mql import MQL, Copies
from algorithms.rollouts import run_episodes
from algorithms.td3 import Batch, actor_loss, critic_loss, td3_target
from tests.algorithms.two_directions import (
    HORIZON,
    TwoDirections,
    make,
    train_tasks,
)

SMALL: dict[str, Any] = {
    "context_size": 3,
    "history": 3,
    "network_sizes": (6,),
    "batch": 16,
    "updates": 6,
    "tasks_per_iteration": 2,
    "warmup_steps": 16,
    "new_task_updates": 3,
    "replay_updates": 4,
    "replay_batch": 12,
}


def trained(**settings: Any) -> MQL:
    family = TwoDirections(edge=0.3)
    made = make("mql", family, {**SMALL, **settings})
    assert isinstance(made, MQL)
    made.meta_train(train_tasks(family))
    return made


def explored(made: MQL, episodes: int = 2) -> list[Episodes]:
    tasks = train_tasks(TwoDirections(edge=0.3), seed=5)
    agent = made.meta_test([np.random.default_rng(seed) for seed in range(3)])
    limits = np.full(3, HORIZON)
    return [run_episodes(tasks, agent, np.array([0, 1, 0]), limits) for _ in range(episodes)]


def of_copy(some: list[Episodes], index: int) -> list[Episodes]:
    kept = []
    for e in some:
        length = e.lengths[index]
        kept.append(
            Episodes(
                e.tasks[[index]],
                e.observations[[index], : length + 1],
                e.actions[[index], :length],
                e.rewards[[index], :length],
                e.terminated[[index]],
                e.lengths[[index]],
                e.success[[index]],
            )
        )
    return kept


def of_task(batch: Batch, task: int) -> Batch:
    return Batch(*(column[task] for column in batch))


def generators() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in (10, 11, 12)]


def test_tasks_adapted_together_are_as_adapted_alone(float64: None) -> None:
    """Also though their exploration episodes have other lengths."""
    made = trained()
    some = explored(made)
    assert len({int(length) for e in some for length in e.lengths}) > 1
    together = made.adapt(some, generators())
    assert (together - made.theta.vector).abs().max() > 1e-4
    for task in range(3):
        alone = made.adapt(of_copy(some, task), generators()[task : task + 1])
        torch.testing.assert_close(together[task : task + 1], alone, rtol=0.0, atol=1e-10)


def test_copies_take_td3_steps_with_weights_and_a_proximal_term(float64: None) -> None:
    """Three updates against torch's autograd and Adam on deep copies of the modules, task by task."""
    made = trained(policy_delay=2)
    draws = [torch.Generator().manual_seed(seed) for seed in range(2)]
    weight = torch.tensor([0.05, 3.0])
    copies = Copies(made, 2)
    reference = [
        [copy.deepcopy(m) for m in (made.actor, made.critics, made.target_actor, made.target_critics)] for _ in "ab"
    ]
    adams = [[torch.optim.Adam(m.parameters(), lr=made.settings.learning_rate) for m in ms[:2]] for ms in reference]
    for update in range(3):
        batch = made.sample_each(12, draws)
        noise, beta = 0.3 * torch.randn(2, 12, 1), torch.rand(2, 12)
        copies.update(batch, noise, beta, weight, update)
        for task, (actor, critics, target_actor, target_critics) in enumerate(reference):
            mine = of_task(batch, task)
            with torch.no_grad():
                y = td3_target(target_actor, target_critics, mine, noise[task], 0.99)

            def distance(module: torch.nn.Module, meta: torch.nn.Module) -> torch.Tensor:
                pairs = zip(module.parameters(), meta.parameters(), strict=True)
                return sum(((p - q.detach()) ** 2).sum() for p, q in pairs)  # type: ignore[return-value]

            loss = critic_loss(critics, mine, y, beta[task]) + weight[task] * distance(critics, made.critics)
            adams[task][1].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adams[task][1].step()
            if update % 2 == 0:
                loss = actor_loss(actor, critics, mine, beta[task]) + weight[task] * distance(actor, made.actor)
                adams[task][0].zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                adams[task][0].step()
                for module, target in ((actor, target_actor), (critics, target_critics)):
                    for p, q in zip(module.parameters(), target.parameters(), strict=True):
                        q.data = 0.995 * q.data + 0.005 * p.data
    flats = (copies.theta, copies.psi, copies.theta_target, copies.psi_target)
    for task in range(2):
        for flat, module in zip(flats, reference[task], strict=True):
            expected = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
            torch.testing.assert_close(flat.parameters[0][task].detach(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("published", ["", "fixed-proximal-weight", "free-first-updates"])
def test_the_proximal_weight_is_half_of_one_less_the_effective_sample_size(
    float64: None, monkeypatch: pytest.MonkeyPatch, published: str
) -> None:
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(Copies, "update", lambda self, batch, noise, beta, weight, update: seen.append(weight))
    made = trained(propensity_inverse_penalty=100.0, as_published=frozenset({published} - {""}))
    some = explored(made)
    draws = [torch.Generator().manual_seed(int(g.integers(2**62))) for g in generators()]
    beta, ess = made.propensity(*made.new_data(some), draws)
    draws = [torch.Generator().manual_seed(int(g.integers(2**62))) for g in generators()]
    sampled = beta(made.sample_each(2 * HORIZON, draws)).numpy()
    expected = sampled.sum(1) ** 2 / (sampled**2).sum(1) / sampled.shape[1]
    np.testing.assert_allclose(ess.numpy(), expected)
    assert (ess < 0.99).all()
    made.adapt(some, generators())
    half, nothing, fixed = 0.5 * (1.0 - ess), torch.zeros(3), torch.full((3,), 0.1)
    first = {"fixed-proximal-weight": fixed, "free-first-updates": nothing}.get(published, half)
    later = {"fixed-proximal-weight": fixed}.get(published, half)
    assert len(seen) == made.settings.new_task_updates + made.settings.replay_updates
    for update, got in enumerate(seen):
        torch.testing.assert_close(got, first if update < made.settings.new_task_updates else later)


def test_the_classifier_reads_the_context_and_the_observation(float64: None) -> None:
    made, blind = trained(), trained(propensity_reads_observations=False)
    batch, _ = made.new_data(explored(made))
    for task in range(3):
        context = made.actor.context(batch.history[task])[:, -1].detach()
        torch.testing.assert_close(made.features(batch)[task], torch.cat([batch.observations[task], context], dim=1))
        torch.testing.assert_close(blind.features(batch)[task], context)


def test_the_published_code_adapts_with_adams_default_rate(float64: None) -> None:
    rate = {}
    for published in (frozenset[str](), frozenset({"adaptation-rate-1e-3"})):
        made = trained(learning_rate=0.02, as_published=published)
        rate[published] = (made.adapt(explored(made), generators()) - made.theta.vector).abs().max().item()
    plain, default = rate.values()
    assert plain > 5.0 * default


def test_new_data_are_the_exploration_episodes(float64: None) -> None:
    made = trained()
    some = explored(made)
    batch, present = made.new_data(some)
    for task in range(3):
        rows = []
        for number, e in enumerate(some):
            for t in range(HORIZON):
                here = t < e.lengths[task]
                assert present[task, number * HORIZON + t] == float(here)
                if here:
                    rows.append((number * HORIZON + t, e, t))
        for row, e, t in rows:
            assert batch.observations[task, row, 0] == e.observations[task, t, 0]
            assert batch.next_observations[task, row, 0] == e.observations[task, t + 1, 0]
            assert batch.rewards[task, row] == e.rewards[task, t]
            assert batch.terminated[task, row] == float(e.terminated[task] and t == e.lengths[task] - 1)
            for k in range(3):
                step = t - 3 + k
                expected = [0.0, 0.0, 0.0]
                if step >= 0:
                    expected = [e.observations[task, step, 0], e.actions[task, step, 0], e.rewards[task, step]]
                np.testing.assert_array_equal(batch.history[task, row, k].numpy(), expected)


def test_acting_sees_the_history_that_updates_see(float64: None) -> None:
    made = trained(exploration_noise=0.0)
    some = explored(made, episodes=1)
    batch, present = made.new_data(some)
    for task in range(3):
        mine = of_task(batch, task)
        expected = made.actor(mine.observations, mine.history)[present[task].bool()].detach()
        torch.testing.assert_close(mine.actions[present[task].bool()], expected, rtol=0.0, atol=1e-12)


def test_exploration_is_noisy_and_an_adapted_agent_is_not(float64: None) -> None:
    made = trained()
    agents = [made.meta_test([np.random.default_rng(seed)] * 3) for seed in (0, 1)]
    some = explored(made)
    actions = []
    for agent in agents:
        agent.begin_episode()
        noisy = agent.act(np.zeros((3, 1)))
        agent.generators = generators()
        agent.adapt(some)
        agent.begin_episode()
        actions.append((noisy, agent.act(np.full((3, 1), 0.1))))
    assert (actions[0][0] != actions[1][0]).all()
    np.testing.assert_array_equal(actions[0][1], actions[1][1])
    assert agents[0].theta is not None
    for task in range(3):
        own = copy.deepcopy(made.actor)
        torch.nn.utils.vector_to_parameters(agents[0].theta[task], own.parameters())
        expected = own(torch.tensor([[0.1]]), torch.zeros(1, 3, 3)).item()
        assert actions[0][1][task, 0] == pytest.approx(expected)


def test_without_data_nothing_is_adapted() -> None:
    family = TwoDirections()
    made = make("mql", family, SMALL)
    assert isinstance(made, MQL)
    agent = made.meta_test(generators())
    agent.adapt(explored(trained()))
    assert agent.theta is None


def test_the_actor_is_updated_every_so_many_critic_updates() -> None:
    made = trained(updates=1, policy_delay=3)
    tasks = train_tasks(TwoDirections(edge=0.3))
    moved = []
    for _ in range(6):
        theta, psi = made.theta.vector.clone(), made.psi.vector.clone()
        made.meta_train(tasks)
        moved.append(not torch.equal(theta, made.theta.vector))
        assert not torch.equal(psi, made.psi.vector)
    assert moved == [False, False, True, False, False, True]
    assert made.gradient_steps == 7


def test_the_published_presets_run() -> None:
    assert set(MQL.published) == {"mql"}
    made = trained(as_published=MQL.published["mql"])
    assert torch.isfinite(made.adapt(explored(made), generators())).all()
