"""Import of trained weights: published AdaFace checkpoints, checkpoints of this package, plain state dicts.

Files are read with `weights_only=True`: nothing stored in them is ever executed.
"""

import pickle
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from facequal.models.backbones import Backbone, ColourOrder
from facequal.models.heads import AdaFaceHead, MarginHead
from facequal.models.vggface import VGGFace, published_names

# What stands before the backbone's own key names: nothing (plain), in our checkpoints, in the published ones.
_PREFIXES = {"": "plain state dict", "backbone.": "facequal checkpoint", "model.": "published AdaFace checkpoint"}

_ZOO = "; published recognisers are in the model zoo of the AdaFace repository"
_CONVERSION = """\
{path} holds more than tensors, so it cannot be read safely: it refers to {name}.
If you trust its source, re-save only the weights once, where that can be imported, and load the new file:

    import torch
    checkpoint = torch.load({old!r}, map_location="cpu", weights_only=False)  # executes code stored in the file
    torch.save({{"state_dict": checkpoint["state_dict"]}}, {new!r})
"""


@dataclass(frozen=True)
class LoadReport:
    """What an import did.

    Attributes:
        path: The file.
        layout: Kind of file, by its key names.
        colour_order: Channel order the file's weights were trained on; the model takes RGB afterwards in any case.
        num_tensors: Tensors loaded into the backbone.
        head_restored: Whether the class weights (and statistics) were loaded into the head.
        head_note: Classes restored, or why the head was left as it was.
        ignored: Keys of the file that were not used.
    """

    path: Path
    layout: str
    colour_order: ColourOrder
    num_tensors: int
    head_restored: bool
    head_note: str
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        converted = "converted from BGR to RGB" if self.colour_order == "bgr" else "RGB"
        return (
            f"{self.path} ({self.layout}): {self.num_tensors} backbone tensors loaded, {converted}; {self.head_note}; "
            f"{_listed(self.ignored) if self.ignored else 'no key'} ignored"
        )


def load_backbone_weights(backbone: Backbone, path: str | Path, colour_order: str | None = None) -> LoadReport:
    """Load weights into a backbone; a head in the file is ignored. See `load_weights`."""
    return load_weights(backbone, None, path, colour_order)


def load_weights(
    backbone: Backbone, head: MarginHead | None, path: str | Path, colour_order: str | None = None
) -> LoadReport:
    """Load weights into a backbone and, where the class counts agree, into its head.

    The first convolution of BGR weights is reordered, so that afterwards the backbone takes RGB and says so. Either
    everything of the backbone is loaded or nothing is changed.

    Args:
        backbone: Network to load into, of the same architecture as the file's.
        head: Head to load into, or None. Left as it is when the file has other classes.
        path: File written by `torch.save`: a published AdaFace checkpoint (keys `model.*`, `head.kernel`), a checkpoint
            of this package (`backbone.*`, `head.weight`) or a plain state dict of the backbone.
        colour_order: Channel order the weights were trained on: "bgr" for published AdaFace and QGFace weights, "rgb"
            for InsightFace ones. None takes it from the file, where checkpoints of this package record it.

    Returns:
        What was loaded, converted and ignored.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, the colour order is unknown or contradicts the file, or keys or
            shapes do not fit; the message names them.
    """
    path = Path(path)
    state_dict = _read_state_dict(path, _ZOO)
    prefix = _prefix(state_dict, backbone, path)
    order = _colour_order(state_dict, prefix, colour_order, path)
    weights = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    if not prefix:
        weights = {key: value for key, value in weights.items() if not key.startswith("head.")}
    _check_keys(weights, backbone.state_dict(), path)
    if order == "bgr":
        key = _first_convolution(backbone)
        weights[key] = weights[key].flip(1)
    backbone.load_state_dict(weights)
    backbone.colour_order = "rgb"
    used, note = _restore_head(head, state_dict)
    ignored = tuple(key for key in state_dict if key not in used and key.removeprefix(prefix) not in weights)
    return LoadReport(path, _PREFIXES[prefix], order, len(weights), bool(used), note, ignored)


def load_network_weights(
    network: nn.Module, path: str | Path, prefix: str = "network.", keep: str | None = None
) -> None:
    """Load a network's weights, whole or not at all, from a checkpoint of this package or a plain state dict.

    Args:
        network: Network to load into, of the same architecture as the file's.
        path: File written by `torch.save`.
        prefix: What stands before the network's keys in a checkpoint of the method.
        keep: Beginning of the names of weights that stay as they are where the file has none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, or keys or shapes do not fit; the message names them.
    """
    path = Path(path)
    state_dict = _read_state_dict(path)
    prefixed = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    weights = prefixed or dict(state_dict)
    if keep is not None:
        weights = {key: value for key, value in network.state_dict().items() if key.startswith(keep)} | weights
    _check_keys(weights, network.state_dict(), path)
    network.load_state_dict(weights)


