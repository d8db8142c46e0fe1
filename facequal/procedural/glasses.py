"""Glasses: frame, lenses and their reflection."""

import torch
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import cover, over, planes, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.pose import EYE_V

TOP_Y, BOTTOM_Y = -0.46, 0.34  # the part of the picture that glasses can be in
DARK, LIGHT = (0.012, 0.010, 0.010), (0.30, 0.18, 0.09)


def worn(person: Identity, look: Look) -> Tensor:
    """Return which images show the person with glasses, bool (B,): four in five, for a person who wears them."""
    return (look["glasses"].flatten() < 0.8) & person.wears_glasses


def draw_glasses(picture: Tensor, u: Tensor, v: Tensor, person: Identity, light_side: Tensor, pixel: float) -> None:
    """Draw glasses over the lit picture.

    Args:
        picture: Linear RGB (3, B, h, w), changed in place.
        u: To the right on the face, (B, h, w).
        v: Downwards on the face, (B, h, w).
        person: Whose glasses.
        light_side: Where the lamp is, left -1 to right 1, (B, 1, 1).
        pixel: Width of a pixel in half frames.
    """
    width_draw, height_draw, roundness, thickness_draw, shade = person.glasses
    half_width, half_height = 0.205 + 0.05 * width_draw, 0.125 + 0.06 * height_draw
    radius = min(half_height, half_width) * (0.35 + 0.64 * roundness)
    thickness = 0.010 + 0.014 * thickness_draw**2
    center_u = max(person.traits["eye_u"], half_width + 0.055)
    side, down = u.abs(), v - EYE_V
    x, y = (side - center_u).abs_().sub_(half_width - radius), (down - 0.015).abs_().sub_(half_height - radius)
    inner = torch.maximum(x, y).clamp_(max=0.0)
    edge = x.clamp_(min=0.0).square_().add_(y.clamp_(min=0.0).square_()).sqrt_().add_(inner).sub_(radius)
    stripe = u + 0.8 * v - 0.4 * light_side
    glare = ramp(stripe, -0.16, 0.02).mul_(ramp(stripe, 0.16, 0.04)).mul_(0.06).add_(0.015)
    over(picture, torch.full((3, 1, 1, 1), 0.9), cover(-edge, 1.5 * pixel).mul_(glare))
    bridge = cover(thickness - (down + 0.03 - 0.5 * u * u).abs_(), 1.3 * pixel)
    bridge *= cover(center_u - half_width - side, pixel)
    arm = cover(thickness - (down + 0.04).abs_(), 1.3 * pixel).mul_(cover(side - (center_u + half_width), pixel))
    arm *= ramp(side, person.traits["head_width"] + 0.05, person.traits["head_width"] - 0.02)
    frame = cover(thickness - edge.abs_(), 1.3 * pixel).maximum(bridge).maximum(arm)
    tone = torch.lerp(torch.tensor(DARK), torch.tensor(LIGHT), 0.8 * shade**2)
    over(picture, planes(tone) * ramp(v, 0.1, -0.25).mul_(0.8).add_(0.6), frame.mul_(0.94))
