from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from algorithms.history import preceded
from algorithms.interface import Episodes
from algorithms.mql import MQL, MQLAgent
from algorithms.mql_adaptation import Copies
from algorithms.rollouts import run_episodes
from algorithms.td3 import Batch, actor_loss, critic_loss, td3_target
from tests.algorithms.two_directions import (
    HORIZON,
    TwoDirections,
    assert_same_state,
    evaluate,
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


def adapted(made: MQL, some: list[Episodes], by: list[np.random.Generator] | None = None) -> torch.Tensor:
    return made.adaptation(generators() if by is None else by).run(some)


def test_tasks_adapted_together_are_as_adapted_alone(float64: None) -> None:
    """Also though their exploration episodes have other lengths."""
    made = trained()
    some = explored(made)
    assert len({int(length) for e in some for length in e.lengths}) > 1
    together = adapted(made, some)
    assert (together - made.networks.actor_parameters.vector).abs().max() > 1e-4
    for task in range(3):
        alone = adapted(made, of_copy(some, task), generators()[task : task + 1])
        torch.testing.assert_close(together[task : task + 1], alone, rtol=0.0, atol=1e-10)


def test_copies_take_td3_steps_with_weights_and_a_proximal_term(float64: None) -> None:
    """Three updates against torch's autograd and Adam on deep copies of the modules, task by task."""
    made = trained(policy_delay=2)
    meta, adaptation = made.networks, made.adaptation(generators()[:2])
    weight = torch.tensor([0.05, 3.0])
    copies = Copies(made.settings, meta, 2)
    reference = [
        [copy.deepcopy(m) for m in (meta.actor, meta.critics, meta.target_actor, meta.target_critics)] for _ in "ab"
    ]
    adams = [[torch.optim.Adam(m.parameters(), lr=made.settings.learning_rate) for m in ms[:2]] for ms in reference]
    for update in range(3):
        batch = adaptation.replayed(12)
        noise, beta = 0.3 * torch.randn(2, 12, 1), torch.rand(2, 12)
        copies.update(batch, noise, beta, weight, update)
        for task, (actor, critics, target_actor, target_critics) in enumerate(reference):
            mine = of_task(batch, task)
            with torch.no_grad():
                y = td3_target(target_actor, target_critics, mine, noise[task], 0.99)

            def distance(module: torch.nn.Module, meta: torch.nn.Module) -> torch.Tensor:
                pairs = zip(module.parameters(), meta.parameters(), strict=True)
                return sum(((p - q.detach()) ** 2).sum() for p, q in pairs)  # type: ignore[return-value]

            loss = critic_loss(critics, mine, y, beta[task]) + weight[task] * distance(critics, meta.critics)
            adams[task][1].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adams[task][1].step()
            if update % 2 == 0:
                loss = actor_loss(actor, critics, mine, beta[task]) + weight[task] * distance(actor, meta.actor)
                adams[task][0].zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                adams[task][0].step()
                for module, target in ((actor, target_actor), (critics, target_critics)):
                    for p, q in zip(module.parameters(), target.parameters(), strict=True):
                        q.data = 0.995 * q.data + 0.005 * p.data
    flats = (copies.actor, copies.critics, copies.target_actor, copies.target_critics)
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
    adaptation, again = made.adaptation(generators()), made.adaptation(generators())
    beta, ess = adaptation.propensity(*adaptation.new_data(some))
    sampled = beta(again.replayed(2 * HORIZON), None).numpy()
    lengths = sum(e.lengths for e in some)  # as many of the replay as there are of the new task
    assert len(set(lengths.tolist())) > 1
    for task, count in enumerate(lengths):
        kept = sampled[task, :count]
        assert ess[task].item() == pytest.approx(kept.sum() ** 2 / (kept**2).sum() / count)
    assert (ess < 0.99).all()
    adapted(made, some)
    half, nothing, fixed = 0.5 * (1.0 - ess), torch.zeros(3), torch.full((3,), 0.1)
    first = {"fixed-proximal-weight": fixed, "free-first-updates": nothing}.get(published, half)
    later = {"fixed-proximal-weight": fixed}.get(published, half)
    assert len(seen) == made.settings.new_task_updates + made.settings.replay_updates
    for update, got in enumerate(seen):
        torch.testing.assert_close(got, first if update < made.settings.new_task_updates else later)


def test_the_classifier_reads_the_context_and_the_observation(float64: None) -> None:
    made, blind = trained(), trained(propensity_reads_observations=False)
    adaptation = made.adaptation(generators())
    batch, _ = adaptation.new_data(explored(made))
    for task in range(3):
        context = made.networks.actor.context(batch.history[task])[:, -1].detach()
        torch.testing.assert_close(
            adaptation.features(batch)[task], torch.cat([batch.observations[task], context], dim=1)
        )
        torch.testing.assert_close(blind.adaptation(generators()).features(batch)[task], context)


def test_the_published_code_adapts_with_adams_default_rate(float64: None) -> None:
    rate = {}
    for published in (frozenset[str](), frozenset({"adaptation-rate-1e-3"})):
        made = trained(learning_rate=0.02, as_published=published)
        rate[published] = (adapted(made, explored(made)) - made.networks.actor_parameters.vector).abs().max().item()
    plain, default = rate.values()
    assert plain > 5.0 * default


@pytest.mark.parametrize("published", [frozenset(), frozenset({"adapting-features"})])
def test_weights_read_the_actor_being_adapted_as_published_and_else_the_meta_trained_one(
    float64: None, monkeypatch: pytest.MonkeyPatch, published: frozenset[str]
) -> None:
    """Update by update and task by task, with a classifier of scikit-learn fitted before the first update."""
    made = trained(propensity_inverse_penalty=10.0, learning_rate=0.05, beta_clip=9.0, as_published=published)
    some = explored(made)
    seen: list[tuple[Batch, torch.Tensor, torch.Tensor]] = []
    update = Copies.update

    def recording(self: Copies, batch: Batch, noise: torch.Tensor, beta: torch.Tensor, *rest: Any) -> None:
        seen.append((batch, beta, self.actors.clone()))
        update(self, batch, noise, beta, *rest)

    monkeypatch.setattr(Copies, "update", recording)
    adapted(made, some)
    twin = made.adaptation(generators())
    new, mask = twin.new_data(some)
    replay, counted = twin.negatives(mask)
    moved = 0.0
    for task in range(3):

        def read(batch: Batch, vector: torch.Tensor, task: int = task) -> np.ndarray:
            actor = copy.deepcopy(made.networks.actor)
            torch.nn.utils.vector_to_parameters(vector, actor.parameters())
            context = actor.context(batch.history[task])[:, -1]
            return torch.cat([batch.observations[task], context], dim=1).detach().numpy()

        meta = made.networks.actor_parameters.vector
        positives, negatives = read(new, meta)[mask[task] > 0], read(replay, meta)[counted[task] > 0]
        assert len(positives) == len(negatives)
        labels = [-1] * len(positives) + [1] * len(negatives)
        model = LogisticRegression(C=10.0, max_iter=2000).fit(np.concatenate([positives, negatives]), labels)
        for batch, beta, actors in seen[made.settings.new_task_updates :]:
            expected = np.exp(-model.decision_function(read(batch, actors[task] if published else meta)))
            np.testing.assert_allclose(beta[task].numpy(), expected, rtol=1e-6)
            moved = max(moved, (actors[task] - meta).abs().max().item())
    assert moved > 0.05


def test_the_published_code_adapts_on_one_episode_without_noise(float64: None) -> None:
    made, plain = trained(as_published=frozenset({"one-noiseless-episode"})), trained()
    for algorithm, same in ((made, True), (plain, False)):
        agents = [algorithm.meta_test([np.random.default_rng(seed)] * 2) for seed in (0, 1)]
        for agent in agents:
            agent.begin_episode()
        actions = [agent.act(np.full((2, 1), 0.1)) for agent in agents]
        assert np.array_equal(*actions) == same
    some = explored(made)
    for episodes, same in ((some[:1], True), (some, False)):
        agent = made.meta_test(generators())
        agent.first_actions = [None] * 2
        agent.adapt(some)
        assert agent.theta is not None
        assert torch.equal(agent.theta, adapted(made, episodes)) == same


def test_the_published_code_draws_the_new_tasks_rows_with_replacement(float64: None) -> None:
    made = trained(as_published=frozenset({"resampled-new-data"}))
    adaptation = made.adaptation(generators())
    new, mask = adaptation.new_data(explored(made))
    times = torch.zeros_like(mask)
    for _ in range(400):
        drawn = adaptation.drawn_again(new, mask)
        for task in range(3):
            here = mask[task] > 0
            one = drawn.rewards[task][here][:, None] == new.rewards[task][None, :]
            assert (one & here).any(dim=1).all()
            times[task] += (one & here).sum(dim=0)
            row = one[0].long().argmax()
            torch.testing.assert_close(drawn.history[task][here][0], new.history[task][row])
            torch.testing.assert_close(drawn.next_observations[task][here][0], new.next_observations[task][row])
    for task in range(3):
        counts = times[task][mask[task] > 0]
        assert counts.sum() == 400 * len(counts)
        assert (counts.double() / 400 - 1.0).abs().max() < 0.3
    assert torch.equal(trained().adaptation(generators()).drawn_again(new, mask).rewards, new.rewards)


def test_published_negatives_are_as_many_recent_transitions_of_every_training_task(float64: None) -> None:
    family = TwoDirections(edge=0.3)
    settings = {**SMALL, "snapshot": 11, "as_published": frozenset({"task-balanced-negatives"})}
    made, tasks = make("mql", family, settings), train_tasks(family)
    assert isinstance(made, MQL)
    rewards: dict[int, list[float]] = {0: [], 1: []}
    store = made.store

    def recording(episodes: Episodes, first: Any) -> None:
        for task, length, of_episode in zip(episodes.tasks, episodes.lengths, episodes.rewards, strict=True):
            rewards[int(task)] += of_episode[:length].tolist()
        store(episodes, first)

    made.store = recording  # type: ignore[method-assign]
    for _ in range(3):
        made.meta_train(tasks)
    adaptation = made.adaptation(generators())
    _, mask = adaptation.new_data(explored(made))
    replay, counted = adaptation.negatives(mask)
    for task in range(3):
        drawn = replay.rewards[task][counted[task] > 0].tolist()
        each = int(mask[task].sum()) // 2 + 2
        assert len(drawn) == 2 * each
        of = {k: [r for r in drawn if min(abs(r - known) for known in rewards[k][-11:]) < 1e-6] for k in (0, 1)}
        assert [len(of[0]), len(of[1])] == [each, each]


def of_random_first_step(published: bool) -> tuple[MQL, list[Episodes], MQLAgent]:
    made = trained(as_published=frozenset({"random-first-step"} if published else set()), exploration_noise=0.5)
    tasks = train_tasks(TwoDirections(edge=0.3), seed=5)
    agent = made.meta_test(generators())
    return made, [run_episodes(tasks, agent, np.array([0, 1, 0]), np.full(3, HORIZON)) for _ in range(2)], agent


def test_published_histories_begin_with_a_step_never_taken(float64: None) -> None:
    made, some, agent = of_random_first_step(True)
    given = [preceded(e, first) for e, first in zip(some, agent.first_actions, strict=True) if first is not None]
    assert len(given) == 2
    batch, mask = made.adaptation(generators()).new_data(given)
    for task in range(3):
        for number, e in enumerate(some):
            first = agent.first_actions[number]
            assert first is not None
            assert 0.0 < abs(first[task, 0]) <= 1.0
            steps = [(0.0, 0.0, 0.0)] * 3 + [(e.observations[task, 0, 0], first[task, 0], 0.0)]
            taken = [(0.0, 0.0, 0.0)] * 3
            for t in range(e.lengths[task]):
                row = number * HORIZON + t
                assert mask[task, row]
                np.testing.assert_array_equal(batch.history[task, row].numpy(), steps[-3:])
                step = (e.observations[task, t, 0], e.actions[task, t, 0], e.rewards[task, t])
                steps.append(step)
                taken.append(step)
                np.testing.assert_array_equal(batch.next_history[task, row].numpy(), taken[-3:])
            assert mask[task, number * HORIZON : (number + 1) * HORIZON].sum() == e.lengths[task]
    kept = made.replay.at(torch.arange(made.replay.count))
    begins = kept.history[made.replay.ages[: made.replay.count] == 0]
    assert not begins[:, :2].any()
    torch.testing.assert_close(begins[:, 2, 0], kept.observations[made.replay.ages[: made.replay.count] == 0, 0])
    assert (begins[:, 2, 1] != 0.0).all()
    assert not begins[:, 2, 2].any()


@pytest.mark.parametrize("published", [False, True])
def test_the_history_at_evaluation_is_padded_with_zeros_unless_published(float64: None, published: bool) -> None:
    """Published, it begins with the step never taken and grows: the actor of an independent loop over what was seen."""
    made, some, agent = of_random_first_step(published)
    agent.adapt(some)
    assert agent.theta is not None
    tasks = train_tasks(TwoDirections(), seed=6)
    e = run_episodes(tasks, agent, np.array([0, 1, 0]), np.full(3, HORIZON))
    first = agent.first_actions[-1]
    for task in range(3):
        actor = copy.deepcopy(made.networks.actor)
        torch.nn.utils.vector_to_parameters(agent.theta[task], actor.parameters())
        steps = [[e.observations[task, 0, 0], first[task, 0], 0.0]] if first is not None else [[0.0] * 3] * 3
        for t in range(HORIZON):
            s = torch.tensor([[e.observations[task, t, 0]]])
            expected = actor(s, torch.tensor(steps[-3:])[None]).item()
            assert e.actions[task, t, 0] == pytest.approx(expected, abs=1e-9)
            steps.append([e.observations[task, t, 0], e.actions[task, t, 0], e.rewards[task, t]])


def test_new_data_are_the_exploration_episodes(float64: None) -> None:
    made = trained()
    some = explored(made)
    batch, mask = made.adaptation(generators()).new_data(some)
    for task in range(3):
        rows = []
        for number, e in enumerate(some):
            for t in range(HORIZON):
                here = t < e.lengths[task]
                assert mask[task, number * HORIZON + t] == float(here)
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
    batch, mask = made.adaptation(generators()).new_data(some)
    for task in range(3):
        mine = of_task(batch, task)
        expected = made.networks.actor(mine.observations, mine.history)[mask[task].bool()].detach()
        torch.testing.assert_close(mine.actions[mask[task].bool()], expected, rtol=0.0, atol=1e-12)


def test_exploration_is_noisy_and_an_adapted_agent_is_not(float64: None) -> None:
    made = trained()
    agents = [made.meta_test([np.random.default_rng(seed)] * 3) for seed in (0, 1)]
    some = explored(made)
    actions = []
    for agent in agents:
        agent.begin_episode()
        noisy = agent.act(np.zeros((3, 1)))
        agent.generators = generators()
        agent.adapt(some[:1])
        agent.begin_episode()
        actions.append((noisy, agent.act(np.full((3, 1), 0.1))))
    assert (actions[0][0] != actions[1][0]).all()
    np.testing.assert_array_equal(actions[0][1], actions[1][1])
    assert agents[0].theta is not None
    for task in range(3):
        own = copy.deepcopy(made.networks.actor)
        torch.nn.utils.vector_to_parameters(agents[0].theta[task], own.parameters())
        expected = own(torch.tensor([[0.1]]), torch.zeros(1, 3, 3)).item()
        assert actions[0][1][task, 0] == pytest.approx(expected)


def test_without_data_nothing_is_adapted() -> None:
    family = TwoDirections()
    made = make("mql", family, SMALL)
    assert isinstance(made, MQL)
    agent = made.meta_test(generators())
    agent.begin_episode()
    agent.adapt(explored(trained(), episodes=1))
    assert agent.theta is None


def test_the_actor_is_updated_every_so_many_critic_updates() -> None:
    made = trained(updates=1, policy_delay=3)
    tasks = train_tasks(TwoDirections(edge=0.3))
    moved = []
    for _ in range(6):
        theta, psi = made.networks.actor_parameters.vector.clone(), made.networks.critic_parameters.vector.clone()
        made.meta_train(tasks)
        moved.append(not torch.equal(theta, made.networks.actor_parameters.vector))
        assert not torch.equal(psi, made.networks.critic_parameters.vector)
    assert moved == [False, False, True, False, False, True]
    assert made.gradient_steps == 7


def test_the_published_preset_goes_on_from_a_state_and_adapts() -> None:
    assert set(MQL.published) == {"mql"}
    family, settings = TwoDirections(edge=0.3), {**SMALL, "as_published": MQL.published["mql"]}
    made, tasks = make("mql", family, settings), train_tasks(family)
    made.meta_train(tasks)
    other, other_tasks = make("mql", family, settings, seed=1), train_tasks(family)
    other.load_state(made.state())
    other_tasks.load_state(tasks.state())
    assert made.meta_train(tasks) == other.meta_train(other_tasks)
    assert_same_state(made.state(), other.state())
    scores = evaluate(made, family).rewards
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, evaluate(other, family).rewards)


def test_what_happens_at_meta_test_is_a_setting() -> None:
    """Nothing: the meta-trained actor. New data only: as with no updates on replay. Corrected reuse: the default."""
    some = explored(trained())
    made = {name: trained(meta_test=name) for name in ("nothing", "new data only", "corrected reuse")}
    for algorithm in made.values():
        assert torch.equal(algorithm.networks.actor_parameters.vector, trained().networks.actor_parameters.vector)
    agent = made["nothing"].meta_test(generators())
    for _ in some:
        agent.begin_episode()
    agent.adapt(some)
    assert agent.theta is None
    assert not agent.exploring
    none, without, usual = (
        algorithm.adaptation(generators()).run(some)
        for algorithm in (made["new data only"], trained(replay_updates=0), made["corrected reuse"])
    )
    assert torch.equal(none, without)
    assert not torch.equal(none, usual)
    assert torch.equal(usual, trained().adaptation(generators()).run(some))