def load_vggface(network: VGGFace, path: str | Path, colour_order: ColourOrder | None) -> None:
    """Load published VGGFace weights; those of the fully connected layers are ignored.

    Args:
        network: Network to load into; it takes RGB afterwards.
        path: File written by `torch.save`: keys `conv1_1.weight`, ... as published, `features.0.weight`, ... as
            torchvision has them, or `0.weight`, ... of a bare Sequential.
        colour_order: Channel order of the first convolution: "bgr" for weights from the Caffe model, "rgb" for those
            from MatConvNet.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, or keys or shapes do not fit; the message names them.
    """
    path = Path(path)
    if colour_order not in get_args(ColourOrder):
        raise ValueError(
            f"{path}: colour_order must be one of {get_args(ColourOrder)}, got {colour_order!r}: bgr for weights from "
            "the Caffe model, rgb for those from MatConvNet"
        )
    state_dict = _read_state_dict(path)
    weights: dict[str, Tensor] = {}
    for layer, names in published_names().items():
        for part in ("weight", "bias"):
            published = [f"{name}.{part}" for name in names if f"{name}.{part}" in state_dict]
            if published:
                weights[f"{layer}.{part}"] = state_dict[published[0]]
    _check_keys(weights, network.state_dict(), path)
    if colour_order == "bgr":
        weights["conv1_1.weight"] = weights["conv1_1.weight"].flip(1)
    network.load_state_dict(weights)


def _read_state_dict(path: Path, hint: str = "") -> Mapping[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"there are no weights at {path}{hint}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        unsafe = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        if unsafe is None:
            raise ValueError(f"{path} is damaged or was not written by torch.save") from error
        new = path.with_name(f"{path.stem}_weights.pt")
        raise ValueError(_CONVERSION.format(path=path, name=unsafe[1], old=str(path), new=str(new))) from error
    state_dict = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(state_dict, Mapping) or not all(isinstance(value, Tensor) for value in state_dict.values()):
        kind = _listed(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f"{path} must hold a state dict, or one under 'state_dict'; found {kind}")
    return cast(Mapping[str, Tensor], state_dict)


def _prefix(state_dict: Mapping[str, Tensor], backbone: Backbone, path: Path) -> str:
    """Return the prefix under which most of the backbone's keys are found."""
    names = backbone.state_dict().keys()
    hits = {prefix: sum(prefix + name in state_dict for name in names) for prefix in _PREFIXES}
    best = max(hits, key=lambda prefix: hits[prefix])
    if hits[best] == 0:
        raise ValueError(
            f"{path} holds no weights of {type(backbone).__name__}: its keys are {_listed(state_dict)}; "
            f"the backbone's are {_listed(names)}, optionally after 'model.' or 'backbone.'"
        )
    return best


def _colour_order(state_dict: Mapping[str, Tensor], prefix: str, given: str | None, path: Path) -> ColourOrder:
    metadata: dict[str, dict[str, Any]] = getattr(state_dict, "_metadata", {})
    recorded = metadata.get(prefix.removesuffix("."), {}).get("colour_order")
    orders = get_args(ColourOrder)
    if given is not None and given not in orders:
        raise ValueError(f"colour_order must be one of {orders} or None, got {given!r}")
    if given is None and recorded is None:
        raise ValueError(
            f"{path} does not record its colour order: pass colour_order='bgr' for published AdaFace and QGFace "
            "weights, 'rgb' for InsightFace ones. The wrong one works too, but badly"
        )
    if given is not None and recorded is not None and given != recorded:
        raise ValueError(f"{path} records colour order {recorded!r}, but colour_order={given!r} was asked for")
    return cast(ColourOrder, given or recorded)


def _check_keys(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    missing = [key for key in expected if key not in weights]
    unexpected = [key for key in weights if key not in expected]
    misshapen = [
        f"{key} {tuple(weights[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in weights and weights[key].shape != expected[key].shape
    ]
    lines = [
        f"  {len(keys)} {what}: {_listed(keys)}"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if keys
    ]
    if lines:
        raise ValueError("\n".join([f"{path} does not fit the network (is the architecture the same?):", *lines]))


def _first_convolution(backbone: Backbone) -> str:
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            return f"{name}.weight"
    raise ValueError(
        f"{type(backbone).__name__} has no convolution on 3 channels whose colour order could be converted"
    )


def _restore_head(head: MarginHead | None, state_dict: Mapping[str, Tensor]) -> tuple[set[str], str]:
    """Load the head if its shape agrees; return the keys used and a note."""
    sources = {key.removeprefix("head."): key for key in state_dict if key.startswith("head.")}
    entries = {name: state_dict[key] for name, key in sources.items()}
    if "kernel" in entries:  # published: (D, C), and a `t` that AdaFace never uses
        entries["weight"] = entries.pop("kernel").t()
        sources["weight"] = sources.pop("kernel")
        entries.pop("t", None)
        if "batch_mean" in entries:
            entries["num_updates"] = torch.ones((), dtype=torch.int64)
    if head is None or "weight" not in entries:
        return set(), "no head asked for" if head is None else "the file has no class weights, head left as it was"
    state = head.state_dict()
    stored, wanted = tuple(entries["weight"].shape), tuple(state["weight"].shape)
    if stored != wanted:
        sizes = f"the file has {stored[0]} classes of {stored[1]} dimensions, the head {wanted[0]} of {wanted[1]}"
        return set(), f"{sizes}: head left as it was"
    if not isinstance(head, AdaFaceHead) or head.quality != "norm":  # statistics of norms mean nothing to another score
        entries = {
            name: value for name, value in entries.items() if name not in ("batch_mean", "batch_std", "num_updates")
        }
    fitting = {name: value for name, value in entries.items() if name in state and value.shape == state[name].shape}
    head.load_state_dict({**state, **fitting})
    return {sources[name] for name in fitting if name in sources}, f"head of {wanted[0]} classes restored"


def _listed(keys: Iterable[str], limit: int = 8) -> str:
    """Return the first keys, and how many more there are."""
    names = list(keys)
    more = f", ... ({len(names) - limit} more)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
