"""Hair: styles, the hair behind the head and the hair in front of it."""

from dataclasses import astuple, dataclass, fields
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import ONE, bell, cover, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.pose import HeadFrame
from facequal.procedural.textures import HAIR_HEIGHT, HAIR_WIDTH, hair_texture

DOME_V = -0.22  # the outline of hair is half an ellipse above this height


@dataclass(frozen=True)
class HairStyle:
    """One way to wear hair; lengths in half frames.

    Attributes:
        top: Height over the skull's top.
        side: Width beside the head.
        end_v: Where the hair at the sides ends.
        opening: How far the opening for the face reaches beyond the edge of the head; negative covers cheeks.
        fringe: 0 for hair that starts at the hairline, 1 for a fringe down to the brows.
        sweep: Slope of the hairline: hair combed to a side.
        arch: How much the hairline falls towards the temples.
        curl: 0 straight, 1 curly.
        wave: Amplitude of waves.
        flare: How much the outline widens downwards.
        thin: Share of the scalp that shows, 0..1.
        edge: Width of the transition at the hairline.
    """

    top: float = 0.05
    side: float = 0.03
    end_v: float = -0.08
    opening: float = -0.05
    fringe: float = 0.0
    sweep: float = 0.0
    arch: float = 0.25
    curl: float = 0.0
    wave: float = 0.0
    flare: float = 0.0
    thin: float = 0.0
    edge: float = 0.05


MALE_STYLES = (
    HairStyle(top=0.05, side=0.02, end_v=-0.06, sweep=0.10, arch=0.20),  # short, parted at the side
    HairStyle(top=0.0, side=-0.02, end_v=-0.04, arch=0.35, thin=0.12, edge=0.07),  # cropped
    HairStyle(top=0.06, side=0.04, end_v=0.02, fringe=0.55, sweep=0.16, arch=0.15),  # swept fringe
    HairStyle(top=0.08, side=0.05, end_v=-0.02, curl=1.0, arch=0.30),  # short curls
    HairStyle(top=0.02, side=0.015, end_v=-0.04, fringe=-0.45, arch=-0.9, edge=0.07),  # receding
    HairStyle(top=-0.20, side=-0.01, end_v=-0.02, fringe=-2.0, arch=0.0, thin=0.15, edge=0.10),  # bald on top
    HairStyle(top=0.06, side=0.09, end_v=0.30, opening=-0.06, fringe=0.3, sweep=0.12, wave=0.05),  # over the ears
    HairStyle(top=0.07, side=0.02, end_v=-0.08, fringe=-0.12, arch=0.5),  # brushed up
)
FEMALE_STYLES = (
    HairStyle(top=0.05, side=0.08, end_v=1.6, opening=-0.06, fringe=-0.25, arch=1.25, flare=0.03),  # long, parted
    HairStyle(top=0.06, side=0.09, end_v=1.6, opening=-0.04, sweep=0.28, arch=0.4, wave=0.10, flare=0.05),  # long waves
    HairStyle(top=0.05, side=0.10, end_v=0.62, opening=-0.07, fringe=0.7, arch=0.05),  # bob with a fringe
    HairStyle(top=0.06, side=0.11, end_v=0.80, opening=-0.06, sweep=0.22, arch=0.45, wave=0.03),  # bob
    HairStyle(top=0.10, side=0.20, end_v=0.85, opening=-0.03, arch=0.4, curl=1.0, flare=0.06),  # curls
    HairStyle(top=0.01, side=0.00, end_v=-0.06, arch=0.42, edge=0.06),  # tied back
    HairStyle(top=0.06, side=0.05, end_v=0.08, fringe=0.6, sweep=0.20, arch=0.1),  # short
    HairStyle(top=0.05, side=0.09, end_v=1.6, opening=-0.08, fringe=0.75, arch=0.05),  # long with a fringe
)


@dataclass(frozen=True)
class Hair:
    """Hair of a block of images, (B, S, S) each.

    Attributes:
        back: Coverage behind the head, in [0, 1].
        front: Coverage in front of the head.
        shade: Brightness relative to the hair's colour, about 1.
        gloss: Strength of the highlight; its first rows only, (B, h, S).
        contact: Share of light that reaches the skin past the front hair, in [0, 1].
    """

    back: Tensor
    front: Tensor
    shade: Tensor
    gloss: Tensor
    contact: Tensor


def draw_hair(frame: HeadFrame, person: Identity, look: Look, pixel: float) -> Hair:
    """Return the hair of a block of images.

    Args:
        frame: Where every pixel lies on the head.
        person: Whose hair.
        look: Style, part and texture of each image.
        pixel: Width of a pixel in half frames.
    """
    style, part = _style(person, look)
    texture, lock = _texture(frame, look, style, part)
    u, curl = frame.u - look["hair_lean"], style["curl"]
    ragged = texture * (0.010 + 0.022 * curl)
    inside = _inside(u, frame.v, person, look, style).addcmul_(ragged, 0.3 + 0.7 * curl)
    back = cover(inside, 0.020 + pixel + 0.03 * curl)
    back *= cover((style["end_v"] - frame.v).add_(texture, alpha=0.035), 0.05 + pixel)
    opening = _opening(u, frame.v, person, style, part)
    near = ramp(opening, -0.16, 0.02).mul_(back)
    contact = torch.addcmul(ONE, near, 1.0 - style["thin"], value=-0.42)
    shade = torch.addcmul(0.90 * ONE, texture, 0.17 - 0.03 * curl).sub_(ramp(opening, 0.10, 0.0), alpha=0.2)
    front = cover(opening.addcmul_(ragged, 1.2 - 0.7 * curl), style["edge"] + pixel).mul_(back)
    if bool(style["thin"].any()):
        front *= torch.addcmul(1.0 - 0.75 * style["thin"], texture, -0.25 * style["thin"]).clamp_(0.0, 1.0)
    return Hair(back, front, shade, _gloss(frame.v, texture, lock, curl), contact)


