"""A whole multi-layer perceptron as one differentiable function: its layers forward, and its gradients backward.

Autograd would keep every layer's values before and after the activation, differentiate with respect to inputs that
nobody varies, and send a drawn action backward through both critics. Here activations are rectified in place, which
leaves the mask of the backward pass, and nothing is computed that was not asked for. The same formulas, layer by layer
under autograd, are what tests hold it against.

Weights are (fan_in, fan_out) and biases (fan_out,) of one network, or (members, fan_in, fan_out) and
(members, 1, fan_out) of several side by side. Inputs come in pieces that are joined: an observation, an action, z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Tensors = Sequence[Tensor]
Activation = Callable[[Tensor], Tensor]

CHUNK = 2**19
"""Numbers of one layer that a processor works on at a time, so that they stay in its cache on the way to the next."""

CPU_DEVICES = frozenset({"cpu"})
"""Devices whose memory the host reads without waiting for them: only there may a shape depend on data."""


def perceptron(inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype) -> Tensor:
    """Evaluate a network, or several, with rectified linear units between the layers.

    Parameters
    ----------
    inputs : (..., .) each; where there are members, (rows, .) for all of them.
    weights, biases : of each layer.
    products : what matrix products are taken in; all else is in the precision of the biases.

    Returns
    -------
    (..., output), or (members, rows, output). It can be differentiated once.
    """
    outputs: Tensor = _Perceptron.apply(len(inputs), products, *inputs, *weights, *biases)  # type: ignore[no-untyped-call]
    return outputs


def plain_perceptron(
    inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype, activation: Activation = torch.relu
) -> Tensor:
    """Evaluate as `perceptron` does, with any activation, and leave all gradients to autograd."""
    members = weights[0].ndim == 3
    affine = torch.baddbmm if members else torch.addmm
    hidden = _to(_join(inputs), products)
    shape = hidden.shape[:-1]
    hidden = hidden.expand(len(weights[0]), *hidden.shape) if members else hidden.reshape(-1, hidden.shape[-1])
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        hidden = activation(hidden) if layer else hidden
        hidden = affine(_to(bias, products), hidden, _to(weight, products))
    return _to(hidden if members or len(shape) == 1 else hidden.view(*shape, hidden.shape[-1]), biases[0].dtype)


def lowest(inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype) -> Tensor:
    """Evaluate several networks whose parameters are held fixed, and return the lowest output of each row.

    Only the network that gave it goes backward: one of them, where some gave the same.

    Parameters
    ----------
    inputs : (rows, .) each.
    weights, biases, products : as of `perceptron`; no gradient reaches the parameters.

    Returns
    -------
    (rows, 1)
    """
    fixed = [each.detach() for each in (*weights, *biases)]
    outputs: Tensor = _Lowest.apply(len(inputs), products, *inputs, *fixed)  # type: ignore[no-untyped-call]
    return outputs


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pieces: int, products: torch.dtype, *tensors: Tensor) -> Tensor:
        inputs, weights, biases = _apart(pieces, tensors)
        outputs, ctx.read = _forward(inputs, weights, biases, products)
        ctx.pieces, ctx.products = pieces, products
        ctx.save_for_backward(*tensors)
        return outputs if weights[0].ndim == 3 else outputs.view(*inputs[0].shape[:-1], outputs.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weights, _ = _apart(ctx.pieces, ctx.saved_tensors)
        varies = ctx.needs_input_grad[2:]
        learns, varies = any(varies[ctx.pieces :]), varies[: ctx.pieces]
        layers = len(weights)
        gradient = gradient if weights[0].ndim == 3 else gradient.reshape(-1, gradient.shape[-1])
        of_weights: list[Tensor | None] = [None] * layers
        of_biases: list[Tensor | None] = [None] * layers
        of_inputs = []
        for rows, read in ctx.read:
            g = _to(gradient if len(ctx.read) == 1 else gradient[..., rows, :], ctx.products)
            for layer in range(layers - 1, -1, -1):
                if learns:
                    of_weights[layer] = _plus(of_weights[layer], _to(read[layer].mT @ g, gradient.dtype))
                    of_biases[layer] = _plus(of_biases[layer], g.sum(dim=-2, dtype=gradient.dtype))
                if layer:
                    g = _through(g, weights[layer], read[layer])
            of_inputs.append(_of_inputs(g, inputs, weights[0], varies))
        if learns and weights[0].ndim == 3:
            of_biases = [each.unsqueeze(1) for each in of_biases if each is not None]
        return None, None, *_joined(of_inputs, inputs), *of_weights, *of_biases


class _Lowest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pieces: int, products: torch.dtype, *tensors: Tensor) -> Tensor:
        inputs, weights, biases = _apart(pieces, tensors)
        outputs, ctx.read = _forward(inputs, weights, biases, products)
        ctx.pieces, ctx.products = pieces, products
        lowest_outputs, ctx.chosen = outputs.min(dim=0)
        ctx.save_for_backward(*tensors)
        return lowest_outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weights, biases = _apart(ctx.pieces, ctx.saved_tensors)
        varies = ctx.needs_input_grad[2 : 2 + ctx.pieces]
        of_rows = _by_rows if gradient.device.type in CPU_DEVICES else _by_masks
        of_inputs = [
            of_rows(_to(gradient[rows], ctx.products), ctx.chosen[rows], read, inputs, weights, varies)
            for rows, read in ctx.read
        ]
        return None, None, *_joined(of_inputs, inputs), *[None] * (len(weights) + len(biases))


Read = list[tuple[slice, list[Tensor]]]
"""For each chunk of the rows, what each layer read of it: (rows, fan_in), or (members, rows, fan_in)."""


def _apart(pieces: int, tensors: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    """Take apart inputs, weights and biases."""
    layers = (len(tensors) - pieces) // 2
    return tensors[:pieces], tensors[pieces : pieces + layers], tensors[pieces + layers :]


def _forward(inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype) -> tuple[Tensor, Read]:
    """Evaluate chunk by chunk; return (rows, output), or (members, rows, output), and what was read."""
    members = weights[0].ndim == 3
    affine = torch.baddbmm if members else torch.addmm
    joined = _to(_join(inputs), products)
    joined = joined.expand(len(weights[0]), -1, -1) if members else joined.reshape(-1, joined.shape[-1])
    precision = biases[0].dtype
    weights, biases = [_to(each, products) for each in weights], [_to(each, products) for each in biases]
    everything: Read = []
    outputs = []
    for rows in _chunks(joined, max(weight.numel() // weight.shape[-2] for weight in weights)):
        hidden = joined[..., rows, :]
        read: list[Tensor] = []
        for weight, bias in zip(weights, biases, strict=True):
            if read:
                hidden.relu_()
            read.append(hidden)
            hidden = affine(bias, hidden, weight)
        everything.append((rows, read))
        outputs.append(hidden)
    return _to(torch.cat(outputs, dim=-2) if len(outputs) > 1 else outputs[0], precision), everything


def _chunks(joined: Tensor, width: int) -> list[slice]:
    """Divide the rows; an accelerator takes them at once, which no cache of a core serves and each launch delays."""
    rows = joined.shape[-2]
    parts = round(rows * width / CHUNK) if joined.device.type in CPU_DEVICES else 1
    size = -(-rows // max(1, parts))
    return [slice(begin, begin + size) for begin in range(0, rows, size)]


def _through(g: Tensor, weight: Tensor, read: Tensor) -> Tensor:
    """Take the gradient of a layer's outputs to those of the layer before, whose rectified ones it read."""
    g = g @ _to(weight, g.dtype).mT
    rectified: Tensor = torch.ops.aten.threshold_backward.grad_input(g, read, 0, grad_input=g)
    return rectified


