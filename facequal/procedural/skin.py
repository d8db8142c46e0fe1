"""The colour of a face without eyes and mouth: skin with marks and creases, nostrils and brows."""

import torch
from torch import Tensor

from facequal.procedural.drawing import ONE, bell, bells, cover, over, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.pose import EYE_V
from facequal.procedural.textures import grain

# What dark spots, blood and shade take from linear red, green and blue.
MELANIN = (0.62, 0.78, 0.86)
BLOOD = (0.02, 0.30, 0.24)
SHADE = (0.66, 0.78, 0.82)


def albedo(person: Identity, u: Tensor, v: Tensor, ear: Tensor) -> Tensor:
    """Return the share of light that the face gives back.

    Args:
        person: Whose face.
        u: To the right, (1, M).
        v: Downwards, (M, 1).
        ear: Distance to the edge of the ears, positive inside, (M, M).

    Returns:
        Linear RGB (3, M, M).
    """
    texture = grain(person.texture[0], person.texture[1], u.shape[1])
    pigment = _pigment(person, u, v)
    blood = _blood(person, u, v, ear).add_(texture, alpha=0.03)
    creases = _creases(person, u, v, ear).clamp_(0.0, 0.95)
    picture = torch.empty(3, *pigment.shape)
    for channel, (melanin, red, shade) in enumerate(zip(MELANIN, BLOOD, SHADE, strict=True)):
        left = torch.sub(ONE, pigment, alpha=melanin).sub_(blood, alpha=red).clamp_(0.05, 1.3)
        torch.mul(left, torch.sub(ONE, creases, alpha=shade), out=picture[channel])
    picture *= torch.add(ONE, texture, alpha=0.015) * person.skin.view(3, 1, 1)
    _paint_brows(picture, person, u, v, texture)
    return picture


