"""Networks of the timm library, built without any download, and their local weights."""

import difflib
import pickle
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn


def create_timm_network(
    name: str, size_px: int, pretrained_path: str | Path | None, timm_kwargs: dict[str, Any]
) -> nn.Module:
    """Build a timm network without its classifier.

    Args:
        name: Architecture, optionally with timm's weight tag, which selects the data configuration.
        size_px: Side of the square input image in pixels, passed on to networks of fixed input size.
        pretrained_path: Local state dict of the network (`torch.save` or `.safetensors`), or None for random weights.
        timm_kwargs: Further arguments of `timm.create_model`.

    Returns:
        Network from images (B, 3, S, S) to pooled features (B, network.head_hidden_size).

    Raises:
        ValueError: If timm has no such architecture, or the file's keys or shapes do not fit; the message names them.
        FileNotFoundError: If `pretrained_path` does not exist.
    """
    import timm  # lazily: it imports torchvision, which takes seconds

    if not timm.is_model(name):
        known = timm.list_models()
        close = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
        hint = f"close matches: {', '.join(close)}" if close else "`timm.list_models()` lists all names"
        raise ValueError(f"timm has no model {name!r}; {hint}")
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        timm_kwargs = {"img_size": size_px, **timm_kwargs}
    network = cast(nn.Module, timm.create_model(name, pretrained=False, num_classes=0, **timm_kwargs))
    if pretrained_path is not None:
        _load_timm_weights(network, Path(pretrained_path))
    return network


def _load_timm_weights(network: nn.Module, path: Path) -> None:
    """Load a timm state dict strictly, apart from its classifier; timm itself would only log what is missing."""
    state_dict = _read_state_dict(path)
    config = cast(dict[str, Any], network.pretrained_cfg)
    classifiers = config.get("classifier") or ()
    classifiers = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    prefixes = tuple(f"{classifier}." for classifier in classifiers)
    state_dict = {key: value for key, value in state_dict.items() if not key.startswith(prefixes)}
    expected = network.state_dict()
    _resize_position_embedding(network, state_dict)
    problems = [f"missing {key}" for key in expected.keys() - state_dict.keys()]
    problems += [f"unexpected {key}" for key in state_dict.keys() - expected.keys()]
    problems += [
        f"{key} has shape {tuple(value.shape)} instead of {tuple(expected[key].shape)}"
        for key, value in state_dict.items()
        if key in expected and value.shape != expected[key].shape
    ]
    if problems:
        shown = "; ".join(sorted(problems)[:8])
        raise ValueError(f"{path} does not hold the weights of this network ({len(problems)} problems): {shown}")
    network.load_state_dict(state_dict)


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"pretrained_path {path} does not exist; save the state dict of the timm model there")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} cannot be read safely: save it by torch.save(model.state_dict(), path)") from error
    for key in ("state_dict", "model"):
        content = content.get(key, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} must hold a state dict of tensors, or one under 'state_dict' or 'model'")
    return cast(dict[str, Tensor], content)


def _resize_position_embedding(network: nn.Module, state_dict: dict[str, Tensor]) -> None:
    expected = getattr(network, "pos_embed", None)
    loaded = state_dict.get("pos_embed")
    if not isinstance(expected, Tensor) or loaded is None or expected.shape == loaded.shape:
        return
    from timm.layers import resample_abs_pos_embed

    patches = cast(Any, network).patch_embed
    state_dict["pos_embed"] = resample_abs_pos_embed(
        loaded, new_size=list(patches.grid_size), num_prefix_tokens=expected.shape[1] - patches.num_patches
    )
