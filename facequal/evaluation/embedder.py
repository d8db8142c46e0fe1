"""A recogniser that only looks: how alike the people in two pictures are, by a network that was trained elsewhere."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.models.backbones import Backbone
from facequal.weights import load_backbone_weights

_SIZE_PX = 112
_AT_ONCE = 64


class FaceEmbedder(nn.Module):
    """Embeds pictures of any size with a trained recogniser: the central square, brought to 112x112 pixels.

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
        if side != _SIZE_PX:
            square = F.interpolate(square, size=(_SIZE_PX, _SIZE_PX), mode="bicubic", antialias=True).clamp(0.0, 1.0)
        with torch.autocast(images.device.type, enabled=False):
            embeddings = [self.backbone(part)[0] for part in torch.split(square, _AT_ONCE)]
        return torch.cat(embeddings)