def _pigment(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the share of light that freckles, patches and moles take, (M, M)."""
    moles = bells(person.moles, u, v).mul_(1.5).clamp_(max=0.85)
    freckles = bells(person.freckles, u, v).clamp_(max=0.4)
    return moles.add_(freckles).add_(bells(person.blotches[::2], u, v))


def _blood(person: Identity, u: Tensor, v: Tensor, ear: Tensor) -> Tensor:
    """Return the redness of cheeks, nose, chin, lids and ears, and of the person's patches, (M, M)."""
    t = person.traits
    rows = (
        (t["blush"], 0.40, 0.17, 0.22, 0.15),
        (0.5, 0.0, 0.11, t["nose_v"], 0.09),
        (0.25, 0.0, 0.14, t["chin_v"] - 0.08, 0.09),
        (0.45, t["eye_u"], 0.16, EYE_V, 0.085),
    )
    redness = bells(torch.tensor(rows), u.abs(), v).add_(bells(person.blotches[1::2], u, v), alpha=1.6)
    visible = 0.35 + 0.65 * float(person.skin[0])  # blood shows less through dark skin
    return redness.add_(ramp(ear, 0.0, 0.03), alpha=0.55).mul_(visible)


def _creases(person: Identity, u: Tensor, v: Tensor, ear: Tensor) -> Tensor:
    """Return the lasting shade of the face's folds, from 0 (none) to 1 (black), (M, M)."""
    t = person.traits
    cleft = 0.35 * _between(t["cleft"] - 0.4, 0.0, 1.0)
    rows = (
        (0.20 * t["eye_depth"], t["eye_u"] - 0.08, 0.13, EYE_V - 0.075, 0.065),  # under the brow
        (0.22 * t["eye_depth"], 0.145, 0.055, EYE_V - 0.02, 0.09),  # beside the nose's root
        (0.30, 0.0, t["nose_width"] * 0.9, t["nose_v"] + 0.09, 0.03),  # under the nose
        (0.08, 0.0, 0.018, t["mouth_v"] - 0.10, 0.05),  # philtrum
        (0.22, 0.0, 0.14, t["mouth_v"] + 0.105, 0.028),  # under the lip
        (cleft, 0.0, 0.014, t["chin_v"] - 0.07, 0.05),
        (0.10, t["nose_bridge"] + 0.045, 0.04, 0.5 * t["nose_v"] - 0.06, 0.12),  # side of the nose
    )
    shade = bells(torch.tensor(rows), u.abs(), v)
    fold = _between(0.10 + 0.30 * t["fold"] + 0.8 * (t["age"] - 0.35), 0.03, 0.8) * 0.22
    shade.add_(fold_line(person, u, v), alpha=fold)
    parts = (
        (_forehead_lines, -0.90, -0.30),
        (_eye_bags, EYE_V - 0.06, EYE_V + 0.16),
        (_nostrils, t["nose_v"] - 0.12, t["nose_v"] + 0.22),
    )
    for draw, top, bottom in parts:
        rows_of_part = _rows(v, top, bottom)
        shade[rows_of_part] += draw(person, u, v[rows_of_part])
    hollow = ramp(ear, 0.018, 0.045).mul_(bell(v, 0.0, 0.13) * 0.45)
    joint = ramp(ear, -0.01, 0.01).mul_(bell(u.abs(), t["head_width"] + 0.004, 0.018) * 0.5)
    return shade.add_(hollow).add_(joint)


def _between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _rows(v: Tensor, top: float, bottom: float) -> slice:
    """Return the rows of the map between two heights."""
    return slice(int((v < top).sum()), int((v < bottom).sum()))


def _nostrils(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the shade of nostrils and of the line around the wings of the nose."""
    t, side = person.traits, u.abs()
    base_v, width = t["nose_v"] + 0.055, t["nose_width"]
    across, down = (side - 0.46 * width) / (0.30 * width), v - base_v - (side - 0.045) * 0.25
    nostril = ramp(down.square_().mul_(1.0 / (0.62 * t["nostril"]) ** 2).add_(across * across), 1.5, 0.35)
    edge = ((side - width + 0.028) / 0.045) ** 2 + ((v - t["nose_v"] - 0.018) / 0.062) ** 2
    wing = bell(edge, 1.0, 0.42).mul_(ramp(side, width - 0.035, width + 0.005))
    return 0.85 * nostril + 0.30 * wing


def _eye_bags(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the shade of bags under the eyes, stronger with age."""
    t, side = person.traits, u.abs()
    strength = _between(0.35 * t["eye_bag"] + t["age"] - 0.05, 0.0, 1.2) * 0.17
    bag_v = EYE_V + 0.098 - 2.0 * (side - t["eye_u"]) ** 2
    return bell(v, bag_v, 0.020) * (strength * bell(side, t["eye_u"] - 0.02, 0.13))


def _forehead_lines(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the shade of three wavy lines, of older people and some others."""
    t = person.traits
    strength = _between(0.5 * t["forehead_lines"] + 2.6 * (t["age"] - 0.42), 0.0, 1.0) * 0.22
    shade = torch.zeros(len(v), u.shape[1])
    for number, offset in enumerate(person.texture if strength else ()):
        wave = 0.014 * torch.sin(u * (7 + 3 * number) + 6.28 * offset) - 0.05 * u * u
        line = bell(v, wave - 0.39 - 0.075 * number - 0.05 * offset, 0.011)
        shade.addcmul_(line, bell(u, 0.05 * offset - 0.02, 0.30), value=strength)
    return shade


def fold_line(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the fold from the wing of the nose to the corner of the mouth, which a smile deepens, in [0, 1]."""
    t = person.traits
    along = ((v - t["nose_v"]) / (t["mouth_v"] - t["nose_v"])).clamp_(0.0, 1.3)
    center = along * (1.45 - 0.45 * along) * (t["mouth_width"] + 0.07 - t["nose_width"]) + (t["nose_width"] + 0.01)
    return bell(u.abs(), center, 0.036).mul_(ramp(along, 0.0, 0.25).mul_(ramp(along, 1.2, 0.75)))


def _paint_brows(picture: Tensor, person: Identity, u: Tensor, v: Tensor, texture: Tensor) -> None:
    """Draw brows as short hairs in a tapering band, a little different on the two sides."""
    t = person.traits
    rows = _rows(v, t["brow_v"] - 0.20, t["brow_v"] + 0.16)
    v, texture, side = v[rows], texture[rows], u.abs()
    along = (side - t["brow_inner"]) / (t["brow_outer"] - t["brow_inner"])
    bow = 4.0 * along * (1.0 - along) * (0.6 + 0.8 * along)
    center = t["brow_v"] + 0.008 * t["asymmetry"] * torch.sign(u) + t["brow_tilt"] * (side - 0.3) - t["brow_arch"] * bow
    from_center = v - (center + 0.02 * ramp(along, 0.7, 1.1))
    thickness = t["brow_thickness"] * (1.0 + 0.25 * person.is_male) * ramp(along, 1.08, 0.25) * ramp(along, -0.12, 0.18)
    hairs = torch.sin(from_center * 110.0 + side * 150.0 + 2.0 * texture)
    alpha = cover(thickness - from_center.abs_() + 0.008 * hairs, 0.030)
    density = _between(t["brow_density"], 0.35, 1.0)
    alpha *= (ramp(along, -0.1, 0.05) * ramp(along, 1.08, 1.0) * density) * (0.80 + 0.16 * hairs)
    over(picture[:, rows], (person.hair * 0.45 + 0.10 * person.skin).view(3, 1, 1), alpha)
