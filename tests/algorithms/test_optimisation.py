from __future__ import annotations

import pytest
import torch

from algorithms.networks import MLP
from algorithms.optimisation import Adam, FlatParameters


def test_the_parameters_are_views_of_the_vector(generator: torch.Generator) -> None:
    network = MLP([2, 3, 1], generator)
    before = network(torch.ones(1, 2))
    flat = FlatParameters(network)
    torch.testing.assert_close(network(torch.ones(1, 2)), before)
    flat.vector.zero_()
    assert not network(torch.ones(1, 2)).any()


def test_a_part_is_the_slice_of_a_submodule_and_shares_its_memory(generator: torch.Generator) -> None:
    module = torch.nn.ModuleDict({name: MLP([2, 3, 1], generator) for name in ("before", "inner", "inner_too")})
    flat, inner = FlatParameters(module), module["inner"]
    part = flat.part("inner")
    assert part.names == [name for name, _ in inner.named_parameters()]
    assert all(one is other for one, other in zip(part.parameters, inner.parameters(), strict=True))
    torch.testing.assert_close(part.vector, torch.cat([p.detach().reshape(-1) for p in inner.parameters()]))
    untouched = module["before"](torch.ones(1, 2)), module["inner_too"](torch.ones(1, 2))
    part.vector.zero_()
    assert not inner(torch.ones(1, 2)).any()
    assert torch.equal(module["before"](torch.ones(1, 2)), untouched[0])
    assert torch.equal(module["inner_too"](torch.ones(1, 2)), untouched[1])
    with pytest.raises(KeyError, match="outer"):
        flat.part("outer")


def test_averaging_moves_towards_the_source(generator: torch.Generator) -> None:
    target, source = FlatParameters(MLP([2, 1], generator)), FlatParameters(MLP([2, 1], generator))
    expected = 0.9 * target.vector + 0.1 * source.vector
    target.average(source, 0.1)
    torch.testing.assert_close(target.vector, expected)


def test_steps_are_those_of_torch_adam(generator: torch.Generator, float64: None) -> None:
    network = MLP([3, 4, 1], generator)
    reference = [parameter.detach().clone().requires_grad_() for parameter in network.parameters()]
    flat = FlatParameters(network)
    ours, theirs = Adam(0.01, flat), torch.optim.Adam(reference, lr=0.01)
    inputs = torch.randn(7, 3)
    for _ in range(20):
        ours.step(network(inputs).square().mean())
        w0, w1, b0, b1 = reference
        theirs.zero_grad()
        (torch.relu(inputs @ w0 + b0) @ w1 + b1).square().mean().backward()
        theirs.step()
    torch.testing.assert_close(flat.vector, torch.cat([p.detach().reshape(-1) for p in reference]))


def test_epsilon_may_be_added_before_the_correction_as_tensorflow_does(
    generator: torch.Generator, float64: None
) -> None:
    network = MLP([3, 1], generator)
    flat = FlatParameters(network)
    ours, theta = Adam(0.01, flat, epsilon_before_correction=True), flat.vector.clone()
    inputs, moment, square = 1e-8 * torch.randn(7, 3), torch.zeros_like(theta), torch.zeros_like(theta)
    for step in range(1, 21):
        loss = (1e-8 * network(inputs)).sum()
        slope = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, flat.parameters)])
        ours.step((1e-8 * network(inputs)).sum())
        moment = 0.9 * moment + 0.1 * slope
        square = 0.999 * square + 0.001 * slope.square()
        rate = 0.01 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        theta = theta - rate * moment / (square.sqrt() + 1e-8)
    torch.testing.assert_close(flat.vector, theta)


def test_a_step_touches_and_differentiates_its_own_parameters_only(generator: torch.Generator) -> None:
    actor, critic = MLP([2, 4, 1], generator), MLP([1, 4, 1], generator)
    actor_flat, critic_flat = FlatParameters(actor), FlatParameters(critic)
    before = critic_flat.vector.clone()
    Adam(0.1, actor_flat).step(critic(actor(torch.ones(3, 2))).mean())
    assert torch.equal(critic_flat.vector, before)
    assert all(parameter.grad is None for parameter in [*actor.parameters(), *critic.parameters()])


def test_restored_moments_continue_bit_for_bit(generator: torch.Generator) -> None:
    def steps(network: MLP, adam: Adam, count: int) -> None:
        for _ in range(count):
            adam.step(network(torch.ones(2, 2)).square().mean())

    first = MLP([2, 3, 1], generator)
    flat = FlatParameters(first)
    adam = Adam(0.1, flat)
    steps(first, adam, 3)
    second = MLP([2, 3, 1], generator)
    other = FlatParameters(second)
    restored = Adam(0.1, other)
    other.load_state(flat.state())
    restored.load_state(adam.state())
    steps(first, adam, 3)
    steps(second, restored, 3)
    assert torch.equal(flat.vector, other.vector)
