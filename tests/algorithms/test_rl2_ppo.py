from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from algorithms.gaussian import DiagonalNormal
from algorithms.noise import EpisodeNoise
from algorithms.rl2_ppo import RL2PPO, Minibatch, Recorder, Trials, clipped_surrogate
from algorithms.rollouts import run_episodes
from tests.algorithms.two_directions import (
    HORIZON,
    TwoDirections,
    make,
    train_tasks,
)

SMALL: dict[str, Any] = {"hidden_size": 4, "meta_batch": 4, "episodes_per_trial": 3, "epochs": 2, "minibatch": 3}


def algorithm(**settings: Any) -> RL2PPO:
    made = make("rl2-ppo", TwoDirections(edge=0.3), {**SMALL, **settings})
    assert isinstance(made, RL2PPO)
    return made


def recorded(made: RL2PPO, edge: float = 0.3) -> tuple[Recorder, list[Any]]:
    tasks = train_tasks(TwoDirections(edge))
    recorder = Recorder(made, 4)
    indices = np.array([0, 1, 1, 0])
    limits = np.full(4, HORIZON)
    return recorder, [run_episodes(tasks, recorder, indices, limits) for _ in range(3)]


def test_the_surrogate_is_ppos() -> None:
    ratios, advantages = [0.5, 0.9, 1.0, 1.1, 2.0], [-1.5, 0.7]
    for ratio in ratios:
        for advantage in advantages:
            log_ratio = torch.tensor(np.log(ratio), dtype=torch.float64, requires_grad=True)
            value = clipped_surrogate(log_ratio, torch.tensor(advantage, dtype=torch.float64), 0.2)
            assert value.item() == pytest.approx(min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage))
            (slope,) = torch.autograd.grad(value, log_ratio)
            clipped = (ratio > 1.2 and advantage > 0) or (ratio < 0.8 and advantage < 0)
            assert slope.item() == pytest.approx(0.0 if clipped else ratio * advantage)


@pytest.mark.parametrize("log_ratio", [-200.0, -1.0, 0.0, 0.1, 1.0, 19.0, 89.0, 1e4])
@pytest.mark.parametrize("advantage", [-1.5, 0.0, 0.7])
def test_the_surrogate_is_finite_with_its_gradient_whatever_the_ratio(log_ratio: float, advantage: float) -> None:
    """Against Eq. 7 in logarithms of arbitrary precision; a bad action's ratio is cut at e^20."""
    given = torch.tensor(log_ratio, requires_grad=True)
    value = clipped_surrogate(given, torch.tensor(advantage), 0.2)
    (slope,) = torch.autograd.grad(value, given)
    ratio = Decimal(min(log_ratio, 20.0 if advantage <= 0.0 else log_ratio)).exp()
    weight = Decimal(advantage)
    expected = min(ratio * weight, min(max(ratio, Decimal("0.8")), Decimal("1.2")) * weight)
    assert value.item() == pytest.approx(float(expected), rel=1e-5)
    flat = (log_ratio > np.log(1.2) and advantage > 0) or (log_ratio < np.log(0.8) and advantage < 0) or log_ratio > 20
    assert slope.item() == pytest.approx(0.0 if flat else float(ratio * weight), rel=1e-5)
    assert torch.isfinite(slope.square())


def test_trials_of_several_waves_are_those_of_each(float64: None) -> None:
    made = algorithm()
    some, more = (recorded(made, edge)[0].trials() for edge in (0.05, np.inf))
    assert some.rewards.shape[1] != more.rewards.shape[1]
    joined = Trials.join([some, more])
    assert all(np.array_equal(one, other) for one, other in zip(Trials.join([some]), some, strict=True))
    for begin, wave in ((0, some), (4, more)):
        mine = [column[begin : begin + 4] for column in joined]
        time = wave.rewards.shape[1]
        for got, expected in zip(mine[1:4], wave[1:4], strict=True):
            np.testing.assert_array_equal(got[:, :time], expected)
            assert not got[:, time:].any()
        np.testing.assert_array_equal(mine[0][:, : time + 1], wave.inputs)
        np.testing.assert_array_equal(mine[4], wave.terminated)
        np.testing.assert_array_equal(mine[5], wave.lengths)