def _gloss(v: Tensor, texture: Tensor, lock: Tensor, curl: Tensor) -> Tensor:
    """Return the ring of light around the upper head, broken up by the strands."""
    rows = slice(0, int(0.45 * v.shape[1]))  # the rows it can be in
    texture, ring = texture[:, rows], lock[:, rows].square().mul_(0.12)
    ring.add_(v[:, rows]).add_(texture * 0.02)
    return bell(ring, -0.62, 0.13).mul_(1.0 - 0.6 * curl).mul_((texture * 0.4).add_(0.6).clamp_(min=0.0))


def _style(person: Identity, look: Look) -> tuple[dict[str, Tensor], Tensor]:
    """Return the fields of `HairStyle` and the place of the parting for each image, (B, 1, 1) each.

    Half of the images show another style than the usual one, parted elsewhere.
    """
    table, restyled = _style_table(person.is_male), look["restyle"] < 0.5
    picked = torch.where(restyled, look["style"], torch.full_like(look["style"], person.hair_style)).flatten()
    columns = table[(picked * len(table)).long()].t().reshape(-1, len(picked), 1, 1)
    style = dict(zip([field.name for field in fields(HairStyle)], columns, strict=True))
    usual_part = person.traits["hair_part"] + 0.15 * look["part"]
    return style, torch.where(restyled, look["part"], usual_part)


@lru_cache(maxsize=2)
def _style_table(is_male: bool) -> Tensor:
    """Return the styles of men or women as rows of a table."""
    return torch.tensor([astuple(style) for style in (MALE_STYLES if is_male else FEMALE_STYLES)])


def _texture(frame: HeadFrame, look: Look, style: dict[str, Tensor], part: Tensor) -> tuple[Tensor, Tensor]:
    """Return noise along the strands, and the coordinate across them, which follows the outline of the head."""
    up = (DOME_V - frame.v).mul_(1.0 / (DOME_V + 1.12)).clamp_(0.0, 0.93)
    lock = torch.addcmul(frame.u, up, part, value=-1.0)
    lock *= torch.addcmul(ONE, up, up, value=-1.0).rsqrt_()
    curl, texel_x, texel_y = style["curl"], 2.0 / HAIR_WIDTH, 1.0 / HAIR_HEIGHT
    x = torch.addcmul((look["texture_x"] * 200.0 - 100.0) * texel_x, lock, (95.0 - 15.0 * curl) * texel_x)
    if bool(style["wave"].any()):
        bend = (frame.v * 7.0).add_(lock, alpha=2.5).add_(look["wave"]).sin_()
        x.addcmul_(bend, style["wave"], value=95.0 * texel_x)
    top = (look["texture_y"] * 60.0 - 30.0) * texel_y + (curl - 0.5)  # straight hair above, curls below
    y = torch.addcmul(top, frame.v, (22.0 + 45.0 * curl) * texel_y).addcmul_(lock, style["sweep"], value=30.0 * texel_y)
    grid = torch.view_as_real(torch.complex(x, y)).view(1, -1, x.shape[2], 2)
    noise = F.grid_sample(hair_texture(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return noise.view_as(frame.u), lock


def _inside(u: Tensor, v: Tensor, person: Identity, look: Look, style: dict[str, Tensor]) -> Tensor:
    """Return the distance from the outline of the hair, positive inside: a dome, and below it sides that flare."""
    half_width = person.traits["head_width"] + 0.02 + style["side"] * (1.0 + 6.0 * look["hair_volume"])
    height = 0.97 + DOME_V + style["top"] + 0.6 * look["hair_volume"]
    below = v - DOME_V
    above = (below * (half_width / height)).clamp_(max=0.0)
    squarer = torch.addcmul(0.5 * ONE, above, -0.5 / half_width)  # between an ellipse and one of third degree
    radius = (u * u).addcmul_(above.mul_(above), squarer).sqrt_()
    return (half_width - radius).addcmul_(below.relu_(), style["flare"])


def _opening(u: Tensor, v: Tensor, person: Identity, style: dict[str, Tensor], part: Tensor) -> Tensor:
    """Return the distance from the opening for the face, positive in the hair: above the hairline, beside the face."""
    t, fringe = person.traits, style["fringe"]
    to_brows = t["brow_v"] + 0.01 - t["hairline_v"]
    line = t["hairline_v"] + to_brows * fringe.clamp(min=0.0) + 0.3 * fringe.clamp(max=0.0)
    from_part = u - part
    slope = torch.addcmul(style["sweep"] * torch.sign(part), from_part, style["arch"])
    above = (line - v).addcmul_(slope, from_part)
    beside = u.abs().sub_(t["head_width"] + style["opening"])
    rounding = 0.16
    blend = (rounding * ONE - (above - beside).abs_()).relu_()
    return torch.maximum(above, beside).addcmul_(blend, blend, value=0.25 / rounding)
