"""The whole-network function against autograd, layer by layer, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from algorithms import perceptron as module
from algorithms.networks import MLP, Arithmetic
from algorithms.perceptron import lowest, perceptron, plain_perceptron


class Case(NamedTuple):
    """A network with its inputs, of which some vary."""

    inputs: list[Tensor]
    weights: list[Tensor]
    biases: list[Tensor]

    @property
    def varying(self) -> list[Tensor]:
        return [tensor for tensor in (*self.inputs, *self.weights, *self.biases) if tensor.requires_grad]


def make_case(
    pieces: Sequence[tuple[int, bool]],
    hidden: Sequence[int],
    outputs: int,
    *,
    rows: tuple[int, ...] = (7,),
    members: int | None = None,
    learns: bool = True,
    seed: int = 0,
) -> Case:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    inputs = [normal(*rows, width).requires_grad_(varies) for width, varies in pieces]
    sizes = [sum(width for width, _ in pieces), *hidden, outputs]
    front = () if members is None else (members,)
    weights = [normal(*front, *pair).requires_grad_(learns) for pair in pairwise(sizes)]
    biases = [normal(*front, *(() if members is None else (1,)), width).requires_grad_(learns) for width in sizes[1:]]
    return Case(inputs, weights, biases)


def by_lowest(inputs: Sequence[Tensor], weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Compute `lowest` by autograd."""
    fixed = [tensor.detach() for tensor in (*weights, *biases)]
    outputs = plain_perceptron(inputs, fixed[: len(weights)], fixed[len(weights) :], torch.float64)
    return outputs.amin(dim=0)


