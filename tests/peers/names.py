"""Our parameters under garage's names, in its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = Mapping[str, NDArray[Any]]


def mlp(named: Numbers, prefix: str, *, path: str = "", member: int | None = None, heads: int = 1) -> dict[str, Any]:
    """Name the parameters of a multi-layer perceptron.

    Parameters
    ----------
    named : ours by name, `weights.0`, ... (input, output) and `biases.0`, ...
    prefix : of garage's module.
    path : of ours.
    member : of the networks that ours holds side by side.
    heads : into which garage splits the last layer.
    """
    last = sum(name.startswith(f"{path}weights.") for name in named) - 1
    found = {}
    for layer in range(last + 1):
        weight, bias = named[f"{path}weights.{layer}"], named[f"{path}biases.{layer}"]
        if member is not None:
            weight, bias = weight[member], bias[member, 0]
        if layer < last:
            found[f"{prefix}._layers.{layer}.linear.weight"] = weight.T
            found[f"{prefix}._layers.{layer}.linear.bias"] = bias
            continue
        parts = zip(np.split(weight, heads, axis=1), np.split(bias, heads), strict=True)
        for head, (part_weight, part_bias) in enumerate(parts):
            found[f"{prefix}._output_layers.{head}.linear.weight"] = part_weight.T
            found[f"{prefix}._output_layers.{head}.linear.bias"] = part_bias
    return found


def tanh_gaussian(named: Numbers) -> dict[str, Any]:
    """Name the parameters of a tanh-Gaussian policy: one head for the mean, one for the deviation."""
    return mlp(named, "policy._module._shared_mean_log_std_network", path="network.", heads=2)


def recurrent(named: Numbers, theirs: Numbers) -> dict[str, Any]:
    """Name the parameters of a recurrent policy, whose gates Keras has in another order.

    Parameters
    ----------
    theirs : anything by Keras's names, whose beginnings depend on TensorFlow's scopes.
    """

    def gates(values: NDArray[Any]) -> NDArray[Any]:
        reset, update, new = np.split(values, 3, axis=0)
        return np.concatenate([update, reset, new], axis=0)

    ours = {
        "gru_layer.kernel": gates(named["gru.input_weight"]).T,
        "gru_layer.recurrent_kernel": gates(named["gru.hidden_weight"]).T,
        "gru_layer.bias": np.stack([gates(named["gru.input_bias"]), gates(named["gru.hidden_bias"])]),
        "output_layer.kernel": named["head.weights.0"],
        "output_layer.bias": named["head.biases.0"],
        "log_std_param.parameter": named["deviation.log_deviations"],
    }
    return {next(name for name in theirs if name.endswith(ending)): values for ending, values in ours.items()}