def _of_inputs(g: Tensor, inputs: Tensors, weight: Tensor, varies: Sequence[bool]) -> list[Tensor | None]:
    """Take the gradient of the first layer's outputs to those pieces of the input that vary."""
    gradients: list[Tensor | None] = [None] * len(inputs)
    begin = 0
    for index, piece in enumerate(inputs):
        end = begin + piece.shape[-1]
        if varies[index]:
            gradients[index] = g @ _to(weight[..., begin:end, :], g.dtype).mT
        begin = end
    return gradients


def _by_rows(
    g: Tensor, chosen: Tensor, read: Tensors, inputs: Tensors, weights: Tensors, varies: Sequence[bool]
) -> list[Tensor | None]:
    """Send each row backward through the member that was chosen for it, and through no other."""
    of_inputs = [g.new_empty(len(g), piece.shape[-1]) if v else None for piece, v in zip(inputs, varies, strict=True)]
    for member in range(len(weights[0])):
        rows = (chosen[:, 0] == member).nonzero()[:, 0]
        of_rows = g.index_select(0, rows)
        for layer in range(len(weights) - 1, 0, -1):
            of_rows = _through(of_rows, weights[layer][member], read[layer][member].index_select(0, rows))
        some = _of_inputs(of_rows, inputs, weights[0][member], varies)
        for of_all, of_some in zip(of_inputs, some, strict=True):
            if of_all is not None and of_some is not None:
                of_all.index_copy_(0, rows, of_some)
    return of_inputs


def _by_masks(
    g: Tensor, chosen: Tensor, read: Tensors, inputs: Tensors, weights: Tensors, varies: Sequence[bool]
) -> list[Tensor | None]:
    """Send every row backward through all members: a zero through those that were not chosen for it."""
    members = torch.arange(len(weights[0]), device=g.device).view(-1, 1, 1)
    g = torch.where(chosen == members, g, torch.zeros_like(g))
    for layer in range(len(weights) - 1, 0, -1):
        g = _through(g, weights[layer], read[layer])
    return _of_inputs(g, inputs, weights[0], varies)


def _join(pieces: Tensors) -> Tensor:
    return torch.cat(tuple(pieces), dim=-1) if len(pieces) > 1 else pieces[0]


def _to(tensor: Tensor, precision: torch.dtype) -> Tensor:
    return tensor if tensor.dtype == precision else tensor.to(precision)


def _plus(total: Tensor | None, part: Tensor) -> Tensor:
    return part if total is None else total.add_(part)


def _joined(chunks: Sequence[Sequence[Tensor | None]], inputs: Tensors) -> list[Tensor | None]:
    """Put chunks of the gradients one after the other, summed over the members that all read the same rows."""
    joined: list[Tensor | None] = [None] * len(inputs)
    for index, piece in enumerate(inputs):
        parts = [part for chunk in chunks if (part := chunk[index]) is not None]
        if parts:
            whole = torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0]
            joined[index] = _to((whole.sum(dim=0) if whole.ndim > piece.ndim else whole).view_as(piece), piece.dtype)
    return joined
