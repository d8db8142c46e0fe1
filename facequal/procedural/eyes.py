"""Eyes: ball, iris, pupil, lids, lashes and the light in them."""

from typing import NamedTuple

import torch
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import ONE, bell, cover, over, planes, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.pose import EYE_V

TOP_Y, BOTTOM_Y, HALF_WIDTH = -0.32, 0.14, 0.68  # the part of the picture that eyes can be in
SCLERA = (0.72, 0.68, 0.66)
CORNER = (0.55, 0.24, 0.20)


def draw_eyes(
    picture: Tensor, shine: Tensor, u: Tensor, v: Tensor, person: Identity, look: Look, pixel: float
) -> Tensor:
    """Draw both eyes into the unlit face, mirrored in u; gaze and highlight are not mirrored.

    Args:
        picture: Light given back, linear RGB (3, B, h, w), changed in place.
        shine: Light reflected as by glass, (B, h, w), changed in place.
        u: To the right on the face, (B, h, w).
        v: Downwards on the face, (B, h, w).
        person: Whose eyes.
        look: Gaze, opening and pupils of each image.
        pixel: Width of a pixel in half frames.

    Returns:
        Share of each pixel that is skin, which gleams, (B, h, w).
    """
    t, side = person.traits, torch.sign(u)
    across = u.abs().sub_(t["eye_u"])
    down = torch.sub(v, across, alpha=t["eye_tilt"]).sub_(EYE_V)
    bulge = torch.addcmul(ONE, across, across, value=-1.0 / t["eye_width"] ** 2)
    skew = (across * (t["eye_peak"] / t["eye_width"])).clamp_(-0.6, 0.6)
    above = torch.addcmul(down, torch.addcmul(bulge, bulge, skew), t["eye_height"] * look["eyes_open"])
    squint = t["eye_height"] * (0.62 - 0.16 * look["smile"].clamp(min=0.0))
    below = torch.addcmul(bulge, bulge, skew, value=-0.4).mul_(squint).sub_(down)
    eye = _Eye(across, down, bulge, above, below)
    _draw_lid(picture, eye, person, pixel)
    opening = cover(torch.minimum(above, below), 1.2 * pixel)
    over(picture, _ball(eye, side, person, look, pixel), opening)
    _draw_lashes(picture, eye, person, pixel)
    glint_u = across.mul_(side).sub_(0.022 * torch.sign(look["light_side"]))
    distance = glint_u.mul_(glint_u).add_(down.add_(0.020).square_()).sqrt_()
    shine += cover(0.014 - distance, 0.012 + pixel).mul_(opening)
    return ONE - opening


class _Eye(NamedTuple):
    """Coordinates of an eye, (B, h, w) each: outwards and downwards from its middle, and how far within the lids."""

    across: Tensor
    down: Tensor
    bulge: Tensor
    above: Tensor
    below: Tensor


def _draw_lid(picture: Tensor, eye: _Eye, person: Identity, pixel: float) -> None:
    """Draw the fold of the upper lid, and the shade along its edge."""
    t = person.traits
    height = t["eye_height"] + max(t["lid_crease"], 0.008)
    crease = torch.add(eye.down, eye.bulge, alpha=0.75 * height)
    ends = ramp(eye.across.abs(), 1.15 * t["eye_width"], 0.75 * t["eye_width"])
    shade = bell(crease, -0.25 * height, 0.011 + 0.5 * pixel).mul_(0.36).add_(bell(eye.above, 0.0, 0.030), alpha=0.20)
    picture *= torch.addcmul(ONE, shade, ends, value=-1.0)


def _ball(eye: _Eye, side: Tensor, person: Identity, look: Look, pixel: float) -> Tensor:
    """Return the eyeball as it would be without lids, (3, B, h, w)."""
    t = person.traits
    iris_u = torch.addcmul(eye.across, side, look["gaze_x"], value=-1.0)
    iris_v = eye.down - (look["gaze_y"] - 0.006)
    radius = iris_u.mul_(iris_u).addcmul_(iris_v, iris_v).sqrt_().mul_(1.0 / t["iris_radius"])
    soft = pixel / t["iris_radius"]
    white = planes(torch.tensor(SCLERA)) * (0.62 + 0.38 * float(person.skin[0]))
    ball = white * torch.add(0.6 * ONE, eye.bulge.relu(), alpha=0.4)
    over(ball, planes(torch.tensor(CORNER)), ramp(eye.across, -0.80 * t["eye_width"], -t["eye_width"]).mul_(0.8))
    rings = torch.add(0.80 * ONE, bell(radius, 0.58, 0.25), alpha=0.45).sub_(ramp(radius, 0.72, 1.0), alpha=0.72)
    over(ball, planes(person.iris) * rings, cover(1.0 - radius, 1.2 * soft))
    over(ball, torch.full((3, 1, 1, 1), 0.004), cover(look["pupil"] - radius, 1.1 * soft))
    return ball.mul_(torch.add(0.38 * ONE, ramp(eye.above, -0.022, 0.040), alpha=0.62))


def _draw_lashes(picture: Tensor, eye: _Eye, person: Identity, pixel: float) -> None:
    """Draw the lashes, which changes `above` and `below`."""
    width = person.traits["eye_width"]
    reach = ramp(eye.across.abs(), 1.10 * width, 0.95 * width)
    weight = ramp(eye.across, -width, width).mul_(0.007 if person.is_male else 0.013).add_(0.007)
    upper = cover(weight.sub_(eye.above.sub_(0.002).abs_()), 1.1 * pixel).mul_(reach).mul_(0.88)
    lash = person.hair * 0.12 + 0.02 * person.skin
    over(picture, planes(lash), upper)
    lower = cover(eye.below.abs_().neg_().add_(0.004), 1.4 * pixel).mul_(reach).mul_(0.30 if person.is_male else 0.42)
    over(picture, planes(lash + 0.1 * person.skin), lower)
