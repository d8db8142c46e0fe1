"""Mouth: lips, teeth and the dark between them, and the folds of a smile."""

import torch
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import ONE, bell, cover, over, planes, ramp
from facequal.procedural.identities import Identity

TOP_Y, BOTTOM_Y, HALF_WIDTH = 0.42, 0.98, 0.52  # the part of the picture that mouths can be in
FOLD_TOP_Y, FOLD_BOTTOM_Y = 0.15, 0.86  # and around it, what a smile folds
TEETH = (0.70, 0.66, 0.58)
HOLLOW = (0.055, 0.016, 0.014)


def draw_mouth(
    picture: Tensor, shine: Tensor, slope: Tensor, u: Tensor, v: Tensor, person: Identity, look: Look, pixel: float
) -> None:
    """Draw the mouth into the unlit face.

    Args:
        picture: Light given back, linear RGB (3, B, h, w), changed in place.
        shine: Light reflected as by moist skin, (B, h, w), changed in place.
        slope: Downward slope of the surface, (B, h, w), changed in place: lips are round.
        u: To the right on the face, (B, h, w).
        v: Downwards on the face, (B, h, w).
        person: Whose mouth.
        look: Smile, opening and lipstick of each image.
        pixel: Width of a pixel in half frames.
    """
    t, smile = person.traits, look["smile"]
    across = (u - 0.006 * t["asymmetry"]).div_(t["mouth_width"] * (1.0 + 0.13 * smile))
    square = across * across
    bulge, lift = ONE - square, 0.050 * smile + t["mouth_corner"]
    down = torch.addcmul(v, square, lift).sub_(0.45 * lift + t["mouth_v"])
    gap = bulge.relu().mul_(look["mouth_open"].clamp(min=0.0) * 0.075)
    thinner = 1.0 - 0.2 * smile.clamp(min=0.0)
    upper, lower = max(t["upper_lip"], 0.016) * thinner, max(t["lower_lip"], 0.028) * thinner
    bow = bell(across, 0.0, 0.17).sub_(bell(across.abs(), 0.26, 0.2), alpha=0.35)
    from_top = torch.sub(ONE, bow, alpha=t["cupid_bow"]).mul_(bulge).mul_(upper).add_(down)
    below = down - gap
    from_bottom = torch.add(ONE, square, alpha=0.35).mul_(bulge).mul_(lower).sub_(below)
    lips = cover(torch.minimum(from_top, from_bottom), 1.6 * pixel)
    over(picture, _lip_color(person, look), lips * 0.92)
    on_lower = ramp(below, -0.004, 0.004)
    slope += lips * (0.3 - 0.75 * on_lower) + (lips * on_lower) * ramp(below / lower, 1.0, 0.0).mul_(0.9)
    shine += (lips * bell(below / lower, 0.40, 0.35)).mul_(bell(across, 0.0, 0.45)).mul_(0.3)
    _draw_opening(picture, across, down, gap, bulge, pixel)


def _lip_color(person: Identity, look: Look) -> Tensor:
    """Return light given back by the lips, (3, B, 1, 1): redder than the skin, and painted in some images of women."""
    full = torch.tensor([0.74, 0.40, 0.40] if person.skin[0] > 0.3 else [0.92, 0.66, 0.70])
    pale = torch.tensor([0.86, 0.68, 0.64])
    natural = person.skin * torch.lerp(pale, full, min(max(person.traits["lip_color"], 0.0), 1.0))
    painted = person.skin * torch.tensor([0.52, 0.12, 0.14])
    lipstick = ramp(look["lipstick"], 0.55, 0.95) * (0.0 if person.is_male else 0.7)
    return torch.lerp(planes(natural), planes(painted), lipstick)


def _draw_opening(picture: Tensor, across: Tensor, down: Tensor, gap: Tensor, bulge: Tensor, pixel: float) -> None:
    """Draw the line between closed lips; in an open mouth the upper teeth, and below them the dark."""
    line = bell(torch.sub(down, gap, alpha=0.5), 0.0, 0.010 + 0.25 * pixel).mul_(ramp(bulge, -0.22, 0.02)).mul_(0.66)
    picture *= ONE - line
    inside = cover(torch.minimum(down, gap - down), 1.2 * pixel).mul_(ramp(gap, 0.0, 0.8 * pixel))
    depth = down / gap.clamp(min=1e-3)
    lit = torch.add(0.25 * ONE, bulge.relu(), alpha=0.75).mul_(torch.cos(across * 24.0).mul_(0.1).add_(0.9))
    paint = planes(torch.tensor(HOLLOW)) * ramp(depth, 0.6, 1.0).mul_(2.0).add_(1.0)
    over(paint, planes(torch.tensor(TEETH)) * lit, ramp(depth, 0.80, 0.62))
    over(picture, paint, inside)