def test_a_trial_joins_its_episodes_without_gaps_and_flags_their_boundaries(float64: None) -> None:
    made = algorithm()
    recorder, episodes = recorded(made)
    trials = recorder.trials()
    assert any((e.lengths < HORIZON).any() for e in episodes), "no episode ended early: nothing is tested"
    assert any((e.lengths == HORIZON).any() for e in episodes), "no episode was truncated: nothing is tested"
    for copy in range(4):
        expected, rewards = [], []
        action, reward = 0.0, 0.0
        for number, e in enumerate(episodes):
            for t in range(e.lengths[copy]):
                expected.append([e.observations[copy, t, 0], action, reward, float(number > 0 and t == 0)])
                action, reward = trials.actions[copy, len(expected) - 1, 0], e.rewards[copy, t]
                assert e.actions[copy, t, 0] == np.clip(action, -1, 1)
                rewards.append(reward)
        last = episodes[-1]
        expected.append([last.observations[copy, last.lengths[copy], 0], action, reward, 0.0])
        steps = len(rewards)
        np.testing.assert_allclose(trials.inputs[copy, : steps + 1], expected)
        assert not trials.inputs[copy, steps + 1 :].any()
        np.testing.assert_array_equal(trials.rewards[copy, :steps], rewards)
        assert trials.mask[copy].sum() == steps
        assert trials.terminated[copy] == last.terminated[copy]
        assert trials.lengths[copy].tolist() == [e.lengths[copy] for e in episodes]


