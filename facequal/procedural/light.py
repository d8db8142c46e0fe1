"""Light on a face, and the camera that takes the picture."""

import numpy as np
import torch
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import ONE
from facequal.procedural.textures import grain

# How far light creeps around the terminator in red, green and blue: light scatters in the skin, red most.
WRAP = (0.42, 0.30, 0.24)


def light_direction(look: Look) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit vector from the face to the lamp, (B, 1, 1) each: right, down, towards the camera."""
    side, height = 1.1 * look["light_side"], -look["light_height"]
    norm = torch.rsqrt(side * side + height * height + 0.6)
    return side * norm, height * norm, 0.6**0.5 * norm


def light_skin(surface: Tensor, slope: Tensor, contact: Tensor, look: Look) -> Tensor:
    """Light the skin, in place, and return its gleam.

    Args:
        surface: Share of light given back, linear RGB (3, B, S, S); becomes the light that is given back.
        slope: Slopes of the surface to the right and downwards, (2, B, S, S).
        contact: Share of light that reaches the skin past the hair, (B, S, S).
        look: Pose and light of each image.

    Returns:
        The gleam of the skin, of strength 1 where it mirrors the lamp, (B, S, S).
    """
    # The surface is known in the head's frame: turn the lamp instead of every normal.
    right, down, front = light_direction(look)
    right, front = right - front * look["yaw"], front + right * look["yaw"]
    down, front = down - front * look["pitch"], front + down * look["pitch"]
    inverse = torch.addcmul(ONE, slope[0], slope[0]).addcmul_(slope[1], slope[1]).rsqrt_()
    tilt = (slope[0] * right).addcmul_(slope[1], down)
    cosine = (front - tilt).mul_(inverse)
    ambient = torch.addcmul(0.70 * look["ambient"], inverse, 0.30 * look["ambient"])
    for channel, (wrap, lamp) in enumerate(zip(WRAP, _lamp(look), strict=True)):
        strength = look["key"] * lamp * (1.0 / (1.0 + wrap))
        light = torch.addcmul(strength * wrap, cosine, strength).relu_().add_(ambient)
        surface[channel].mul_(light.mul_(contact))
    norm = torch.rsqrt(right * right + down * down + (front + 1.0) ** 2)
    gleam = (front + 1.0 - tilt).mul_(norm).mul_(inverse).relu_()
    for _ in range(4):  # to the 16th power
        gleam.mul_(gleam)
    return gleam.mul_(look["key"])


def _lamp(look: Look) -> tuple[Tensor, Tensor, Tensor]:
    """Return linear RGB of the lamp, (B, 1, 1) each."""
    warm = look["key_warmth"]
    return 1.0 + warm, torch.ones_like(warm), 1.0 - 1.3 * warm


def develop(picture: Tensor, look: Look) -> Tensor:
    """Expose, white-balance and encode a picture.

    The film curve 1.5 x / (1 + x) keeps bright skin from clipping; the square root encodes.

    Args:
        picture: Linear RGB (3, B, S, S), overwritten.
        look: Exposure, white balance and grain of each image.

    Returns:
        uint8 RGB (B, 3, S, S).
    """
    warm, tint = look["warmth"], look["tint"]
    gain = torch.stack([1.0 + warm, 1.0 + tint, 1.0 - warm]) * look["exposure"]
    picture.mul_(gain).relu_()
    encoded = picture.div_(picture + 1.0).sqrt_()
    size = picture.shape[-1]
    offsets = zip(look["texture_x"].flatten().tolist(), look["texture_y"].flatten().tolist(), strict=True)
    noise = torch.stack([grain(top, left, size) for top, left in offsets])
    noise.mul_(255.0 * look["grain"]).add_(0.5)
    levels = torch.add(noise, encoded, alpha=255.0 * 1.5**0.5).clamp_(0.0, 255.0)
    return torch.from_numpy(levels.numpy().astype(np.uint8)).transpose(0, 1)  # NumPy's conversion is twice as fast
