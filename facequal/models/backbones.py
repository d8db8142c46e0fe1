"""What every recognition network shares, timm networks behind that interface, and the weight-decay groups."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from facequal.choices import require_choice
from facequal.models.timm_networks import create_timm_network

ColourOrder = Literal["rgb", "bgr"]

# A feature shorter than this is divided by it instead of by its norm: no NaN, and a bounded gradient.
_SMALLEST_NORM = 1e-6

_LINEAR_LAYERS = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear, nn.PReLU)
_NORM_LAYERS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class Backbone(nn.Module, ABC):
    """A recognition network: face images in, a unit embedding and its norm before normalisation out.

    Sub-classes define `features`, and `normalise` if they do not take [-1, 1]. Images are always RGB in [0, 1]; the
    network owns its normalisation and the channel order of its first layer. `colour_order` is saved with the weights:
    not as a key, so that key names stay the published ones, but in the metadata of the state dict, from which loading
    restores it.

    Attributes:
        embedding_dim: Length D of the embedding.
        input_size_px: Side of the square input image in pixels.
        colour_order: Channel order that the first layer was trained on. With "bgr" the channels are swapped inside.

    >>> class Mean(Backbone):
    ...     def features(self, images):
    ...         return images.mean(dim=(2, 3))  # (B, 3)
    >>> embedding, norm = Mean(embedding_dim=3, input_size_px=8)(torch.ones(2, 3, 8, 8))
    >>> embedding.shape, norm.flatten()
    (torch.Size([2, 3]), tensor([1.7321, 1.7321]))
    """

    def __init__(self, embedding_dim: int, input_size_px: int, colour_order: ColourOrder = "rgb") -> None:
        super().__init__()
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim must be at least 1, got {embedding_dim}")
        require_choice("colour_order", colour_order, ColourOrder)
        self.embedding_dim = embedding_dim
        self.input_size_px = input_size_px
        self.colour_order: ColourOrder = colour_order

    def normalise(self, images: Tensor) -> Tensor:
        """Map pixel values to the range the network was made for: (x - 0.5) / 0.5, as most face networks have it.

        Args:
            images: (B, 3, S, S) float RGB in [0, 1].

        Returns:
            (B, 3, S, S) float in [-1, 1].
        """
        return images.sub(0.5).mul_(2)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Compute the embedding before it is divided by its norm.

        Args:
            images: (B, 3, H, W) float, normalised, in the network's own channel order.

        Returns:
            (B, D) float.
        """

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embed face images.

        Args:
            images: (B, 3, S, S) float RGB in [0, 1] with S = `input_size_px`.

        Returns:
            The unit embedding (B, D) and the norm (B, 1), both float32 (float64 for a float64 network), also under
            autocast.

        Raises:
            TypeError: If the images are not floating point.
            ValueError: If the images do not have the network's input size.
        """
        size = self.input_size_px
        if not images.is_floating_point():
            raise TypeError(f"images must be floating point in [0, 1], got {images.dtype}: divide uint8 images by 255")
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise ValueError(f"images must have shape (B, 3, {size}, {size}), got {tuple(images.shape)}")
        images = self.normalise(images)
        if self.colour_order == "bgr":
            images = images.flip(1)
        return unit_and_norm(self.features(images))

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        metadata = getattr(destination, "_metadata", None)
        if metadata is not None:
            metadata[prefix[:-1]]["colour_order"] = self.colour_order

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any
    ) -> None:
        self.colour_order = local_metadata.get("colour_order", self.colour_order)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


def unit_and_norm(features: Tensor) -> tuple[Tensor, Tensor]:
    """Split features into direction and length: e = f / max(||f||, 1e-6) and ||f||.

    Args:
        features: (B, D) float; half precision is raised to float32 first.

    Returns:
        Unit embedding (B, D) and norm (B, 1). A zero feature gives a zero embedding and norm 0, with finite gradients.

    >>> unit_and_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    (tensor([[0.6000, 0.8000], [0.0000, 0.0000]]), tensor([[5.], [0.]]))
    """
    if features.dtype in (torch.float16, torch.bfloat16):
        features = features.float()
    norm = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / norm.clamp_min(_SMALLEST_NORM), norm


class TimmBackbone(Backbone):
    """Any timm network by name, with a linear embedding layer and BatchNorm after its pooled features.

    Nothing is downloaded. The pixel normalisation is the mean and standard deviation of the network's timm data
    configuration, so that local pretrained weights see what they were trained on.

    Args:
        name: Architecture, optionally with timm's weight tag: `resnet50`, `mobilenetv2_100`, `vit_small_patch16_224`.
        embedding_dim: Length D of the embedding.
        size_px: Side of the square input image in pixels. Networks of fixed input size (ViT, Swin) are built for it.
        pretrained_path: State dict of the timm network saved by `torch.save`, or a `.safetensors` file; its classifier
            is left out and position embeddings are resized. None starts from random weights.
        colour_order: Channel order that the first layer was trained on.
        timm_kwargs: Further arguments of `timm.create_model`, for example `{"drop_path_rate": 0.1}`.

    Raises:
        ValueError: If timm has no such architecture; the message lists close matches.
        FileNotFoundError: If `pretrained_path` does not exist.

    >>> backbone = TimmBackbone("test_resnet", embedding_dim=8, size_px=32).eval()
    >>> embedding, norm = backbone(torch.zeros(2, 3, 32, 32))
    >>> embedding.shape, norm.shape
    (torch.Size([2, 8]), torch.Size([2, 1]))
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        name: str,
        embedding_dim: int = 512,
        size_px: int = 112,
        pretrained_path: str | Path | None = None,
        colour_order: ColourOrder = "rgb",
        timm_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(embedding_dim, size_px, colour_order)
        self.network = create_timm_network(name, size_px, pretrained_path, timm_kwargs or {})
        self.embedding = nn.Sequential(
            nn.Linear(cast(int, self.network.head_hidden_size), embedding_dim),
            nn.BatchNorm1d(embedding_dim, affine=False),
        )
        config = cast(dict[str, Any], self.network.pretrained_cfg)
        self.register_buffer("pixel_mean", torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """Subtract the mean and divide by the standard deviation of the timm data configuration.

        Args:
            images: (B, 3, S, S) float RGB in [0, 1].

        Returns:
            (B, 3, S, S) float.
        """
        return (images - self.pixel_mean) / self.pixel_std

    def features(self, images: Tensor) -> Tensor:
        """Pass the pooled features of the timm network through the embedding layer.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, D) float.
        """
        return cast(Tensor, self.embedding(self.network(images)))


def decay_parameter_groups(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Split parameters into those with weight decay and those without, by the rule of the AdaFace release.

    Weights and biases of convolutions and linear layers, PReLU slopes and the class weights of a head decay; parameters
    of normalisation layers do not. Parameters that the published networks lack follow timm's habit: one-dimensional
    ones (LayerScale) and those that a network lists in `no_weight_decay()` (class token, position embedding) do not.

    Args:
        module: Backbone, head, or both in one container.

    Returns:
        Decayed and undecayed parameters: every parameter in exactly one of them, shared ones once.

    >>> decayed, undecayed = decay_parameter_groups(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)))
    >>> [tuple(parameter.shape) for parameter in decayed], [tuple(parameter.shape) for parameter in undecayed]
    ([(2, 4), (2,)], [(2,), (2,)])
    """
    excluded = _names_without_decay(module)
    decayed: list[nn.Parameter] = []
    undecayed: list[nn.Parameter] = []
    seen: set[int] = set()
    for prefix, owner in module.named_modules():
        # A leaf-only walk would lose the parameters of modules that have children too, such as a class token.
        for name, parameter in owner.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            full_name = f"{prefix}.{name}" if prefix else name
            decays = full_name not in excluded and _decays(owner, parameter)
            (decayed if decays else undecayed).append(parameter)
    return decayed, undecayed


def _decays(owner: nn.Module, parameter: nn.Parameter) -> bool:
    if isinstance(owner, _LINEAR_LAYERS):
        return True
    # timm has normalisation layers that derive from none of PyTorch's; all carry "Norm" in their class name.
    return parameter.ndim > 1 and not isinstance(owner, _NORM_LAYERS) and "Norm" not in type(owner).__name__


def _names_without_decay(module: nn.Module) -> set[str]:
    names: set[str] = set()
    for prefix, owner in module.named_modules():
        listed = getattr(owner, "no_weight_decay", None)
        if callable(listed):
            names.update(f"{prefix}.{name}" if prefix else name for name in listed())
    return names
