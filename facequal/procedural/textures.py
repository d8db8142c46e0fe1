"""Fixed noise textures, the same in all images: hair, skin and grain are cut out of them at drawn places."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.degradations.draws import Keys

HAIR_HEIGHT, HAIR_WIDTH = 256, 512
GRAIN_SIZE = 256


@lru_cache(maxsize=1)
def hair_texture() -> Tensor:
    """Return straight hair above, curls below: zero mean, unit variance, float32 (1, 1, 2 * HAIR_HEIGHT, HAIR_WIDTH)."""
    return torch.cat([_standardised(_strands()), _standardised(_curls())]).clamp_(-2.5, 2.5)[None, None]


def grain(top: float, left: float, size: int) -> Tensor:
    """Return a square of white noise of zero mean and unit variance, float32 (size, size).

    Args:
        top: Where it is cut from the texture, in [0, 1).
        left: Likewise.
        size: Height and width; the texture repeats where they are larger than it.
    """
    row, column = int(top * GRAIN_SIZE), int(left * GRAIN_SIZE)
    repeats = -(-size // GRAIN_SIZE)
    part = _grain_texture()[row : row + GRAIN_SIZE, column : column + GRAIN_SIZE]
    return (part.repeat(repeats, repeats) if repeats > 1 else part)[:size, :size]


@lru_cache(maxsize=1)
def _grain_texture() -> Tensor:
    """Return periodic with GRAIN_SIZE, (2 * GRAIN_SIZE, 2 * GRAIN_SIZE)."""
    return _standardised(_noise("grain", GRAIN_SIZE, GRAIN_SIZE)).repeat(2, 2)


def _noise(name: str, height: int, width: int) -> Tensor:
    keys = Keys(torch.arange(height)).fold("procedural texture").fold(name)
    return keys.uniform((width,)) - 0.5


def _blur(noise: Tensor, height: int, width: int) -> Tensor:
    """Return box means, twice, of periodic noise."""
    for _ in range(2):
        margins = (width // 2, (width - 1) // 2, height // 2, (height - 1) // 2)
        padded = F.pad(noise[None, None], margins, mode="circular")
        noise = F.avg_pool2d(F.avg_pool2d(padded, (height, 1), stride=1), (1, width), stride=1)[0, 0]
    return noise


def _standardised(noise: Tensor) -> Tensor:
    return (noise - noise.mean()) / noise.std()


def _strands() -> Tensor:
    """Return hairs and locks of several widths, long in the vertical direction."""
    widths = ((1, 0.55), (2, 0.6), (5, 0.8), (12, 0.7), (28, 0.5))
    layers = [
        weight * _standardised(_blur(_noise(f"strands {width}", HAIR_HEIGHT, HAIR_WIDTH), 40, width))
        for width, weight in widths
    ]
    return torch.stack(layers).sum(dim=0)


def _curls() -> Tensor:
    """Lock that wind: the strands, shifted sideways in waves whose phase differs from lock to lock."""
    strands = _strands()
    phase = _standardised(_blur(_noise("phase", HAIR_HEIGHT, HAIR_WIDTH), 12, 6)) * 2.5
    row = torch.arange(HAIR_HEIGHT).view(-1, 1)
    shift = 5.0 * torch.sin(row * (2.0 * torch.pi / 16.0) + phase)
    column = (torch.arange(HAIR_WIDTH) + shift.round().long()) % HAIR_WIDTH
    return strands.gather(1, column)
