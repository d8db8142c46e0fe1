"""Shape of a head: outline with ears, and the slopes of its surface."""

import torch
from torch import Tensor

from facequal.procedural.drawing import bell, bells, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.pose import EYE_V

SKULL_TOP_V = -0.96
CHEEK_V = -0.04


def outline(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the distance to the edge of the head without ears, positive inside.

    Args:
        person: Whose head.
        u: To the right, (1, M).
        v: Downwards, (M, 1).

    Returns:
        (M, M).
    """
    half_width, slope = _half_width(person, v)
    return (half_width - u.abs()).mul_(torch.rsqrt(1.0 + slope * slope))


def _half_width(person: Identity, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return the half width of the head at every height, and its derivative.

    Above the cheekbones a half ellipse; below, with t from 0 at the cheekbones to 1 at the chin, the product of a
    narrowing jaw 1 - j t^2 and a chin sqrt(1 - t^p), flat for large p. Beyond chin and skull, a steep negative width.
    """
    t = person.traits
    up = ((CHEEK_V - v) / (CHEEK_V - SKULL_TOP_V)).clamp(0.0, 0.9995)
    down = ((v - CHEEK_V) / (t["chin_v"] - CHEEK_V)).clamp(0.0, 0.9995)
    skull = torch.sqrt(1.0 - up * up * (0.55 + 0.45 * up))
    jaw = (1.0 - t["jaw"] * down * down) * torch.sqrt(1.0 - down ** t["chin_flatness"])
    width = t["head_width"] * skull * jaw
    slope = torch.gradient(width, spacing=float(v[1] - v[0]), dim=0)[0]
    beyond = (v - t["chin_v"]).clamp(min=0.0) + (SKULL_TOP_V - v).clamp(min=0.0)
    steep = 20.0
    slope = torch.where(beyond > 0, torch.full_like(slope, steep), slope)
    return torch.where(beyond > 0, -steep * beyond, width), slope


def ears(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the distance to the edge of the ears, positive inside, for u and v as in `outline`.

    Ears are ellipses that lean outwards and narrow towards the lobe.
    """
    t = person.traits
    half_width, half_height = 0.068 * t["ear_size"], 0.175 * t["ear_size"]
    center_u = t["head_width"] + t["ear_spread"] - 0.02 + 0.10 * (0.04 - v)
    y = (v - 0.045) / half_height
    x = (u.abs() - center_u).mul_((1.0 + 0.35 * y.clamp(-1.0, 1.0)) / half_width)
    return x.square_().add_(y * y).sqrt_().mul_(-half_width).add_(half_width)


def slopes(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the slopes of the surface to the right and downwards, (2, M, M), for u and v as in `outline`."""
    across, down = u.abs() / person.traits["head_width"], v - 0.05
    height = bells(_features(person), u.abs(), v).add_(_nose(person, u, v))
    height.sub_(0.20 * across**2 + 0.18 * across**4).sub_(0.10 * down**2 + 0.16 * down**4)
    step = float(u[0, 1] - u[0, 0])
    gradient = torch.zeros(2, *height.shape)
    torch.sub(height[:, 2:], height[:, :-2], out=gradient[0, :, 1:-1])
    torch.sub(height[2:], height[:-2], out=gradient[1, 1:-1])
    return gradient.mul_(0.5 / step)


def _features(person: Identity) -> Tensor:
    """Return the elevations of the face, mirrored in u, as a table for `bells`."""
    t = person.traits
    mouth_v, chin_v, eye_u, tip_v = t["mouth_v"], t["chin_v"], t["eye_u"], t["nose_v"]
    cleft = 0.02 * min(max(t["cleft"] - 0.4, 0.0), 1.5)
    rows = (
        (0.022 + 0.03 * person.is_male, 0.24, 0.24, t["brow_v"] + 0.02, 0.075),  # brow ridge
        (-0.060 * t["eye_depth"], eye_u - 0.02, 0.17, EYE_V - 0.02, 0.10),  # eye socket
        (0.030, eye_u, 0.10, EYE_V, 0.07),  # eyeball
        (0.055 * t["cheek"], 0.44, 0.17, 0.17, 0.15),  # cheekbone
        (-0.045 * t["cheek"], 0.46, 0.14, 0.48, 0.17),  # hollow of the cheek
        (0.045 * t["nose_tip"], 0.0, 0.055, tip_v, 0.055),  # tip of the nose
        (0.055, t["nose_width"] - 0.035, 0.042, tip_v + 0.025, 0.046),  # wing of the nose
        (0.045, 0.0, 0.26, mouth_v - 0.03, 0.18),  # the mouth's mound
        (-0.010, 0.0, 0.022, mouth_v - 0.11, 0.06),  # philtrum
        (-0.035, 0.0, 0.15, mouth_v + 0.115, 0.035),  # groove under the lip
        (0.055, 0.0, 0.15, chin_v - 0.085, 0.085),  # chin
        (-cleft, 0.0, 0.02, chin_v - 0.07, 0.06),  # cleft of the chin
    )
    return torch.tensor(rows)


def _nose(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the nose's ridge: rising and widening to the tip, then falling steeply."""
    t = person.traits
    along = ramp(v, -0.20, t["nose_v"])
    height = (0.035 + 0.105 * along) * ramp(v, t["nose_v"] + 0.085, t["nose_v"] + 0.01) * ramp(v, -0.30, -0.14)
    width = t["nose_bridge"] + (0.55 * t["nose_width"] - t["nose_bridge"]) * along * along
    return bell(u, 0.0, 1.1 * width).mul_(height * t["nose_height"])
