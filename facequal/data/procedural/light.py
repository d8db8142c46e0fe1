"""Light on a face and the camera's answer to it."""

import numpy as np
import torch
from torch import Tensor

from facequal.data.procedural.appearance import Look
from facequal.data.procedural.textures import grain

# How far light creeps around the terminator in red, green and blue: light scatters in the skin, red most.
WRAP = (0.42, 0.30, 0.24)


def light_direction(look: Look) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vector from the face to the lamp, (B, 1, 1) each: right, down, towards the camera."""
    side, height = 1.1 * look["light_side"], -look["light_height"]
    norm = torch.rsqrt(side * side + height * height + 0.6)
    return side * norm, height * norm, 0.6**0.5 * norm


def shade_skin(slope: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """Light that reaches the skin and the gleam on it.

    Args:
        slope: slopes of the surface to the right and downwards, (2, B, S, S).
        look: pose and light of each image.

    Returns:
        Light, linear RGB (3, B, S, S), and gleam (B, S, S).
    """
    # The surface is known in the head's frame: turn the lamp instead of every normal.
    right, down, front = light_direction(look)
    right, front = right - front * look["yaw"], front + right * look["yaw"]
    down, front = down - front * look["pitch"], front + down * look["pitch"]
    inverse = slope[0].square().add_(slope[1].square()).add_(1.0).rsqrt_()
    tilt = (slope[0] * right).add_(slope[1] * down)
    cosine = (front - tilt).mul_(inverse)
    ambient = (inverse * (0.30 * look["ambient"])).add_(0.70 * look["ambient"])
    light = torch.empty(3, *cosine.shape)
    for channel, (wrap, lamp) in enumerate(zip(WRAP, _lamp(look), strict=True)):
        strength = look["key"] * lamp * (1.0 / (1.0 + wrap))
        torch.mul(cosine, strength, out=light[channel])
        light[channel].add_(strength * wrap).clamp_(min=0.0).add_(ambient)
    norm = torch.rsqrt(right * right + down * down + (front + 1.0) ** 2)
    gleam = tilt.neg_().add_(front + 1.0).mul_(norm).mul_(inverse).clamp_(min=0.0)
    for _ in range(4):  # to the 16th power
        gleam.square_()
    return light, gleam.mul_(look["key"])


def _lamp(look: Look) -> tuple[Tensor, Tensor, Tensor]:
    """Linear RGB of the lamp, (B, 1, 1) each."""
    warm = look["key_warmth"]
    return 1.0 + warm, torch.ones_like(warm), 1.0 - 1.3 * warm


def develop(picture: Tensor, look: Look) -> Tensor:
    """Expose, white-balance and encode: linear RGB (3, B, S, S), overwritten, becomes uint8 (B, 3, S, S).

    The film curve 1.5 x / (1 + x) keeps bright skin from clipping; the square root encodes.
    """
    warm, tint = look["warmth"], look["tint"]
    gain = torch.stack([1.0 + warm, 1.0 + tint, 1.0 - warm]) * look["exposure"]
    picture.mul_(gain).clamp_(min=0.0)
    encoded = picture.div_(picture + 1.0).mul_(1.5 * 255.0**2).sqrt_()
    size = picture.shape[-1]
    places = zip(look["texture_x"].flatten().tolist(), look["texture_y"].flatten().tolist(), strict=True)
    noise = torch.stack([grain(top, left, size) for top, left in places])
    encoded.add_(noise.mul_(255.0 * look["grain"]).add_(0.5)).clamp_(0.0, 255.0)
    return torch.from_numpy(encoded.numpy().astype(np.uint8)).transpose(0, 1)  # NumPy's conversion is twice as fast
