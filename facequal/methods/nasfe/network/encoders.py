"""NASFE's encoders: one each for blur, noise and low light, built around the operator that undoes it."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.choices import require_choice
from facequal.methods.nasfe.network.operators import Deveiling, FourierOperator, Res2Block, ResidualOperator, group_norm

Degraded = Literal["blur", "noise", "low_light"]
# Pairs of blocks at full, half and quarter resolution.
BLOCKS: dict[Degraded, tuple[int, int, int]] = {"blur": (1, 2, 6), "noise": (1, 2, 4), "low_light": (1, 2, 4)}


class Encoded(NamedTuple):
    """What an encoder gives: features at quarter resolution, and what the decoder's skips take.

    Attributes:
        full: (B,W0,H,W).
        half: (B,W1,H/2,W/2).
        features: (B,F,H/4,W/4).
    """

    full: Tensor
    half: Tensor
    features: Tensor


class ClassModulation(nn.Module):
    """Scale and shift of channels by the class vector: x (1 + g) + b, (g,b) linear in {b,n,l} and 0 at first.

    >>> x, classes = torch.rand(2, 4, 3, 3), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    >>> torch.equal(ClassModulation(4)(x, classes), x)  # at first, of a blurred picture and a dark and noisy one
    True

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        """Modulate features (B,C,H,W) by classes (B,3), probabilities in [0,1]."""
        scale, shift = torch.chunk(self.linear(classes)[..., None, None], 2, dim=1)  # g and b, (B,C,1,1)
        modulated: Tensor = x * (1.0 + scale) + shift
        return modulated


class Deblurring(nn.Module):
    """The Fourier operator as a residual: x + fourier(relu(GN(x))).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.operator = FourierOperator(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Deblur features (B,C,H,W)."""
        deblurred: Tensor = self.operator(F.relu(self.norm(x)))
        return x + deblurred


class Encoder(nn.Module):
    """Res2Blocks in turn with the operator of one degradation, at three resolutions.

    The paper shows its encoders in a picture without numbers: depths and widths here are chosen so that the whole
    network has the published number of parameters.

    >>> encoder = Encoder("noise", widths=(4, 8, 8), channels=16, blocks=(1, 1, 1))
    >>> [tuple(part.shape) for part in encoder(torch.rand(1, 3, 16, 24))]  # full, half, features
    [(1, 4, 16, 24), (1, 8, 8, 12), (1, 16, 4, 6)]

    Args:
        degraded: "blur" (Fourier operator), "noise" (residual operator) or "low_light" (deveiling).
        widths: Channels at full, half and quarter resolution, multiples of 4.
        channels: F, channels of the features.
        blocks: Pairs of blocks at each resolution; None for those of the paper's size.
        class_prior: Modulate the stem's output by the class vector.

    Raises:
        ValueError: If `degraded` is unknown.
    """

    def __init__(
        self,
        degraded: Degraded,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 64,
        blocks: tuple[int, int, int] | None = None,
        class_prior: bool = False,
    ) -> None:
        super().__init__()
        require_choice("degraded", degraded, Degraded)
        full, half, quarter = widths
        numbers = BLOCKS[degraded] if blocks is None else blocks
        self.stem = nn.Conv2d(3, full, 3, padding=1)
        self.modulation = ClassModulation(full) if class_prior else None
        self.at_full, self.at_half, self.at_quarter = (
            _stage(degraded, width, number) for width, number in zip(widths, numbers, strict=True)
        )
        self.down_half = nn.Conv2d(full, half, 3, stride=2, padding=1)
        self.down_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.leave = nn.Conv2d(quarter, channels, 1)

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Encoded:
        """Encode RGB (B,3,H,W), H and W multiples of 4; classes (B,3) with a class prior."""
        x = self.stem(images)
        if self.modulation is not None:
            x = self.modulation(x, classes)
        full = self.at_full(x)
        half = self.at_half(self.down_half(full))
        return Encoded(full, half, self.leave(self.at_quarter(self.down_quarter(half))))


def _stage(degraded: Degraded, channels: int, number: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(number):
        layers.append(Res2Block(channels))
        if degraded == "blur":
            layers.append(Deblurring(channels))
        elif degraded == "noise":
            layers.append(ResidualOperator(channels))
        else:
            layers.append(Deveiling(channels, 2))
    return nn.Sequential(*layers)
