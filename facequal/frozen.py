"""Networks that were trained elsewhere and only look: they embed faces, and give features to compare pictures by."""

import warnings
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.models.backbones import Backbone, ColourOrder
from facequal.models.vggface import VGGFace, VGGLayer, vgg_channels
from facequal.weights import load_backbone_weights, load_vggface

_AT_ONCE = 64


class FaceEmbedder(nn.Module):
    """Embeds pictures of any size with a trained recogniser: the central square, brought to the network's input size.

    Faces are not aligned: pictures should be, as the recogniser's were.

    Args:
        backbone: the recogniser's network.
        weights: its checkpoint.
        colour_order: colour order of the weights, where the file does not say.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the weights do not fit.
    """

    def __init__(self, backbone: Backbone, weights: str, colour_order: str | None = None) -> None:
        super().__init__()
        load_backbone_weights(backbone, weights, colour_order)
        self.backbone = backbone.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Unit embeddings (B,D), float32, of RGB pictures (B,3,H,W) in [0,1]; what is beyond the range is clamped."""
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
        num_channels: channels of the features.
    """

    num_channels: int

    def train(self, mode: bool = True) -> "FeatureNetwork":
        """Stay in evaluation mode."""
        super().train(False)
        return self

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1]."""


class VGGFaceFeatures(FeatureNetwork):
    """Features of VGGFace after a pooling.

    Without weights the network is random, with a warning: losses and priors on its features mean nothing then, but
    everything runs.

    Args:
        weights: file of the published weights (see `facequal.weights.load_vggface`), or None.
        layer: "pool1" to "pool5".
        colour_order: colour order of the weights: "bgr" from the Caffe model, "rgb" from MatConvNet.
    """

    def __init__(
        self, weights: str | None = None, layer: VGGLayer = "pool3", colour_order: ColourOrder = "bgr"
    ) -> None:
        super().__init__()
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
        self.num_channels = vgg_channels(layer)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1]."""
        features: Tensor = self.network(images, self.layer)
        return features


class RecognizerFeatures(FeatureNetwork):
    """Features inside a recogniser: what one of its layers gives, for pictures of any size.

    Args:
        backbone: the recogniser's network.
        weights: its checkpoint; None leaves the network as it is, as when a checkpoint of the method holds them.
        layer: name of the layer within the network, as "body" (all residual units) or "body.1" of an IR network.
        colour_order: colour order of the weights, where the file does not say.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the weights do not fit, or there is no such layer; the message lists the layers.
    """

    def __init__(
        self, backbone: Backbone, weights: str | None, layer: str = "body", colour_order: str | None = None
    ) -> None:
        super().__init__()
        if weights is not None:
            load_backbone_weights(backbone, weights, colour_order)
        self.backbone, self.layer = backbone, layer
        layers = dict(backbone.named_modules())
        if layer not in layers:
            raise ValueError(
                f"{type(backbone).__name__} has no layer {layer!r}; it has {', '.join(filter(None, layers))}"
            )
        layers[layer].register_forward_hook(_stop_with_output)
        self.requires_grad_(False).eval()
        size = backbone.input_size_px
        self.num_channels = self(torch.zeros(1, 3, size, size)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Features (B,C,h,w) of RGB pictures (B,3,H,W) in [0,1]."""
        normalised = self.backbone.normalise(images)
        if self.backbone.colour_order == "bgr":
            normalised = normalised.flip(1)
        try:
            self.backbone.features(normalised)
        except _Reached as reached:
            return reached.features
        raise RuntimeError(f"the features of {type(self.backbone).__name__} do not pass through {self.layer!r}")


class _Reached(Exception):  # noqa: N818 (nothing has gone wrong)
    """Carries a layer's output past the layers behind it, which are not needed and may not take every size."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


def _stop_with_output(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    raise _Reached(output)
