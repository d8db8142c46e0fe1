"""What is behind and below a face: background, neck and clothes."""

import torch
from torch import Tensor

from facequal.procedural.appearance import SCENE_CELLS, Look
from facequal.procedural.drawing import bell, cover, over, planes, ramp
from facequal.procedural.identities import Identity

TOP_Y = 0.34  # the body is below
# Walls, foliage, sky, wood, night: sRGB colours of blurred backgrounds.
SCENES = (
    (176, 172, 166), (120, 124, 130), (92, 104, 82), (150, 176, 200),
    (134, 104, 80), (52, 56, 66), (206, 198, 184), (88, 84, 92),
)  # fmt: skip


def draw_background(look: Look, size_px: int) -> Tensor:
    """Return blurred backgrounds: a colour of `SCENES` with smooth patches of light and dark.

    Args:
        look: Tone, contrast, softness and patches of each background.
        size_px: S, height and width of the images.

    Returns:
        Linear RGB (3, B, S, S).
    """
    palette = (torch.tensor(SCENES) / 255.0) ** 2
    tone = (look["scene_tone"].flatten() * len(SCENES)).long().clamp_(max=len(SCENES) - 1)
    noise = look["scene"] - 0.5  # (3, B, SCENE_CELLS, SCENE_CELLS)
    patches = noise.mean(dim=0) * 2.2 + noise * 0.5
    cells = palette[tone].t().view(3, -1, 1, 1) * (1.0 + 1.5 * look["scene_contrast"] * patches).clamp_(0.12, 2.2)
    sharp, smooth = _interpolation(size_px, 0.46), _interpolation(size_px, 0.75)
    weights = torch.lerp(sharp, smooth, look["scene_softness"])  # (B, S, SCENE_CELLS)
    return weights @ cells @ weights.transpose(1, 2)


def _interpolation(size_px: int, width: float) -> Tensor:
    """Return the weights of the cells for every pixel along an axis, (S, SCENE_CELLS): normalised Gaussians."""
    position = (torch.arange(size_px) + 0.5).view(-1, 1) * ((SCENE_CELLS - 1) / size_px)
    weights = torch.exp(-(((position - torch.arange(SCENE_CELLS)) / width) ** 2))
    return weights / weights.sum(dim=1, keepdim=True)


def draw_body(picture: Tensor, x: Tensor, y: Tensor, person: Identity, look: Look, pixel: float) -> None:
    """Draw neck and clothes, lit.

    Args:
        picture: Linear RGB (3, B, h, S), changed in place.
        x: To the right of the head's middle, (B, h, S).
        y: Downwards, (B, h, S).
        person: Whose neck.
        look: Light and clothes of each image.
        pixel: Width of a pixel in half frames.
    """
    t = person.traits
    x = x + 0.18 * torch.sin(look["yaw"])  # the head turns over the neck
    side = x.abs()
    half_width = t["head_width"] * (0.68 + 0.10 * person.is_male)
    lit = (x * (0.30 / half_width * look["light_side"])).add_(0.45).clamp_(0.05, 0.9)
    lit.mul_(look["key"]).add_(0.8 * look["ambient"])
    rounding = (x * (1.0 / half_width)).square_().clamp_(max=1.0).mul_(-0.45).add_(1.0)
    chin_shade = ramp(y, t["chin_v"] + 0.28, t["chin_v"] - 0.08).mul_(-0.55).add_(1.0)
    skin = planes(person.skin * torch.tensor([0.88, 0.83, 0.81])) * rounding.mul_(chin_shade).mul_(lit)
    neck = (y - 0.95).clamp_(min=0.0).mul_(0.35).add_(half_width).sub_(side)
    over(picture, skin, cover(neck, 0.02 + pixel))
    collar = ramp(side, 0.08, 0.55).mul_(-0.30).add_(ramp(side, 0.55, 1.1).mul_(0.35))
    below = y - collar.add_(0.98 + 0.14 * look["neckline"])
    folds = (x * 9.0).add_(y * 5.0).add_(look["wave"]).sin_().mul_(0.25).add_(0.8)
    folds *= bell(below, 0.03, 0.014).mul_(-0.35).add_(1.0)  # the seam
    over(picture, _cloth(look) * folds.mul_(lit).mul_(1.2), cover(below, 0.03 + pixel))


def _cloth(look: Look) -> Tensor:
    """Return the colours of the clothes, mostly muted, linear RGB (3, B, 1, 1)."""
    draws = look["clothes"]
    tint = (0.03 + 0.55 * draws[:3] * draws[3:]).square() + 0.01
    return torch.lerp(tint.mean(dim=0), tint, 0.55).view(3, -1, 1, 1)
