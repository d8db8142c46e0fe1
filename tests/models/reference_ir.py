"""The published IR networks written a second time, as functions of a state dict, to compare with."""

import torch
import torch.nn.functional as F
from torch import Tensor

StateDict = dict[str, Tensor]


def reference_features(state: StateDict, x: Tensor) -> Tensor:
    """Features in evaluation mode of (B, 3, S, S) images in [-1, 1], channels in the order of the weights."""
    x = F.conv2d(x, state["input_layer.0.weight"], padding=1)
    x = prelu(state, "input_layer.2", batch_norm(state, "input_layer.1", x))
    num_units = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("body."))
    for unit in range(num_units):
        x = reference_unit(state, f"body.{unit}", x, first_of_stage=is_first_of_stage(unit, num_units))
    x = batch_norm(state, "output_layer.0", x).flatten(1)
    x = F.linear(x, state["output_layer.3.weight"], state["output_layer.3.bias"])
    return batch_norm(state, "output_layer.4", x)


def is_first_of_stage(unit: int, num_units: int) -> bool:
    stages = {8: (2, 2, 2, 2), 16: (3, 4, 6, 3), 24: (3, 4, 14, 3), 49: (3, 13, 30, 3)}[num_units]
    return unit in {sum(stages[:stage]) for stage in range(4)}


def reference_unit(state: StateDict, name: str, x: Tensor, first_of_stage: bool) -> Tensor:
    stride = 2 if first_of_stage else 1
    residual = batch_norm(state, f"{name}.res_layer.0", x)
    residual = F.conv2d(residual, state[f"{name}.res_layer.1.weight"], padding=1)
    residual = prelu(state, f"{name}.res_layer.3", batch_norm(state, f"{name}.res_layer.2", residual))
    residual = F.conv2d(residual, state[f"{name}.res_layer.4.weight"], padding=1, stride=stride)
    residual = batch_norm(state, f"{name}.res_layer.5", residual)
    if f"{name}.res_layer.se_block.fc1.weight" in state:
        channels = residual.mean(dim=(2, 3))
        channels = F.relu(channels @ state[f"{name}.res_layer.se_block.fc1.weight"].flatten(1).T)
        channels = torch.sigmoid(channels @ state[f"{name}.res_layer.se_block.fc2.weight"].flatten(1).T)
        residual = residual * channels[:, :, None, None]
    if f"{name}.shortcut_layer.0.weight" in state:
        shortcut = F.conv2d(x, state[f"{name}.shortcut_layer.0.weight"], stride=stride)
        shortcut = batch_norm(state, f"{name}.shortcut_layer.1", shortcut)
    else:
        shortcut = x[:, :, ::stride, ::stride]
    return residual + shortcut


def batch_norm(state: StateDict, name: str, x: Tensor) -> Tensor:
    shape = (1, -1) + (1,) * (x.ndim - 2)
    x = (x - state[f"{name}.running_mean"].view(shape)) / torch.sqrt(state[f"{name}.running_var"].view(shape) + 1e-5)
    if f"{name}.weight" not in state:
        return x
    return x * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)


def prelu(state: StateDict, name: str, x: Tensor) -> Tensor:
    return torch.where(x > 0, x, x * state[f"{name}.weight"].view(1, -1, 1, 1))


def randomised(state: StateDict, seed: int = 0) -> StateDict:
    """The same entries with random statistics, scales and slopes, so that no part can be left out unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    changed = {}
    for key, value in state.items():
        if value.is_floating_point() and value.ndim == 1:
            noise = torch.rand(value.shape, generator=generator, dtype=value.dtype)
            value = 0.5 + noise if key.endswith(("weight", "running_var")) else noise - 0.5
        changed[key] = value.clone()
    return changed
