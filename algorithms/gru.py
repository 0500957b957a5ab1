"""A gated recurrent unit over whole sequences, whose way back is written out.

With r = sigmoid(a_r), z = sigmoid(a_z) and n = tanh(a_n + r b_n), a affine in the input and the last state h, b_n in h
alone, a step is h <- n + z (h - n) (Cho et al., 2014, with torch.nn.GRU's place of r). A loss whose gradient for the
new h is d has these, for what is inside:

    d_n = d (1 - z) (1 - n^2)      d_b = d_n r      d_r = d_b b_n (1 - r)      d_z = d (h - n) z (1 - z)

Their factors of d are known after the way there, so they are computed for all steps at once. Then a step back takes
three operations, and each weight's gradient is one product over all steps.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class GRU(nn.Module):
    """A gated recurrent unit with the equations and the initial weights of torch.nn.GRU."""

    def __init__(self, input_size: int, hidden_size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        bound = 1.0 / math.sqrt(hidden_size)

        def uniform(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound, generator=generator))

        # Gates side by side: reset, update, new.
        self.input_weight, self.input_bias = uniform(3 * hidden_size, input_size), uniform(3 * hidden_size)
        self.hidden_weight, self.hidden_bias = uniform(3 * hidden_size, hidden_size), uniform(3 * hidden_size)

    def forward(self, inputs: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Map inputs (batch, time, input_size) to hidden states (batch, time, hidden_size), from zeros by default."""
        if hidden is None:
            hidden = inputs.new_zeros(inputs.shape[0], self.hidden_size)
        # Under torch.func many sets of weights run side by side, and their gradients are autograd's.
        plain = not torch.is_grad_enabled() or torch._C._are_functorch_transforms_active()
        run = plain_recurrence if plain else recurrence
        return run(inputs, hidden, self.input_weight, self.input_bias, self.hidden_weight, self.hidden_bias)


def plain_recurrence(
    inputs: Tensor, hidden: Tensor, input_weight: Tensor, input_bias: Tensor, hidden_weight: Tensor, hidden_bias: Tensor
) -> Tensor:
    """Run a unit by plain operators: quick for a step or two, and `torch.func.vmap` can run many side by side.

    Parameters
    ----------
    inputs : (batch, time, input_size)
    hidden : (batch, hidden_size), where it begins.
    input_weight, hidden_weight : (3 hidden_size, input_size or hidden_size): gates r, z and n.
    input_bias, hidden_bias : (3 hidden_size,)

    Returns
    -------
    (batch, time, hidden_size)
    """
    gates = 2 * hidden.shape[1]
    states = []
    for a in functional.linear(inputs, input_weight, input_bias).unbind(1):
        b = functional.linear(hidden, hidden_weight, hidden_bias)
        r, z = (a[:, :gates] + b[:, :gates]).sigmoid().chunk(2, dim=1)
        n = (a[:, gates:] + r * b[:, gates:]).tanh()
        hidden = n + z * (hidden - n)
        states.append(hidden)
    return torch.stack(states, dim=1)


def recurrence(
    inputs: Tensor, hidden: Tensor, input_weight: Tensor, input_bias: Tensor, hidden_weight: Tensor, hidden_bias: Tensor
) -> Tensor:
    """Compute what `plain_recurrence` does, with first derivatives of its own for all arguments."""
    weights = (input_weight, input_bias, hidden_weight, hidden_bias)
    states: Tensor = _Recurrence.apply(inputs.transpose(0, 1), hidden, *weights)  # type: ignore[no-untyped-call]
    return states.transpose(0, 1)


class _Recurrence(torch.autograd.Function):
    """Time comes first here: inputs and states are (time, batch, .)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        hidden: Tensor,
        input_weight: Tensor,
        input_bias: Tensor,
        hidden_weight: Tensor,
        hidden_bias: Tensor,
    ) -> Tensor:
        (time, batch, _), size = inputs.shape, hidden.shape[1]
        x = inputs.reshape(time * batch, -1)
        of_gates = input_bias + functional.pad(hidden_bias[: 2 * size], (0, size))
        gates = torch.addmm(of_gates, x, input_weight.mT).view(time, batch, 3 * size)  # becomes r, z, b_n
        n = gates[..., 2 * size :].clone()
        gates[..., 2 * size :] = hidden_bias[2 * size :]
        states = hidden.new_empty(time + 1, batch, size)
        states[0] = hidden
        h, both, to_state = states.unbind(), gates[..., : 2 * size].unbind(), hidden_weight.mT
        r, z, b_n = (part.unbind() for part in gates.chunk(3, dim=-1))
        for t, (gates_t, n_t) in enumerate(zip(gates.unbind(), n.unbind(), strict=True)):
            gates_t.addmm_(h[t], to_state)
            both[t].sigmoid_()
            n_t.addcmul_(r[t], b_n[t]).tanh_()
            torch.lerp(n_t, h[t], z[t], out=h[t + 1])
        ctx.save_for_backward(x, states, gates, n, input_weight, hidden_weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_states: Tensor) -> tuple[Tensor | None, ...]:
        x, states, gates, n, input_weight, hidden_weight = ctx.saved_tensors
        time, batch, size = n.shape
        r, z, b_n = gates.chunk(3, dim=-1)

        # Side by side d_n, d_r, d_z, d_b: what the inputs reach is the first three, what h reaches the last three.
        inside = n.new_empty(time, batch, 4, size)
        d_n, d_r, d_z, d_b = inside.unbind(2)
        torch.mul(1.0 - z, 1.0 - n.square(), out=d_n)
        torch.mul(d_n, r, out=d_b)
        torch.mul(d_b, (1.0 - r).mul_(b_n), out=d_r)
        torch.mul((states[:-1] - n).mul_(z), 1.0 - z, out=d_z)
        flat = inside.view(time, batch, 4 * size)
        of_state, factors, kept, given = flat[..., size:].unbind(), inside.unbind(), z.unbind(), of_states.unbind()
        d = given[-1]
        for t in range(time - 1, -1, -1):
            factors[t].mul_(d.unsqueeze(1))
            d = torch.addcmul(given[t - 1], kept[t], d) if t else kept[t] * d
            d.addmm_(of_state[t], hidden_weight)

        flat = flat.view(time * batch, 4 * size)
        from_inputs, from_state = flat[:, : 3 * size], flat[:, size:]
        of_inputs = None
        if ctx.needs_input_grad[0]:
            by_gate = torch.cat([input_weight[2 * size :], input_weight[: 2 * size]])
            of_inputs = (from_inputs @ by_gate).view(time, batch, -1)
        return (
            of_inputs,
            d,
            (from_inputs.mT @ x).roll(-size, dims=0),
            from_inputs.sum(dim=0).roll(-size),
            from_state.mT @ states[:-1].view(time * batch, size),
            from_state.sum(dim=0),
        )
