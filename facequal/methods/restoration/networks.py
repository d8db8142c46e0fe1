"""Plain networks that restore pictures, for comparison: DnCNN and a U-Net of as many parameters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DnCNN(nn.Module):
    """Zhang et al., "Beyond a Gaussian denoiser" (2017): convolutions that predict what is wrong with a picture.

    3x3 convolutions without pooling, BatchNorm and ReLU between them; the prediction is subtracted from the input.

    >>> sum(parameter.numel() for parameter in DnCNN().parameters())
    558400

    Args:
        depth: Number of convolutions; 17 in the paper for known noise, 20 for blind.
        width: Channels between them.

    Raises:
        ValueError: If the depth is below 2.
    """

    def __init__(self, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth must be at least 2, got {depth}")
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1, bias=False))

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB pictures (B,3,H,W) in [0,1]; the result may leave the range."""
        wrong: Tensor = self.layers(images)
        return images - wrong


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) of three resolutions, which adds its output to the input.

    Each level has two 3x3 convolutions with GroupNorm and ReLU; strided convolutions go down, bilinear enlargement and
    skips come up. The default widths give as many parameters as `DnCNN`, to one in a hundred.

    >>> images = torch.rand(1, 3, 18, 22)
    >>> torch.equal(UNet((4, 4, 4))(images), images)  # at first
    True

    Args:
        widths: Channels at full, half and quarter resolution; multiples of 4.

    Raises:
        ValueError: If a width is no positive multiple of 4.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 120)) -> None:
        super().__init__()
        if any(width < 4 or width % 4 for width in widths):
            raise ValueError(f"widths must be positive multiples of 4, got {widths}")
        full, half, quarter = widths
        self.down0 = _double(3, full)
        self.down1 = nn.Sequential(nn.Conv2d(full, half, 2, stride=2), _double(half, half))
        self.down2 = nn.Sequential(nn.Conv2d(half, quarter, 2, stride=2), _double(quarter, quarter))
        self.up1 = _double(quarter + half, half)
        self.up0 = _double(half + full, full)
        self.last = nn.Conv2d(full, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)  # begins with the input
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB pictures (B,3,H,W) in [0,1], of any size from 4x4; the result may leave the range."""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % 4, 0, -height % 4), mode="reflect")
        full = self.down0(padded)
        half = self.down1(full)
        up = self.up1(torch.cat((_enlarge(self.down2(half)), half), dim=1))
        up = self.up0(torch.cat((_enlarge(up), full), dim=1))
        missing: Tensor = self.last(up)
        return images + missing[..., :height, :width]


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(4, outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _enlarge(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
