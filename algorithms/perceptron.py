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
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]

CHUNK = 2**19
"""Numbers of one layer that are worked on at a time, so that they stay in a core's cache on the way to the next."""

HOSTS = frozenset({"cpu"})
"""Devices whose memory the host reads without waiting for them: only there may a shape depend on data."""

Tensors = Sequence[Tensor]
Kept = list[tuple[slice, list[Tensor]]]
"""For each chunk of the rows, what each layer read of it: (rows, fan_in), or (members, rows, fan_in)."""


def perceptron(inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype) -> Tensor:
    """Evaluate a network, or several, with rectified linear units between the layers.

    Parameters
    ----------
    inputs : (..., .) each; where there are members, (rows, .) for all of them, or (members, rows, .).
    weights, biases : of each layer.
    products : what matrix products are taken in; all else is in the precision of the biases.

    Returns
    -------
    (..., output), or (members, rows, output). It can be differentiated once, and evaluated under `torch.func.vmap`.
    """
    outputs: Tensor = _Perceptron.apply([], len(inputs), products, *inputs, *weights, *biases)
    return outputs


def plain_perceptron(
    inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype, activation: Activation = torch.relu
) -> Tensor:
    """Evaluate as `perceptron` does, with any activation, and leave all gradients to autograd."""
    members = weights[0].ndim == 3
    hidden = (torch.cat(tuple(inputs), dim=-1) if len(inputs) > 1 else inputs[0]).to(products)
    if members and hidden.ndim == 2:
        hidden = hidden.expand(len(weights[0]), *hidden.shape)
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        hidden = activation(hidden) if layer else hidden
        weight, bias = weight.to(products), bias.to(products)
        hidden = torch.baddbmm(bias, hidden, weight) if members else functional.linear(hidden, weight.mT, bias)
    return hidden.to(biases[0].dtype)


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
    outputs: Tensor = _Lowest.apply(len(inputs), products, *inputs, *(fixed.detach() for fixed in (*weights, *biases)))
    return outputs


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(kept: Kept, pieces: int, products: torch.dtype, *tensors: Tensor) -> Tensor:
        inputs, weights, biases = _apart(pieces, tensors)
        outputs = _forward(inputs, weights, biases, products, kept)
        return outputs if weights[0].ndim == 3 else outputs.view(*inputs[0].shape[:-1], outputs.shape[-1])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.kept, ctx.pieces, ctx.products, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weights, biases = _apart(ctx.pieces, ctx.saved_tensors)
        varies = ctx.needs_input_grad[3:]
        learns, varies = any(varies[ctx.pieces :]), varies[: ctx.pieces]
        gradient = gradient if weights[0].ndim == 3 else gradient.reshape(-1, gradient.shape[-1])
        of_weights, of_biases = [torch.zeros_like(each) for each in weights], [torch.zeros_like(each) for each in biases]
        of_inputs = []
        for rows, read in ctx.kept:
            g = gradient[..., rows, :].to(ctx.products)
            for layer in reversed(range(len(weights))):
                if learns:
                    of_weights[layer] += read[layer].mT @ g
                    of_biases[layer] += g.sum(dim=-2, dtype=gradient.dtype).view_as(of_biases[layer])
                if layer:
                    g = _through(g, weights[layer], read[layer])
            of_inputs.append(_of_inputs(g, inputs, weights[0], varies))
        of_parameters = [*of_weights, *of_biases] if learns else [None] * (len(weights) + len(biases))
        return None, None, None, *_joined(of_inputs, inputs), *of_parameters

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], kept: Kept, pieces: int, products: torch.dtype, *tensors: Tensor
    ) -> tuple[Tensor, int]:
        """Run many sets of weights, or one on many inputs, as the members of one network."""
        size = info.batch_size
        batched = [
            tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(tensors, dims[3:], strict=True)
        ]
        inputs, weights, biases = _apart(pieces, batched)
        rows = inputs[0].shape[1:-1]
        if weights[0].ndim == 3:  # one network each
            biases = [bias.unsqueeze(1) for bias in biases]
            inputs = [piece.reshape(size, -1, piece.shape[-1]) for piece in inputs]
        else:
            if inputs[0].ndim == 3:  # the same rows for all members
                rows = (weights[0].shape[1], *rows)
                inputs = [piece.unsqueeze(1).expand(-1, rows[0], -1, -1) for piece in inputs]
            inputs, weights, biases = ([each.flatten(0, 1) for each in some] for some in (inputs, weights, biases))
        outputs = perceptron(inputs, weights, biases, products)
        return outputs.view(size, *rows, outputs.shape[-1]), 0


class _Lowest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pieces: int, products: torch.dtype, *tensors: Tensor) -> Tensor:
        inputs, weights, biases = _apart(pieces, tensors)
        ctx.kept, ctx.pieces, ctx.products = [], pieces, products
        outputs, ctx.chosen = _forward(inputs, weights, biases, products, ctx.kept).min(dim=0)
        ctx.save_for_backward(*tensors)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weights, biases = _apart(ctx.pieces, ctx.saved_tensors)
        varies = ctx.needs_input_grad[2 : 2 + ctx.pieces]
        of_rows = _by_rows if gradient.device.type in HOSTS else _by_masks
        of_inputs = [
            of_rows(gradient[rows].to(ctx.products), ctx.chosen[rows], read, inputs, weights, varies)
            for rows, read in ctx.kept
        ]
        return None, None, *_joined(of_inputs, inputs), *[None] * (len(weights) + len(biases))


