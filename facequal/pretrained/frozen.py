"""Frozen networks that were trained elsewhere: they embed faces, and give features to compare pictures by."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.models.backbones import Backbone, ColourOrder
from facequal.models.vggface import VGGFace, VGGLayer, vgg_channels
from facequal.pretrained.importing import load_backbone_weights, load_vggface

_AT_ONCE = 64


class FaceEmbedder(nn.Module):
    """Embeds pictures of any size with a trained recogniser: the central square, brought to the network's input size.

    Faces are not aligned: pictures should be, as the recogniser's were.

    Args:
        backbone: The recogniser's network.
        weights: Its checkpoint.
        colour_order: Colour order of the weights, where the file does not say.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the weights do not fit.
    """

    def __init__(self, backbone: Backbone, weights: str, colour_order: str | None = None) -> None:
        super().__init__()
        load_backbone_weights(backbone, weights, colour_order)
        self.backbone = backbone.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return unit embeddings (B,D), float32, of RGB pictures (B,3,H,W), clamped to [0,1]."""
        height, width = images.shape[-2:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = images[..., top : top + side, left : left + side].float().clamp(0.0, 1.0)
        size = self.backbone.input_size_px
        if side != size:
            square = F.interpolate(square, size=(size, size), mode="bicubic", antialias=True).clamp(0.0, 1.0)
        with torch.autocast(images.device.type, enabled=False):
            embeddings = [self.backbone(part)[0] for part in torch.split(square, _AT_ONCE)]
        return torch.cat(embeddings)


class FeatureNetwork(nn.Module, ABC):
    """Base of the networks whose features are compared: never trained, always in evaluation mode.

    Gradients pass through to the pictures. What a checkpoint of a method holds of it is what it was built with.

    Attributes:
        num_channels: Channels of the features.
        scale: What losses divide the features by, so that they are of the order of 1.
    """

    num_channels: int
    scale: float = 1.0

    def train(self, mode: bool = True) -> "FeatureNetwork":
        """Stay in evaluation mode."""
        super().train(False)
        return self

    def scaled(self, images: Tensor) -> Tensor:
        """Return features (B,C,h,w) divided by `scale`, as losses compare them."""
        features: Tensor = self(images)
        return features / self.scale

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1]."""


class VGGFaceFeatures(FeatureNetwork):
    """Features of VGGFace after a pooling, of the order of 100.

    Without weights the network is random, with a warning: losses and priors on its features mean nothing then, but
    everything runs.

    Args:
        weights: File of the published weights (see `facequal.pretrained.importing.load_vggface`), or None.
        layer: "pool1" to "pool5".
        colour_order: Colour order of the weights: "bgr" for those of the Caffe model, "rgb" for those of MatConvNet;
            files do not say.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the layer is unknown, the weights do not fit, or their colour order is missing.
    """

    scale = 255.0

    def __init__(
        self, weights: str | None = None, layer: VGGLayer = "pool3", colour_order: ColourOrder | None = None
    ) -> None:
        super().__init__()
        self.num_channels = vgg_channels(layer)
        self.network = VGGFace()
        if weights is None:
            warnings.warn(
                "VGGFace has random weights: perceptual and identity terms on its features mean nothing. Give "
                "`weights` a file of the published ones, or take RecognizerFeatures with a recogniser of yours",
                stacklevel=2,
            )
        else:
            load_vggface(self.network, weights, colour_order)
        self.layer: VGGLayer = layer
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1]."""
        features: Tensor = self.network(images, self.layer)
        return features


class RecognizerFeatures(FeatureNetwork):
    """Features inside a recogniser: what some of its layers give, for pictures of any size.

    Args:
        backbone: The recogniser's network.
        weights: Its checkpoint. Without one the network is random, with a warning.
        layers: Names of layers within the network, as "body" (all residual units) or "body.1" of an IR network. The
            features of several are brought to the size of the largest, by repeating values, and concatenated.
        colour_order: Colour order of the weights, where the file does not say.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the weights do not fit, or a layer is unknown or has no features (B,C,h,w); the message lists the
            layers.
    """

    def __init__(
        self,
        backbone: Backbone,
        weights: str | None = None,
        layers: Sequence[str] = ("body",),
        colour_order: str | None = None,
    ) -> None:
        super().__init__()
        known = dict(backbone.named_modules())
        unknown = [layer for layer in layers if layer not in known]
        if unknown or not layers:
            problem = f"has no layer {unknown[0]!r}" if unknown else "needs at least one of its layers"
            raise ValueError(f"{type(backbone).__name__} {problem}; it has {', '.join(filter(None, known))}")
        if weights is None:
            warnings.warn(
                f"{type(backbone).__name__} has random weights: terms on its features mean nothing. Give `weights` "
                "the checkpoint of a recogniser",
                stacklevel=2,
            )
        else:
            load_backbone_weights(backbone, weights, colour_order)
        self.backbone, self.layers = backbone, tuple(layers)
        self.requires_grad_(False).eval()
        size = backbone.input_size_px
        self.num_channels = self(torch.zeros(1, 3, size, size)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1].

        Raises:
            ValueError: If a layer has no features (B,C,h,w).
        """
        normalised = self.backbone.normalise(images)
        if self.backbone.colour_order == "bgr":
            normalised = normalised.flip(1)
        outputs = self._outputs(normalised)
        for name, output in outputs.items():
            if output.ndim != 4:
                raise ValueError(f"layers: {name!r} gives {tuple(output.shape)}, not features (B,C,h,w)")
        height, width = (max(output.shape[axis] for output in outputs.values()) for axis in (2, 3))
        maps = [outputs[name] for name in self.layers]
        if all(output.shape[2:] == (height, width) for output in maps):
            return torch.cat(maps, dim=1)
        return torch.cat([F.interpolate(output, size=(height, width), mode="nearest") for output in maps], dim=1)

    def _outputs(self, normalised: Tensor) -> dict[str, Tensor]:
        """Return the layers' outputs; what lies behind the last is not computed: it may not take every size."""
        outputs: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
                outputs[name] = output
                if len(outputs) == len(set(self.layers)):
                    raise _Reached

            return hook

        handles = [self.backbone.get_submodule(name).register_forward_hook(keep(name)) for name in set(self.layers)]
        try:
            self.backbone.features(normalised)
        except _Reached:
            return outputs
        finally:
            for handle in handles:
                handle.remove()
        missing = ", ".join(name for name in self.layers if name not in outputs)
        raise ValueError(f"layers: the features of {type(self.backbone).__name__} do not pass through {missing}")


class _Reached(Exception):  # noqa: N818 (nothing has gone wrong)
    """All layers that were asked for have given their output."""
