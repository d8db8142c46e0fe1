"""NASFE's decoder: from fused features and the encoders' skips to a picture."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.methods.nasfe.network.encoders import Encoded
from facequal.methods.nasfe.network.operators import Res2Block


class Decoder(nn.Module):
    """Twice as large twice, with what the encoders had at these resolutions; the last convolution begins at 0.

    Args:
        channels: Channels of the fused features at quarter resolution, a multiple of 4.
        skips: Channels of all encoders' skips together, at half and at full resolution.
        widths: Channels at half and at full resolution, multiples of 4, and of the last convolution.
    """

    def __init__(
        self, channels: int = 192, skips: tuple[int, int] = (192, 96), widths: tuple[int, int, int] = (112, 72, 36)
    ) -> None:
        super().__init__()
        half, full, last = widths
        self.at_quarter = Res2Block(channels)
        self.up_half, self.skip_half = nn.Conv2d(channels, half, 3, padding=1), nn.Conv2d(skips[0], half, 1)
        self.at_half = Res2Block(half)
        self.up_full, self.skip_full = nn.Conv2d(half, full, 3, padding=1), nn.Conv2d(skips[1], full, 1)
        self.at_full = Res2Block(full)
        self.leave = nn.Sequential(nn.Conv2d(full, last, 3, padding=1), nn.ReLU(), nn.Conv2d(last, 3, 3, padding=1))
        nn.init.zeros_(self.leave[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.leave[-1].bias)  # type: ignore[arg-type]

    def forward(self, fused: Tensor, encoded: Sequence[Encoded]) -> Tensor:
        """Return the change of a picture (B,3,H,W) from fused features (B,C,H/4,W/4) and the encoders' outputs."""
        skip_half = torch.cat([encoder_output.half for encoder_output in encoded], dim=1)
        skip_full = torch.cat([encoder_output.full for encoder_output in encoded], dim=1)
        x = F.interpolate(self.at_quarter(fused), scale_factor=2, mode="nearest")
        x = F.interpolate(self.at_half(self.up_half(x) + self.skip_half(skip_half)), scale_factor=2, mode="nearest")
        picture: Tensor = self.leave(self.at_full(self.up_full(x) + self.skip_full(skip_full)))
        return picture
