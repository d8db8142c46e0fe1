"""Where a beard grows."""

from torch import Tensor

from facequal.procedural.drawing import bell, cover, ramp
from facequal.procedural.identities import Identity
from facequal.procedural.textures import grain

_NONE, _MOUSTACHE, _GOATEE, _FULL = 0.45, 0.55, 0.68, 0.85  # upper ends of the styles; beyond them, stubble


def has_beard(person: Identity) -> bool:
    """Return whether the person has any beard."""
    return person.is_male and person.beard_style >= _NONE


def beard_map(person: Identity, u: Tensor, v: Tensor) -> Tensor:
    """Return the density of a beard, in [0, 1].

    Args:
        person: Whose beard.
        u: To the right on the face, (1, M).
        v: Downwards on the face, (M, 1).

    Returns:
        (M, M).
    """
    t, side, style = person.traits, u.abs(), person.beard_style
    mouth_v, width = t["mouth_v"], t["mouth_width"]
    arch = mouth_v - 0.085 + 0.16 * side * side
    parts = cover(0.045 - (v - arch).abs_(), 0.07).mul_(ramp(side, width + 0.05, width - 0.02))
    if style > _MOUSTACHE:
        goatee = bell(side, 0.0, 0.20) * ramp(v, mouth_v + 0.09, mouth_v + 0.17)
        ring = bell(side, width + 0.02, 0.045) * ramp(v, mouth_v - 0.10, mouth_v)
        parts = parts.maximum(goatee).maximum(ring)
    if style > _GOATEE:
        cheek_line = 0.30 + 0.42 * ((t["head_width"] - side) / t["head_width"]).clamp(min=0.0) ** 1.5
        around_mouth = 1.0 - bell(side, 0.0, 0.235) * bell(v, mouth_v - 0.01, 0.13)
        parts = parts.maximum(ramp(v - cheek_line, 0.0, 0.12) * around_mouth * ramp(v, 0.2, 0.4))
    hairs = 0.80 + 0.12 * grain(person.texture[1], person.texture[2], u.shape[1])
    return (parts * hairs).clamp_(0.0, 1.0) * (0.95 if style < _FULL else 0.42)
