"""Fixed noise textures, the same for all images: hair, skin and grain are cut out of them at drawn offsets."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.degradations.draws import Keys

HAIR_HEIGHT, HAIR_WIDTH = 256, 512
GRAIN_SIZE = 256


@lru_cache(maxsize=1)
def hair_texture() -> Tensor:
    """Return straight hair above curls, of zero mean and unit variance, (1, 1, 2 * HAIR_HEIGHT, HAIR_WIDTH)."""
    return torch.cat([_standardised(_strands()), _standardised(_curls())]).clamp_(-2.5, 2.5)[None, None]


def grain(top: float, left: float, size: int) -> Tensor:
    """Return a square of white noise of zero mean and unit variance, float32 (size, size).

    Args:
        top: Vertical offset into the texture, in [0, 1).
        left: Horizontal offset into the texture, in [0, 1).
        size: Height and width; the texture repeats in larger squares.

    Example:
        >>> torch.equal(grain(0.0, 0.5, 4), grain(0.0, 0.0, 256)[:4, 128:132])
        True
    """
    row, column = int(top * GRAIN_SIZE), int(left * GRAIN_SIZE)
    repeats = -(-size // GRAIN_SIZE)
    part = _grain_texture()[row : row + GRAIN_SIZE, column : column + GRAIN_SIZE]
    return (part.repeat(repeats, repeats) if repeats > 1 else part)[:size, :size]


@lru_cache(maxsize=1)
def _grain_texture() -> Tensor:
    """Return white noise of period GRAIN_SIZE, (2 * GRAIN_SIZE, 2 * GRAIN_SIZE)."""
    return _standardised(_noise("grain", GRAIN_SIZE, GRAIN_SIZE)).repeat(2, 2)


def _noise(name: str, height: int, width: int) -> Tensor:
    keys = Keys(torch.arange(height)).fold("procedural texture").fold(name)
    return keys.uniform((width,)) - 0.5


def _blur(noise: Tensor, height: int, width: int) -> Tensor:
    """Return periodic noise after two box filters."""
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
    """Return locks that wind: the strands, shifted sideways in waves whose phase differs from lock to lock."""
    strands = _strands()
    phase = _standardised(_blur(_noise("phase", HAIR_HEIGHT, HAIR_WIDTH), 12, 6)) * 2.5
    row = torch.arange(HAIR_HEIGHT).view(-1, 1)
    shift = 5.0 * torch.sin(row * (2.0 * torch.pi / 16.0) + phase)
    column = (torch.arange(HAIR_WIDTH) + shift.round().long()) % HAIR_WIDTH
    return strands.gather(1, column)