def _apart(pieces: int, tensors: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    """Take apart inputs, weights and biases."""
    layers = (len(tensors) - pieces) // 2
    return tensors[:pieces], tensors[pieces : pieces + layers], tensors[pieces + layers :]


def _forward(inputs: Tensors, weights: Tensors, biases: Tensors, products: torch.dtype, kept: Kept) -> Tensor:
    """Evaluate, chunk by chunk, and keep what each layer read; return (rows, output), or (members, rows, output)."""
    members = weights[0].ndim == 3
    affine = torch.baddbmm if members else torch.addmm
    inputs = inputs if members else [piece.reshape(-1, piece.shape[-1]) for piece in inputs]
    widest = max(weight[..., 0, :].numel() for weight in weights)
    count = inputs[0].shape[-2]
    size = -(-count // max(1, round(count * widest / CHUNK)))
    outputs, precision = [], biases[0].dtype
    weights, biases = [each.to(products) for each in weights], [each.to(products) for each in biases]
    for rows in [slice(begin, begin + size) for begin in range(0, count, size)]:
        hidden = _join([piece[..., rows, :] for piece in inputs]).to(products)
        hidden = hidden.expand(len(weights[0]), -1, -1) if members else hidden
        read = []
        for weight, bias in zip(weights, biases, strict=True):
            if read:
                hidden.relu_()
            read.append(hidden)
            hidden = affine(bias, hidden, weight)
        kept.append((rows, read))
        outputs.append(hidden)
    return (torch.cat(outputs, dim=-2) if len(outputs) > 1 else outputs[0]).to(precision)


def _through(g: Tensor, weight: Tensor, read: Tensor) -> Tensor:
    """Take the gradient of a layer's outputs to those of the layer before, whose rectified ones it read."""
    g = g @ weight.to(g.dtype).mT
    return torch.ops.aten.threshold_backward.grad_input(g, read, 0, grad_input=g)


def _of_inputs(g: Tensor, inputs: Tensors, weight: Tensor, varies: Sequence[bool]) -> list[Tensor | None]:
    """Take the gradient of the first layer's outputs to those pieces of the input that vary."""
    pieces = weight.to(g.dtype).split([piece.shape[-1] for piece in inputs], dim=-2)
    return [g @ piece.mT if varying else None for piece, varying in zip(pieces, varies, strict=True)]


Branch = Callable[[Tensor, Tensor, Tensors, Tensors, Tensors, Sequence[bool]], list[Tensor | None]]


def _by_rows(
    g: Tensor, chosen: Tensor, read: Tensors, inputs: Tensors, weights: Tensors, varies: Sequence[bool]
) -> list[Tensor | None]:
    """Send each row backward through the member that was chosen for it, and through no other."""
    of_inputs = [g.new_empty(len(g), piece.shape[-1]) if v else None for piece, v in zip(inputs, varies, strict=True)]
    for member in range(len(weights[0])):
        rows = (chosen[:, 0] == member).nonzero()[:, 0]
        of_rows = g[rows]
        for layer in reversed(range(1, len(weights))):
            of_rows = _through(of_rows, weights[layer][member], read[layer][member, rows])
        some = _of_inputs(of_rows, inputs, weights[0][member], varies)
        for of_all, of_some in zip(of_inputs, some, strict=True):
            if of_all is not None and of_some is not None:
                of_all[rows] = of_some
    return of_inputs


def _by_masks(
    g: Tensor, chosen: Tensor, read: Tensors, inputs: Tensors, weights: Tensors, varies: Sequence[bool]
) -> list[Tensor | None]:
    """Send every row backward through all members, as zeros through those that were not chosen: no shape depends."""
    members = torch.arange(len(weights[0]), device=g.device).view(-1, 1, 1)
    g = torch.where(chosen == members, g, torch.zeros_like(g))
    for layer in reversed(range(1, len(weights))):
        g = _through(g, weights[layer], read[layer])
    return _of_inputs(g, inputs, weights[0], varies)


def _join(pieces: Tensors) -> Tensor:
    return torch.cat(tuple(pieces), dim=-1) if len(pieces) > 1 else pieces[0]


def _joined(chunks: Sequence[Sequence[Tensor | None]], inputs: Tensors) -> list[Tensor | None]:
    """Put chunks of the gradients one after the other, summed over the members that all read the same rows."""
    joined: list[Tensor | None] = []
    for piece, *parts in zip(inputs, *chunks, strict=True):
        some = [part for part in parts if part is not None]
        if not some:
            joined.append(None)
            continue
        whole = torch.cat(some, dim=-2) if len(some) > 1 else some[0]
        joined.append((whole.sum(dim=0) if whole.numel() > piece.numel() else whole).view_as(piece).to(piece.dtype))
    return joined