def gradients(evaluate: Callable[..., Tensor], case: Case, varying: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Outputs, and gradients of a sum of them with random coefficients."""
    outputs = evaluate(case.inputs, case.weights, case.biases)
    coefficients = torch.randn(outputs.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return outputs.detach(), list(torch.autograd.grad((coefficients * outputs).sum(), varying)) if varying else []


def whole(*case: Sequence[Tensor]) -> Tensor:
    return perceptron(*case, torch.float64)


def plain(*case: Sequence[Tensor]) -> Tensor:
    return plain_perceptron(*case, torch.float64)


def agree(evaluate: Callable[..., Tensor], reference: Callable[..., Tensor], case: Case, varying: list[Tensor]) -> None:
    got, expected = gradients(evaluate, case, varying), gradients(reference, case, varying)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


widths = st.integers(1, 9)
cases = st.builds(
    make_case,
    st.lists(st.tuples(widths, st.booleans()), min_size=1, max_size=3),
    st.lists(widths, max_size=3),
    widths,
    rows=st.one_of(st.tuples(widths), st.tuples(widths, widths)),
    learns=st.booleans(),
    seed=st.integers(0, 2**31),
)
of_members = st.builds(
    make_case,
    st.lists(st.tuples(widths, st.booleans()), min_size=1, max_size=3),
    st.lists(widths, max_size=3),
    st.just(1),
    rows=st.tuples(widths),
    members=st.integers(1, 4),
    learns=st.booleans(),
    seed=st.integers(0, 2**31),
)


@settings(max_examples=60)
@given(cases)
def test_equals_autograd(case: Case) -> None:
    agree(whole, plain, case, case.varying)


@settings(max_examples=60)
@given(of_members)
def test_members_equal_autograd(case: Case) -> None:
    agree(whole, plain, case, case.varying)


@pytest.mark.parametrize("members", [None, 3])
def test_chunks_of_rows_give_what_all_rows_give(members: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 64)
    case = make_case([(3, False), (2, True)], [6, 5], 1, rows=(23,), members=members)
    assert len(module._chunks(torch.empty(23, 6), 6)) > 1
    agree(whole, plain, case, case.varying)
    if members:
        agree(lambda *case: lowest(*case, torch.float64), by_lowest, case, case.inputs[1:])


@settings(max_examples=60)
@given(of_members, st.booleans())
def test_the_lowest_goes_backward_alone_on_every_device(case: Case, host: bool) -> None:
    varying = [piece for piece in case.inputs if piece.requires_grad]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "CPU_DEVICES", frozenset({"cpu"} if host else ()))
        agree(lambda *case: lowest(*case, torch.float64), by_lowest, case, varying)


def test_where_members_tie_one_of_them_goes_backward() -> None:
    case = make_case([(3, False), (2, True)], [8], 1, members=2)
    alike = case._replace(
        weights=[weight[:1].detach().expand(2, -1, -1) for weight in case.weights],
        biases=[bias[:1].detach().expand(2, -1, -1) for bias in case.biases],
    )
    agree(lambda *case: lowest(*case, torch.float64), by_lowest, alike, alike.inputs[1:])


@pytest.mark.parametrize("members", [None, 2])
def test_gradcheck(members: int | None) -> None:
    case = make_case([(3, True), (2, True)], [5, 4], 1, rows=(6,), members=members)

    def function(*tensors: Tensor) -> Tensor:
        return perceptron(tensors[:2], tensors[2:5], tensors[5:], torch.float64)

    assert torch.autograd.gradcheck(function, (*case.inputs, *case.weights, *case.biases))


@pytest.mark.parametrize("hosts", [{"cpu"}, set()])
def test_gradcheck_of_the_lowest(hosts: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CPU_DEVICES", frozenset(hosts))
    case = make_case([(3, True), (2, True)], [5, 4], 1, rows=(6,), members=3)
    assert torch.autograd.gradcheck(lambda *some: lowest(some, case.weights, case.biases, torch.float64), case.inputs)


def test_nothing_is_computed_that_nobody_asked_for() -> None:
    """Products forward, and backward only to weights that learn and to pieces of the input that vary."""
    rows, s, z, h = 11, 40, 3, 16

    def flops(evaluate: Callable[..., Tensor], case: Case, varying: list[Tensor]) -> int:
        with FlopCounterMode(display=False) as counted:
            outputs = evaluate(case.inputs, case.weights, case.biases)
            torch.autograd.grad(outputs.sum(), varying)
        return counted.get_total_flops()

    forward = 2 * rows * ((s + z) * h + h * h + h)
    case = make_case([(s, False), (z, True)], [h, h], 1, rows=(rows,))
    assert flops(whole, case, case.varying) == 2 * forward + 2 * rows * (z * h + h * h + h)
    case = make_case([(s, False), (z, True)], [h, h], 1, rows=(rows,), learns=False)
    assert flops(whole, case, case.varying) == forward + 2 * rows * (z * h + h * h + h)
    case = make_case([(s, False), (z, False)], [h, h], 1, rows=(rows,))
    assert flops(whole, case, case.varying) == 2 * forward + 2 * rows * (h * h + h)
    case = make_case([(s, False), (z, True)], [h, h], 1, rows=(rows,), members=2)
    of_lowest = flops(lambda *case: lowest(*case, torch.float64), case, case.inputs[1:])
    assert of_lowest == 2 * forward + 2 * rows * (z * h + h * h + h)  # forward of both, backward of one


def test_a_second_derivative_is_refused() -> None:
    case = make_case([(3, True)], [5], 1)
    (first,) = torch.autograd.grad(whole(*case).square().sum(), case.inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_inputs_and_gradients_that_are_given_stay_as_they_are() -> None:
    case = make_case([(3, True)], [5, 4], 1, members=2)
    before = [tensor.detach().clone() for tensor in case.varying]
    outputs = whole(*case)
    given = torch.ones_like(outputs)
    torch.autograd.grad(outputs, case.varying, given)
    torch.testing.assert_close([tensor.detach() for tensor in case.varying], before, rtol=0, atol=0)
    assert (given == 1.0).all()


def test_products_in_bfloat16_are_rounded_and_nothing_else_is(generator: torch.Generator) -> None:
    network = MLP([6, 32, 32, 1], generator, members=2, arithmetic=Arithmetic("bf16"))
    exact = MLP([6, 32, 32, 1], torch.Generator().manual_seed(0), members=2)
    exact.load_state_dict(network.state_dict())
    x = torch.randn(64, 6, generator=generator)
    got, expected = network(x), exact(x)
    assert got.dtype == torch.float32
    difference = (got - expected).abs().max() / expected.abs().max()
    assert 0.0 < difference < 0.05
    got_gradients = torch.autograd.grad(got.square().mean(), list(network.parameters()))
    expected_gradients = torch.autograd.grad(expected.square().mean(), list(exact.parameters()))
    for got_one, expected_one in zip(got_gradients, expected_gradients, strict=True):
        assert got_one.dtype == torch.float32
        assert (got_one - expected_one).norm() < 0.05 * expected_one.norm()


@pytest.mark.parametrize("members", [None, 2])
def test_plain_autograd_can_be_chosen(
    members: int | None, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = MLP([3, 8, 1], generator, members=members, arithmetic=Arithmetic(plain_autograd=True))
    expected = MLP([3, 8, 1], torch.Generator().manual_seed(0), members=members)(torch.ones(2, 3))
    monkeypatch.delattr(module._Perceptron, "forward")
    torch.testing.assert_close(network(torch.ones(2, 3)), expected)
