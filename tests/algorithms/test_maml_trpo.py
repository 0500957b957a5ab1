from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, vmap

from algorithms import maml_trpo
from algorithms.advantages import LinearFeatureBaseline, shrunken_baseline
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Episodes
from algorithms.maml_trpo import MAMLTRPO, AdaptedTasks, Batch, ParametersActor, Rollouts, surrogate_loss
from algorithms.rollouts import run_at_least, run_episodes
from algorithms.trust_region import Outcome, Surroundings, TrustRegion, conjugate_gradient, trust_region_step
from environments import Step
from suite.errors import UsageError
from suite.plan.settings import used_settings
from suite.training.protocol import CountedTasks
from tests.algorithms.two_directions import TwoDirections, make, train_tasks

SMALL: dict[str, Any] = {"hidden_sizes": (4,), "meta_batch": 3, "rollouts": 2}


@pytest.fixture
def algorithm(float64: None) -> MAMLTRPO:
    made = make("maml-trpo", TwoDirections(), SMALL)
    assert isinstance(made, MAMLTRPO)
    made.policy_parameters.vector.add_(
        0.3 * torch.randn(made.policy_parameters.vector.shape, generator=torch.Generator().manual_seed(0))
    )
    return made


def batches(count: int, seed: int = 0) -> list[Batch]:
    """Random transitions of three tasks, a few of them absent."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        s, a = (torch.randn(3, 6, 1, generator=generator) for _ in range(2))
        mask = torch.ones(3, 6)
        mask[1, 4:] = 0.0
        made.append(Batch(s, a, torch.randn(3, 6, generator=generator), mask))
    return made


def of_task(batch: Batch, task: int) -> Batch:
    return Batch(*(column[task] for column in batch))


def reference_log_probability(theta: np.ndarray, s: np.ndarray, a: np.ndarray) -> np.ndarray:
    """log pi_theta(a|s) of a 1-4-1 tanh network with one log std, for parameters in the order of the module."""
    w0, w1, b0, b1, log_deviation = theta[:4], theta[4:8], theta[8:12], theta[12], theta[13]
    mean = np.tanh(s[:, :1] * w0 + b0) @ w1 + b1
    return -0.5 * ((a[:, 0] - mean) / np.exp(log_deviation)) ** 2 - log_deviation - 0.5 * np.log(2 * np.pi)


def central_difference(function: Any, theta: np.ndarray, step: float) -> np.ndarray:
    gradient = np.zeros_like(theta)
    for index in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2.0 * step)
    return gradient


def reference_loss(theta: np.ndarray, batch: Batch) -> float:
    s, a, advantage, mask = (column.numpy() for column in batch)
    return float(-(reference_log_probability(theta, s, a) * advantage * mask).sum() / mask.sum())


def reference_outcome(theta: np.ndarray, inner: list[Batch], outer: Batch, old: np.ndarray, alpha: float) -> float:
    """The outer loss of one task in numpy, its inner gradients by central differences."""
    for batch in inner:
        theta = theta - alpha * central_difference(partial(reference_loss, batch=batch), theta, 1e-4)
    s, a, advantage, mask = (column.numpy() for column in outer)
    ratio = np.exp(reference_log_probability(theta, s, a) - old)
    return float(-(ratio * advantage * mask).sum() / mask.sum())


@pytest.mark.parametrize("steps", [1, 2])
def test_the_outer_gradient_goes_through_the_inner_steps(algorithm: MAMLTRPO, steps: int) -> None:
    *inner, outer = batches(steps + 1)
    theta = algorithm.policy_parameters.vector
    old = DiagonalNormal(torch.zeros(3, 6, 1), torch.zeros(3, 6, 1))
    old_log_probability = old.log_probability(outer.actions).numpy()

    def loss(vector: torch.Tensor, task: int) -> torch.Tensor:
        old_task = DiagonalNormal(old.means[task], old.log_std[task])
        some = [of_task(batch, task) for batch in inner]
        return algorithm.task_outcome(vector, some, of_task(outer, task), old_task).loss

    for task in range(3):
        some = [of_task(batch, task) for batch in inner]

        def reference(vector: np.ndarray, task: int = task, some: list[Batch] = some) -> float:
            return reference_outcome(vector, some, of_task(outer, task), old_log_probability[task], 0.1)

        assert abs(loss(theta, task).item() - reference(theta.numpy())) < 1e-7
        expected = central_difference(reference, theta.numpy(), 1e-3)
        got = grad(loss)(theta, task).numpy()
        np.testing.assert_allclose(got, expected, atol=2e-5)
        adapted = theta
        for batch in some:
            adapted = algorithm.inner_step(adapted, batch)
        first_order = grad(
            lambda vector, task=task: (
                -(
                    (
                        algorithm.distribution(vector, outer.observations[task]).log_probability(outer.actions[task])
                        - old.log_probability(outer.actions)[task]
                    ).exp()
                    * outer.advantages[task]
                    * outer.mask[task]
                ).sum()
                / outer.mask[task].sum()
            )
        )(adapted)
        assert np.abs(first_order.numpy() - expected).max() > 1e-2, "the test cannot tell first order from MAML"


def test_the_inner_step_is_a_plain_gradient_step(algorithm: MAMLTRPO) -> None:
    (batch,) = batches(1)
    stepped = vmap(algorithm.inner_step, in_dims=(None, 0))(algorithm.policy_parameters.vector, batch)
    for task in range(3):
        parameters = {name: p.clone().requires_grad_() for name, p in algorithm.policy.named_parameters()}
        s, a, advantage, mask = of_task(batch, task)
        pi = functional_call(algorithm.policy, parameters, (s,))
        log_probability = torch.distributions.Normal(pi.means, pi.log_std.exp()).log_prob(a)[:, 0]
        loss = -(log_probability * advantage)[mask.bool()].mean()
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.testing.assert_close(stepped[task], algorithm.policy_parameters.vector - 0.1 * flat)


def test_the_divergence_vanishes_with_its_gradient_where_it_was_sampled(algorithm: MAMLTRPO) -> None:
    inner, outer = batches(2)
    theta = algorithm.policy_parameters.vector
    adapted = algorithm.inner_step(theta, of_task(inner, 0))
    old = algorithm.distribution(adapted, outer.observations[0])

    def kl(vector: torch.Tensor) -> torch.Tensor:
        return algorithm.task_outcome(vector, [of_task(inner, 0)], of_task(outer, 0), old).kl

    assert abs(kl(theta).item()) < 1e-12
    assert grad(kl)(theta).abs().max() < 1e-10
    assert kl(theta + 0.1).item() > 0.0


def test_conjugate_gradient_solves() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 8))
    a, b = root.T @ root + 0.1 * np.eye(8), rng.normal(size=8)
    matrix = torch.from_numpy(a)
    got, image = conjugate_gradient(lambda v: matrix @ v, torch.from_numpy(b), 30)
    np.testing.assert_allclose(got.numpy(), np.linalg.solve(a, b), atol=1e-5)
    np.testing.assert_allclose(image.numpy(), a @ got.numpy(), atol=1e-12)
    at_once, _ = conjugate_gradient(lambda v: 2.0 * v, torch.from_numpy(b), 30)
    np.testing.assert_allclose(at_once.numpy(), b / 2.0)


@pytest.mark.parametrize("published", [None, "kl-over-padding", "vpg-outer-loss"])
@pytest.mark.parametrize("steps", [1, 2])
def test_gradient_and_hessian_around_the_parameters_are_autograds(
    float64: None, steps: int, published: str | None
) -> None:
    """Against reverse over reverse through the inner steps, for tasks of which one ended early."""
    made = make("maml-trpo", TwoDirections(), {**SMALL, "as_published": frozenset({published} - {None})})
    assert isinstance(made, MAMLTRPO)
    generator = torch.Generator().manual_seed(1)
    theta = made.policy_parameters.vector + 0.3 * torch.randn(made.policy_parameters.vector.shape, generator=generator)
    *inner, outer = batches(steps + 1)
    around = AdaptedTasks(made, theta, inner, outer)

    def total(vector: torch.Tensor, column: int) -> torch.Tensor:
        return vmap(made.task_outcome, (None, 0, 0, 0))(vector, inner, outer, around.old)[column].sum()

    torch.testing.assert_close(around.gradient(), grad(total)(theta, 0), rtol=1e-10, atol=1e-12)
    hessian = torch.autograd.functional.hessian(lambda vector: total(vector, 1), theta)
    assert hessian.abs().max() > 0.1
    products = torch.stack([around.hessian_product(v) for v in torch.eye(len(theta))])
    torch.testing.assert_close(products, hessian, rtol=1e-10, atol=1e-12)


def dense_step(algorithm: MAMLTRPO, inner: Batch, outer: Batch) -> tuple[torch.Tensor, Any]:
    """TRPO's full step from an explicit Hessian, and the mean outcome as a function of theta."""
    theta = algorithm.policy_parameters.vector.clone()
    old = []
    for task in range(3):
        adapted = algorithm.inner_step(theta, of_task(inner, task))
        old.append(algorithm.distribution(adapted, outer.observations[task]))

    def outcome(vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outcomes = [
            algorithm.task_outcome(vector, [of_task(inner, task)], of_task(outer, task), old[task]) for task in range(3)
        ]
        return sum(o.loss for o in outcomes) / 3.0, sum(o.kl for o in outcomes) / 3.0  # type: ignore[return-value]

    gradient = torch.autograd.functional.jacobian(lambda v: outcome(v)[0], theta)
    hessian = torch.autograd.functional.hessian(lambda v: outcome(v)[1], theta)
    hessian = hessian + algorithm.settings.damping * torch.eye(len(theta))
    direction = torch.linalg.solve(hessian, gradient)
    return (2.0 * algorithm.settings.max_kl / (direction @ hessian @ direction)).sqrt() * direction, outcome


@pytest.mark.parametrize("at_once", [2, 3])
def test_the_outer_step_is_trpos(float64: None, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Direction and length from an explicit Hessian; the longest of the shrinking steps that keeps both conditions."""
    made = make("maml-trpo", TwoDirections(), {**SMALL, "conjugate_gradient_steps": 60, "damping": 1e-2})
    assert isinstance(made, MAMLTRPO)
    inner, outer = batches(2, seed=3)
    of_a_task = outer.mask.shape[1] * max(made.settings.hidden_sizes)
    monkeypatch.setattr(maml_trpo, "IN_CACHE", at_once * of_a_task)
    theta = made.policy_parameters.vector.clone()
    step, outcome = dense_step(made, inner, outer)
    metrics = made.outer_step([inner], outer)
    before = float(outcome(theta)[0])
    fractions = [0.8**k for k in range(15)]
    accepted = [
        fraction
        for fraction in fractions
        if float(outcome(theta - fraction * step)[0]) < before and float(outcome(theta - fraction * step)[1]) <= 0.01
    ]
    assert metrics["step_fraction"] == max(accepted)
    torch.testing.assert_close(
        made.policy_parameters.vector, theta - metrics["step_fraction"] * step, rtol=1e-3, atol=1e-5
    )
    assert metrics["loss_after"] < metrics["loss_before"]
    assert 0.0 < metrics["kl"] <= 0.01
    assert made.gradient_steps == 1


def test_a_step_that_nowhere_improves_is_not_taken(algorithm: MAMLTRPO) -> None:
    inner, outer = batches(2)
    before = algorithm.policy_parameters.vector.clone()
    metrics = algorithm.outer_step([inner], outer._replace(advantages=torch.zeros_like(outer.advantages)))
    assert metrics["step_fraction"] == 0.0
    assert torch.equal(algorithm.policy_parameters.vector, before)


def test_tasks_act_with_their_own_parameters(algorithm: MAMLTRPO) -> None:
    theta = torch.stack([algorithm.policy_parameters.vector + shift for shift in (0.0, 0.5)])
    noise = np.random.default_rng(0).normal(size=(6, 8, 1))
    actor = ParametersActor(algorithm, theta, noise)
    observations = np.random.default_rng(1).normal(size=(6, 1))
    actions = actor.act(observations)
    for copy in range(6):
        pi = algorithm.distribution(theta[copy // 3], torch.from_numpy(observations[copy]))
        u = (pi.means + pi.log_std.exp() * torch.from_numpy(noise[copy, 0])).detach().numpy()
        np.testing.assert_allclose(actor.drawn[copy, 0], u)
        np.testing.assert_allclose(actions[copy], u.clip(-1, 1))


def episodes() -> tuple[Episodes, np.ndarray]:
    """Two tasks with two episodes each, the second of them short."""
    rng = np.random.default_rng(4)
    lengths = np.array([8, 3, 8, 8])
    rewards = rng.normal(size=(4, 8)) * (np.arange(8) < lengths[:, None])
    made = Episodes(
        tasks=np.array([0, 0, 1, 1]),
        observations=rng.normal(size=(4, 9, 1)),
        actions=np.zeros((4, 8, 1)),
        rewards=rewards,
        terminated=lengths < 8,
        lengths=lengths,
        success=np.zeros(4, dtype=bool),
    )
    return made, rng.normal(size=(4, 8, 1))


@pytest.mark.parametrize("published", [frozenset(), frozenset({"small-ridge"})])
def test_advantages_are_returns_less_each_tasks_own_baseline_standardised_a_task(
    float64: None, published: frozenset[str]
) -> None:
    algorithm = make("maml-trpo", TwoDirections(), {**SMALL, "as_published": published})
    assert isinstance(algorithm, MAMLTRPO)
    some, drawn = episodes()
    batch = algorithm.batch([Rollouts(np.arange(2), some, drawn)], 2)
    assert batch.mask.sum(dim=1).tolist() == [11.0, 16.0]
    for task in range(2):
        mine = slice(2 * task, 2 * task + 2)
        returns = np.zeros((1, 2, 8))
        for path in range(2):
            for t in reversed(range(8)):
                following = returns[0, path, t + 1] if t < 7 else 0.0
                returns[0, path, t] = some.rewards[mine][path, t] + 0.99 * following
        mask = np.arange(8) < some.lengths[mine][None, :, None]
        s = some.observations[None, mine, :-1]
        if published:
            baseline = LinearFeatureBaseline()
            baseline.fit(s, returns, mask)
            values = baseline(s)
        else:
            values = shrunken_baseline(s, returns, mask)
        raw = (returns - values)[mask]
        kept = batch.mask[task].bool()
        assert not kept[raw.size :].any()
        np.testing.assert_allclose(batch.advantages[task][kept].numpy(), (raw - raw.mean()) / raw.std(), atol=1e-6)
        np.testing.assert_array_equal(batch.actions[task, kept, 0].numpy(), drawn[mine][mask[0], 0])
        np.testing.assert_array_equal(batch.observations[task, kept, 0].numpy(), s[mask][:, 0])


@pytest.mark.parametrize("padding", [False, True])
def test_garages_advantages_are_those_of_padded_episodes(float64: None, padding: bool) -> None:
    """Written out by loops over padded episodes: V of zeros after an early end, the unbiased variance and its 1e-8."""
    published = {"advantages-over-variance", "untrained-baseline"} | ({"values-of-padding"} if padding else set())
    made = make("maml-trpo", TwoDirections(), {**SMALL, "gae_decay": 0.7, "as_published": frozenset(published)})
    assert isinstance(made, MAMLTRPO)
    for bias in made.untrained_baseline.biases:  # as drawn they are zero, and so is V of zeros
        bias.data.fill_(0.4)
    some, drawn = episodes()
    batch = made.batch([Rollouts(np.arange(2), some, drawn)], 2)
    for task in range(2):
        kept = []
        for path in (2 * task, 2 * task + 1):
            length = some.lengths[path]
            s = np.where(np.arange(8) < length, some.observations[path, :8, 0], 0.0)
            v = [made.untrained_baseline(torch.tensor([value])).item() for value in s] + [0.0]
            if not padding:
                v[length:] = [0.0] * (9 - length)
            delta = [some.rewards[path, t] + 0.99 * v[t + 1] - v[t] for t in range(8)]
            last = 8 if padding else length
            kept += [sum((0.99 * 0.7) ** (k - t) * delta[k] for k in range(t, last)) for t in range(length)]
        raw = np.array(kept)
        variance = ((raw - raw.mean()) ** 2).sum() / (len(raw) - 1)
        got = batch.advantages[task][batch.mask[task].bool()].numpy()
        np.testing.assert_allclose(got, (raw - raw.mean()) / (variance + 1e-8), rtol=1e-12)


def test_garages_divergence_is_averaged_over_padding_too(float64: None) -> None:
    outer = of_task(batches(1)[0], 1)
    outer = outer._replace(observations=outer.observations * outer.mask[:, None])
    assert not outer.mask.all()
    old = DiagonalNormal(torch.linspace(0.0, 0.5, 6)[:, None], torch.full((6, 1), 0.1))
    got = {}
    for published in (frozenset[str](), frozenset({"kl-over-padding"})):
        made = make("maml-trpo", TwoDirections(), {**SMALL, "as_published": published})
        assert isinstance(made, MAMLTRPO)
        got[published] = made.task_outcome(made.policy_parameters.vector, [], outer, old).kl
    mean, log_deviation = made.policy(outer.observations)
    normal = torch.distributions.Normal
    every = torch.distributions.kl_divergence(
        normal(old.means[:, 0], np.exp(0.1)), normal(mean[:, 0], log_deviation[:, 0].exp())
    )
    mask, padded = got.values()
    torch.testing.assert_close(padded, every.mean())
    torch.testing.assert_close(mask, every[outer.mask.bool()].mean())
    assert abs(padded - mask) > 1e-4


def test_garages_deviation_is_one_for_all_actions() -> None:
    generator = torch.Generator().manual_seed(0)
    for shared, size in ((True, 1), (False, 3)):
        policy = maml_trpo.GaussianPolicy([2, 4, 3], generator, shared_std=shared)
        assert policy.deviation.log_deviations.shape == (size,)
        policy.deviation.log_deviations.data.fill_(0.7)
        pi = policy(torch.ones(5, 2))
        assert pi.log_std.shape == pi.means.shape == (5, 3)
        torch.testing.assert_close(pi.log_std, torch.full((5, 3), 0.7))
    made = make("maml-trpo", TwoDirections(), {**SMALL, "as_published": MAMLTRPO.published["garage"]})
    assert isinstance(made, MAMLTRPO)
    assert made.policy.deviation.log_deviations.shape == (1,)


def test_an_action_that_has_become_certain_leaves_the_losses_finite(algorithm: MAMLTRPO) -> None:
    """A log ratio of 200 overflows in any precision that networks have; where the advantage is 0 it counts as 0."""
    outer = of_task(batches(1)[0], 1)
    outer = outer._replace(advantages=outer.advantages * outer.mask)
    old = algorithm.distribution(algorithm.policy_parameters.vector, outer.observations)
    far = DiagonalNormal(old.means + 40.0, old.log_std)
    loss = surrogate_loss(old, far, outer._replace(actions=old.means))
    assert torch.isfinite(loss)


def test_garages_outer_loss_has_no_likelihood_ratio(float64: None) -> None:
    made = make("maml-trpo", TwoDirections(), {**SMALL, "as_published": frozenset({"vpg-outer-loss"})})
    assert isinstance(made, MAMLTRPO)
    outer = of_task(batches(1)[0], 1)
    old = DiagonalNormal(torch.ones(6, 1), torch.zeros(6, 1))
    outcome = made.task_outcome(made.policy_parameters.vector, [], outer, old)
    log_probability = made.distribution(made.policy_parameters.vector, outer.observations).log_probability(
        outer.actions
    )
    torch.testing.assert_close(outcome.loss, -(log_probability * outer.advantages)[outer.mask.bool()].mean())


@pytest.mark.parametrize("preset", ["garage", "promp", "maml_rl"])
def test_the_published_presets_run(preset: str) -> None:
    family = TwoDirections(edge=0.3)
    made = make("maml-trpo", family, {**SMALL, "as_published": MAMLTRPO.published[preset]})
    metrics = made.meta_train(train_tasks(family))
    assert set(MAMLTRPO.published) == {"garage", "promp", "maml_rl"}
    assert all(np.isfinite(value) for value in metrics.values())


def test_meta_test_takes_the_inner_step_on_the_exploration_episodes(algorithm: MAMLTRPO) -> None:
    family = TwoDirections()
    tasks = train_tasks(family)
    generators = [np.random.default_rng(seed) for seed in (0, 1)]
    agent = algorithm.meta_test(generators)
    horizon = np.full(2, family.spec.horizon)
    exploration = [run_episodes(tasks, agent, np.arange(2), horizon) for _ in range(2)]
    drawn = [actor.drawn for actor in agent.actors]
    agent.adapt(exploration)
    for task in range(2):
        mine = [
            Episodes(
                np.repeat(task, 2),
                *(np.stack([getattr(e, name)[task] for e in exploration]) for name in ("observations", "actions")),
                np.stack([e.rewards[task] for e in exploration]),
                np.zeros(2, dtype=bool),
                np.array([8, 8]),
                np.zeros(2, dtype=bool),
            )
        ]
        batch = algorithm.batch([Rollouts(np.zeros(1, dtype=int), mine[0], np.stack([u[task] for u in drawn]))], 1)
        expected = algorithm.inner_step(algorithm.policy_parameters.vector, of_task(batch, 0))
        torch.testing.assert_close(agent.theta[task], expected)
    observations = np.array([[0.2], [0.3]])
    agent.begin_episode()
    means = vmap(algorithm.distribution)(agent.theta, torch.from_numpy(observations)[:, None]).means[:, 0]
    np.testing.assert_allclose(agent.act(observations), means.detach().numpy().clip(-1, 1))


def test_an_iteration_of_two_inner_steps_spends_what_it_announces() -> None:
    algorithm, tasks = make("maml-trpo", TwoDirections(), {**SMALL, "inner_steps": 2}), train_tasks(TwoDirections())
    announced = algorithm.next_iteration_steps
    algorithm.meta_train(tasks)
    assert tasks.steps == announced


@pytest.mark.parametrize("scale", [1e-30, 1e-5, 1e4, 1e20])
def test_a_step_does_not_depend_on_the_scale_of_the_gradient(scale: float) -> None:
    """In single precision, where the square of the first gradient is zero, and that of the last infinite."""
    generator = torch.Generator().manual_seed(0)
    root, b = torch.randn(8, 6, generator=generator), torch.randn(6, generator=generator)
    h = root.T @ root

    def steps(factor: float, absolute: bool) -> torch.Tensor:
        def outcome(x: torch.Tensor) -> Outcome:
            return Outcome(factor * (b @ x), 0.5 * x @ h @ x)

        around = Surroundings(torch.zeros(()), factor * b, lambda v: h @ v)
        region = TrustRegion(0.01, 10, 1e-5, 15, 0.8, absolute=absolute)
        return trust_region_step(outcome, torch.zeros(6), around, region).parameters

    exact = torch.linalg.solve(h.double(), b.double())
    exact = -(0.02 / (exact @ h.double() @ exact)).sqrt() * exact
    for factor in (1.0, scale):
        found = steps(factor, absolute=False)
        cosine = torch.cosine_similarity(found.double(), exact, dim=0)
        assert cosine > 0.999
        assert 0.5 < found.norm() / exact.norm() < 1.001
    if scale == 1e-5:  # garage's 1e-8 beside the curvature of a direction of size 1e-5
        shrunken = steps(scale, absolute=True)
        assert 0.0 < shrunken.norm() < 0.5 * exact.norm()


def test_a_zero_gradient_moves_nothing() -> None:
    for absolute in (False, True):
        around = Surroundings(torch.zeros(()), torch.zeros(3), lambda v: v)
        region = TrustRegion(0.01, 10, 1e-5, 15, 0.8, absolute=absolute)
        stepped = trust_region_step(lambda x: Outcome(x.sum(), x @ x), torch.ones(3), around, region)
        assert torch.equal(stepped.parameters, torch.ones(3))
        assert stepped.fraction == stepped.gradient_norm == 0.0


class Scaled:
    """Tasks whose rewards are in other units."""

    def __init__(self, tasks: CountedTasks, factor: float) -> None:
        self.tasks, self.factor, self.left, self.reset = tasks, factor, tasks.left, tasks.reset

    def step(self, actions: np.ndarray, active: np.ndarray) -> Step:
        step = self.tasks.step(actions, active)
        return step._replace(rewards=self.factor * step.rewards)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e6])
@pytest.mark.parametrize("published", [frozenset(), frozenset({"small-ridge"})])
def test_an_iteration_does_not_depend_on_the_scale_of_rewards(
    float64: None, factor: float, published: frozenset[str]
) -> None:
    found = []
    for scale in (1.0, factor):
        family = TwoDirections(edge=0.3)
        made = make("maml-trpo", family, {**SMALL, "meta_batch": 8, "as_published": published})
        assert isinstance(made, MAMLTRPO)
        metrics = made.meta_train(Scaled(train_tasks(family), scale))
        assert metrics["step_fraction"] > 0.0
        found.append(made.policy_parameters.vector.clone())
    torch.testing.assert_close(found[1], found[0], rtol=1e-6, atol=1e-6)


def test_garages_rule_takes_a_step_where_rewards_are_large() -> None:
    """It looks at the residual after the first step only; of an absolute rule before it nothing would move."""
    family = TwoDirections()
    made = make("maml-trpo", family, {**SMALL, "meta_batch": 8, "as_published": MAMLTRPO.published["garage"]})
    metrics = made.meta_train(Scaled(train_tasks(family), 1e6))
    assert 0.0 < metrics["gradient_norm"] < 1e-5
    assert metrics["step_fraction"] > 0.0


def test_curvature_by_differences_is_of_gradients_far_to_both_sides(float64: None) -> None:
    """The direction from a Hessian whose columns are differences of the mean divergence's gradients."""
    published = {"as_published": frozenset({"curvature-by-differences"})}
    made = make("maml-trpo", TwoDirections(), {**SMALL, **published, "conjugate_gradient_steps": 1})
    assert isinstance(made, MAMLTRPO)
    inner, outer = batches(2, seed=3)
    theta = made.policy_parameters.vector.clone()
    around = AdaptedTasks(made, theta, [inner], outer)

    def divergence(vector: torch.Tensor) -> torch.Tensor:
        return vmap(made.task_outcome, (None, 0, 0, 0))(vector, [inner], outer, around.old).kl.mean()

    g = around.gradient() / 3.0
    g /= g.norm()
    step = 1.0 / (theta.norm() + 1e-8)
    h_g = (grad(divergence)(theta + step * g) - grad(divergence)(theta - step * g)) / (2.0 * step) + 1e-5 * g
    x = g / (g @ h_g)  # one step of conjugate gradient
    full = (0.02 / (x @ h_g / (g @ h_g))).sqrt() * x
    metrics = made.outer_step([inner], outer)
    assert metrics["step_fraction"] > 0.0
    torch.testing.assert_close(made.policy_parameters.vector, theta - metrics["step_fraction"] * full)
    exact = around.hessian_product(g) / 3.0 + 1e-5 * g
    assert torch.cosine_similarity(exact, h_g, dim=0) < 0.999, "the test cannot tell differences from derivatives"


def test_relu_units_are_asked_for() -> None:
    for activation, function in (("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0.0))):
        made = make("maml-trpo", TwoDirections(), {**SMALL, "activation": activation})
        assert isinstance(made, MAMLTRPO)
        w0, w1, b0, b1 = (each.detach().numpy() for each in [*made.policy.network.parameters()])
        means = made.policy(torch.tensor([[0.3], [-2.0]])).means.detach().numpy()
        np.testing.assert_allclose(means, function(np.array([[0.3], [-2.0]]) @ w0 + b0) @ w1 + b1, rtol=1e-6)


def test_a_batch_of_steps_holds_the_episodes_that_follow_one_another(float64: None) -> None:
    """Every task has at least its steps, and without the last of its episodes fewer."""
    family = TwoDirections(edge=0.2)
    made = make("maml-trpo", family, {**SMALL, "hidden_sizes": (), "batch_steps": 30})
    assert isinstance(made, MAMLTRPO)
    tasks = train_tasks(family)
    theta = made.policy_parameters.vector.expand(2, -1)
    batch, returns = made.collect(tasks, np.arange(2), theta)
    sizes = batch.mask.sum(dim=1)
    assert (sizes >= 30).all()
    assert (sizes <= 30 + 7).all()
    assert tasks.steps == sizes.sum()
    assert len(returns) > 2 * -(-30 // 8), "the test needs episodes that end early"
    announced = made.smallest_iteration_steps
    assert announced == 2 * (30 + 7)


def test_no_inner_step_is_trpo_on_all_tasks(float64: None) -> None:
    """Told nothing, trained before adaptation: the loss after the step is that of theta itself."""
    made = make("maml-trpo", TwoDirections(), {**SMALL, "inner_steps": 0})
    assert isinstance(made, MAMLTRPO)
    (outer,) = batches(1)
    theta = made.policy_parameters.vector.clone()
    old = made.distribution(theta, outer.observations)
    metrics = made.outer_step([], outer)
    pi = made.distribution(made.policy_parameters.vector, outer.observations)
    expected = torch.stack(
        [
            surrogate_loss(
                DiagonalNormal(*(each[task] for each in pi)),
                DiagonalNormal(*(each[task] for each in old)),
                of_task(outer, task),
            )
            for task in range(3)
        ]
    ).mean()
    assert metrics["step_fraction"] > 0.0
    assert metrics["loss_after"] == pytest.approx(float(expected))


def test_adam_takes_its_first_step_by_the_sign_of_the_gradient(float64: None) -> None:
    settings = {**SMALL, "inner_steps": 0, "outer_optimiser": "adam", "outer_rate": 0.01}
    made = make("maml-trpo", TwoDirections(), settings)
    assert isinstance(made, MAMLTRPO)
    (outer,) = batches(1)
    theta = made.policy_parameters.vector.clone()
    gradient = AdaptedTasks(made, theta, [], outer).gradient()
    made.outer_step([], outer)
    torch.testing.assert_close(made.policy_parameters.vector, theta - 0.01 * gradient.sign(), rtol=0, atol=1e-6)
    assert set(made.parts) == {"policy", "adam"}


def test_iterations_end_meta_training() -> None:
    made, tasks = make("maml-trpo", TwoDirections(), {**SMALL, "iterations": 2}), train_tasks(TwoDirections())
    ends = []
    for _ in range(2):
        ends.append(made.finished)
        made.meta_train(tasks)
    assert [*ends, made.finished] == [False, False, True]
    assert make("maml-trpo", TwoDirections(), {**SMALL, "iterations": 0}).finished


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"common_baseline": True}, "needs inner_steps 0"),
        ({"batch_steps": 10, "as_published": frozenset({"kl-over-padding"})}, "kl-over-padding"),
    ],
)
def test_what_cannot_be_joined_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MAMLTRPO.Settings(**settings)
    jsonable = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in settings.items()}
    with pytest.raises(UsageError, match=said):
        used_settings("maml-trpo", "point-goal-2d", jsonable)


def test_a_step_by_step_agent_takes_each_step_on_its_own_episodes_at_its_own_rate(float64: None) -> None:
    family = TwoDirections(edge=0.2)
    made = make("maml-trpo", family, {**SMALL, "test_rates": (0.5, 0.25)})
    assert isinstance(made, MAMLTRPO)
    tasks = train_tasks(family)
    agent = made.meta_test([np.random.default_rng(seed) for seed in (0, 1)])
    theta = agent.theta
    for rate in (0.5, 0.25, 0.25):
        waves = list(run_at_least(tasks, agent.explorer, np.arange(2), 30, 8))
        explored = zip(agent.explored, waves, strict=True)
        batch = made.batch([Rollouts(some, each, actor.drawn) for (_, actor), (some, each) in explored], 2)
        expected = torch.stack([made.inner_step(theta[task], of_task(batch, task), rate) for task in range(2)])
        agent.adapt_again([episodes for _, episodes in waves])
        torch.testing.assert_close(agent.theta, expected)
        assert (agent.theta[:, -1] != theta[:, -1]).all(), "the deviation adapts too"
        theta = agent.theta