def test_a_minibatch_knows_where_the_episodes_of_its_trials_are(float64: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transition of every episode is in the input that shows its action, its reward and what followed."""
    made = algorithm()
    collected: list[tuple[Any, list[Any]]] = []

    def collect(tasks: Any, chosen: Any) -> tuple[Trials, Any]:
        recorder, episodes = recorded(made)
        collected.append((chosen, episodes))
        return recorder.trials(), np.zeros((4, 3))

    batches: list[Minibatch] = []
    update = made.update
    monkeypatch.setattr(made, "collect", collect)
    monkeypatch.setattr(made, "update", lambda batch: batches.append(batch) or update(batch))
    made.meta_train(train_tasks(TwoDirections()))
    ((chosen, episodes),) = collected
    assert len({int(length) for e in episodes for length in e.lengths}) > 1
    assert [len(batch.x) for batch in batches] == [3, 1, 3, 1]
    for batch in batches:
        inputs, table = batch.x.flatten(0, 1), batch.episodes
        assert table.counts.tolist() == [3] * len(batch.x)
        for trial, lengths in enumerate(table.lengths.tolist()):
            copy = episodes[0].observations[:, 0, 0].tolist().index(batch.x[trial, 0, 0].item())
            assert lengths == [e.lengths[copy] for e in episodes]
            assert batch.tasks[trial] == chosen[copy]
            for e, start, length in zip(episodes, table.starts[trial].tolist(), lengths, strict=True):
                for t in range(length):
                    _, action, reward, _ = inputs[start + t].tolist()
                    assert np.clip(action, -1, 1) == e.actions[copy, t, 0]
                    assert reward == e.rewards[copy, t]
                    if t + 1 < length:
                        assert inputs[start + t, 0] == e.observations[copy, t + 1, 0]


def test_garage_flags_only_what_the_task_ended(float64: None) -> None:
    made = algorithm(as_published=frozenset({"unflagged-time-limits"}))
    recorder, episodes = recorded(made)
    trials = recorder.trials()
    ended = np.stack([e.terminated for e in episodes[:-1]], axis=1)
    assert ended.any()
    assert not ended.all()
    for copy in range(4):
        starts = np.cumsum([e.lengths[copy] for e in episodes[:-1]])
        np.testing.assert_array_equal(trials.inputs[copy, starts, -1], ended[copy])
        assert trials.inputs[copy, :, -1].sum() == ended[copy].sum()


def test_garages_episodes_begin_with_nothing_of_the_one_before(float64: None) -> None:
    made = algorithm(as_published=frozenset({"blank-episode-starts"}))
    recorder, episodes = recorded(made)
    trials = recorder.trials()
    plain = recorded(algorithm())[0].trials()
    seen = trials.inputs.shape[-1] - plain.actions.shape[-1] - 2
    for copy in range(4):
        starts = np.cumsum([e.lengths[copy] for e in episodes[:-1]])
        assert not trials.inputs[copy, starts, seen:].any()
        assert trials.inputs[copy, starts - 1, seen:].any()
        assert plain.inputs[copy, starts, seen:].all()


def test_garages_policy_begins_with_xavier_weights_and_zero_biases() -> None:
    made = algorithm(hidden_size=64, as_published=frozenset({"xavier-initialisation"}))
    gru, head = made.policy.gru, made.policy.head
    for weight in (gru.input_weight, gru.hidden_weight, head.weights[0]):
        bound = np.sqrt(6.0 / sum(weight.shape))
        assert 0.9 * bound < weight.detach().abs().max().item() <= bound
    for bias in (gru.input_bias, gru.hidden_bias, head.biases[0]):
        assert not bias.any()


def test_garages_trials_earn_the_entropy_of_steps_that_an_early_end_leaves_out(float64: None) -> None:
    trials = trials_of(False)
    published = RL2PPO.published["garage"]
    longest = algorithm().settings.episodes_per_trial * HORIZON
    without, _ = algorithm(as_published=published - {"entropy-of-padding", "linear-feature-baseline"}).evaluate(trials)
    padded, _ = algorithm(as_published=published - {"linear-feature-baseline"}).evaluate(trials)
    bonus = 0.02 * torch.distributions.Normal(0.0, 1.0).entropy().item()
    for copy, length in enumerate((6, 4)):
        for t in range(length):
            beyond = sum((0.99 * 0.95) ** (k - t) * bonus for k in range(length, longest))
            assert padded[copy, t] - without[copy, t] == pytest.approx(beyond)
        assert not padded[copy, length:].any()


def test_the_update_sees_the_distributions_that_acted(float64: None) -> None:
    """Step by step with a hidden state carried over episodes, or all at once over the joined trial: the same means."""
    made = algorithm()
    recorder = Recorder(made, 4)
    recorder.noise = lambda: EpisodeNoise(np.zeros((4, HORIZON, 1)))
    indices, tasks = np.array([0, 1, 1, 0]), train_tasks(TwoDirections())
    with torch.no_grad():
        made.policy.head.biases[0].fill_(0.1)
    for limits in ([8, 8, 8, 8], [8, 2, 5, 8], [3, 8, 1, 8]):
        run_episodes(tasks, recorder, indices, np.array(limits))
    trials = recorder.trials()
    with torch.no_grad():
        distribution, states = made.policy(torch.from_numpy(trials.inputs[:, :-1]))
    for copy, steps in enumerate((19, 18, 14, 24)):
        means = distribution.means[copy, :steps].numpy()
        np.testing.assert_allclose(trials.actions[copy, :steps], means, atol=1e-12)
        np.testing.assert_allclose(recorder.hidden[copy].numpy(), states[copy, steps - 1].numpy(), atol=1e-12)


def trials_of(terminated: bool) -> Trials:
    rng = np.random.default_rng(0)
    mask = np.arange(6) < np.array([6, 4])[:, None]
    inputs = rng.normal(size=(2, 7, 4)) * (np.arange(7) <= np.array([6, 4])[:, None])[..., None]
    rewards = rng.normal(size=(2, 6)) * mask
    return Trials(inputs, rng.normal(size=(2, 6, 1)), rewards, mask, np.full(2, terminated), np.array([[6], [4]]))


@pytest.mark.parametrize("terminated", [False, True])
def test_a_truncated_trial_is_worth_its_final_observations_value_and_a_terminated_one_nothing_more(
    float64: None, terminated: bool
) -> None:
    made = algorithm(as_published=frozenset({"uncentred-advantages"}))
    made.returns.mean, made.returns.deviation = np.array([2.0]), np.array([3.0])
    trials = trials_of(terminated)
    with torch.no_grad():
        values = 2.0 + 3.0 * made.value(torch.from_numpy(trials.inputs)).numpy()
    advantages, returns = made.evaluate(trials)
    for copy, length in enumerate((6, 4)):
        following, value = 0.0, 0.0 if terminated else values[copy, length]
        for t in reversed(range(length)):
            delta = trials.rewards[copy, t] + 0.99 * value - values[copy, t]
            following = delta + 0.99 * 0.95 * following
            value = values[copy, t]
            assert advantages[copy, t] == pytest.approx(following)
            assert returns[copy, t] == pytest.approx(following + value)
    assert made.returns.mean == pytest.approx(returns[trials.mask].mean())
    assert made.returns.deviation == pytest.approx(returns[trials.mask].std())


def test_advantages_are_standardised_over_the_batch(float64: None) -> None:
    trials = trials_of(False)
    raw, _ = algorithm(as_published=frozenset({"uncentred-advantages"})).evaluate(trials)
    got, _ = algorithm().evaluate(trials)
    kept = raw[trials.mask]
    np.testing.assert_allclose(got[trials.mask], (kept - kept.mean()) / kept.std(), rtol=1e-6)


def test_garages_advantages(float64: None) -> None:
    """A trial ends in nothing; the entropy of a deviation that knows no state raises every reward alike."""
    trials = trials_of(False)
    bare = frozenset({"uncentred-advantages", "linear-feature-baseline", "unbootstrapped-trials"})
    ended, _ = algorithm(as_published=bare).evaluate(trials)
    again, _ = algorithm(as_published=bare).evaluate(trials._replace(terminated=np.ones(2, dtype=bool)))
    bootstrapped, _ = algorithm(as_published=bare - {"unbootstrapped-trials"}).evaluate(trials)
    np.testing.assert_array_equal(ended, again)
    assert not np.allclose(ended, bootstrapped)
    _, plain = algorithm(as_published=frozenset({"unbootstrapped-trials"}), gae_decay=1.0).evaluate(trials)
    with_entropy = frozenset({"unbootstrapped-trials", "entropy-in-rewards"})
    _, entropic = algorithm(as_published=with_entropy, gae_decay=1.0).evaluate(trials)
    entropy = torch.distributions.Normal(0.0, 1.0).entropy().item()
    for copy, length in enumerate((6, 4)):
        left = [sum(0.99**k for k in range(length - t)) for t in range(length)]
        np.testing.assert_allclose((entropic - plain)[copy, :length], 0.02 * entropy * np.array(left))


def test_an_update_follows_the_gradient_of_the_clipped_surrogate_and_of_the_squared_error(float64: None) -> None:
    """One step of Adam against torch's own, on losses written out with torch.distributions and loops."""
    made, twin = algorithm(learning_rate=0.01), algorithm(learning_rate=0.01)
    trials = trials_of(False)
    rng = np.random.default_rng(5)
    x, u = torch.from_numpy(trials.inputs), torch.from_numpy(trials.actions)
    advantage, target, old = (torch.from_numpy(rng.normal(size=(2, 6))) for _ in range(3))
    mask = torch.from_numpy(trials.mask.astype(float))
    pi: DiagonalNormal = twin.policy(x[:, :-1])[0]
    normal = torch.distributions.Normal(pi.means[..., 0], pi.log_std[..., 0].exp())
    ratio = (normal.log_prob(u[..., 0]) - old).exp()
    values = twin.value(x[:, :-1])
    loss, count = torch.zeros(()), 0
    for copy, length in enumerate((6, 4)):
        for t in range(length):
            r, a = ratio[copy, t], advantage[copy, t]
            loss = loss - torch.min(r * a, r.clamp(0.8, 1.2) * a) + (values[copy, t] - target[copy, t]) ** 2
            count += 1
    reference = torch.optim.Adam([*twin.policy.parameters(), *twin.value.parameters()], lr=0.01)
    (loss / count).backward()  # type: ignore[no-untyped-call]
    reference.step()
    of = torch.zeros(2, dtype=torch.int64), torch.from_numpy(trials.lengths)
    made.update(Minibatch(x, u, old, advantage, target, mask, *of))
    torch.testing.assert_close(made.policy_parameters.vector, twin.policy_parameters.vector)
    torch.testing.assert_close(made.value_parameters.vector, twin.value_parameters.vector)
    assert made.gradient_steps == 1


def test_values_that_nothing_reads_are_not_fitted() -> None:
    made = algorithm(as_published=frozenset({"linear-feature-baseline"}))
    before = made.value_parameters.vector.clone()
    metrics = made.meta_train(train_tasks(TwoDirections()))
    assert torch.equal(made.value_parameters.vector, before)
    assert "value_loss" not in metrics
    assert "value_loss" in algorithm().meta_train(train_tasks(TwoDirections()))


def test_an_iteration_takes_every_trial_once_an_epoch() -> None:
    made = algorithm(meta_batch=7, minibatch=3, epochs=2)
    made.meta_train(train_tasks(TwoDirections()))
    assert made.gradient_steps == 2 * 3


def test_the_hidden_state_is_carried_over_episodes_and_a_new_agent_starts_from_zero(float64: None) -> None:
    made = algorithm()
    agent = made.meta_test([np.random.default_rng(0)])
    tasks = train_tasks(TwoDirections())
    assert not agent.hidden.any()
    run_episodes(tasks, agent, np.array([0]), np.array([HORIZON]))
    carried = agent.hidden.clone()
    assert carried.any()
    agent.begin_episode()
    assert torch.equal(agent.hidden, carried)
    assert agent.boundary.tolist() == [1.0]
    assert not made.meta_test([np.random.default_rng(0)]).hidden.any()


def test_evaluation_acts_with_the_mean(float64: None) -> None:
    made = algorithm()
    first, second = (made.meta_test([np.random.default_rng(seed)]) for seed in (0, 1))
    actions = []
    for agent in (first, second):
        agent.begin_episode()
        explored = agent.act(np.array([[0.1]]))
        agent.adapt([])
        agent.begin_episode()
        actions.append((explored.item(), agent.act(np.array([[0.1]])).item()))
    assert actions[0][0] != actions[1][0]
    assert actions[0][1] == actions[1][1]


def test_the_published_presets_run() -> None:
    assert set(RL2PPO.published) == {"garage"}
    metrics = algorithm(as_published=RL2PPO.published["garage"]).meta_train(train_tasks(TwoDirections(edge=0.3)))
    assert all(np.isfinite(value) for value in metrics.values())
