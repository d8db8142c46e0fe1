"""Who a procedural person is: the numbers that are the same in all their images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facequal.degradations.draws import Keys

FAMILY_SIZE = 6
MAX_IDENTITY = 1_000_000
NUM_MOLES = 9
NUM_FRECKLES = 72
NUM_BLOTCHES = 8

# name: (mean, standard deviation, share of the variance that a family has in common). Lengths are in half frames:
# the frame is 2 wide, the eyes of the alignment template are at u = -0.314 and 0.314, v = -0.079.
TRAITS: dict[str, tuple[float, float, float]] = {
    "skin_undertone": (0.0, 1.0, 0.85),
    "skin_gloss": (0.5, 0.2, 0.6),
    "age": (0.36, 0.22, 0.75),
    "hair_shade": (0.0, 1.0, 0.8),
    "hair_part": (0.0, 0.22, 0.3),
    "head_width": (0.680, 0.038, 0.85),
    "chin_v": (0.945, 0.040, 0.8),
    "jaw": (0.40, 0.11, 0.8),
    "chin_flatness": (3.9, 0.7, 0.8),
    "cheek": (1.0, 0.35, 0.5),
    "hairline_v": (-0.68, 0.052, 0.7),
    "ear_size": (1.0, 0.13, 0.5),
    "ear_spread": (0.028, 0.014, 0.5),
    "eye_u": (0.314, 0.017, 0.5),
    "eye_width": (0.152, 0.013, 0.5),
    "eye_height": (0.072, 0.012, 0.5),
    "eye_tilt": (-0.05, 0.075, 0.5),
    "eye_peak": (0.0, 0.20, 0.4),
    "iris_radius": (0.066, 0.003, 0.4),
    "iris_shade": (0.0, 1.0, 0.1),
    "lid_crease": (0.036, 0.011, 0.5),
    "eye_depth": (1.0, 0.30, 0.5),
    "eye_bag": (0.0, 1.0, 0.2),
    "brow_v": (-0.265, 0.027, 0.4),
    "brow_thickness": (0.034, 0.011, 0.4),
    "brow_arch": (0.035, 0.022, 0.3),
    "brow_tilt": (-0.005, 0.075, 0.3),
    "brow_inner": (0.125, 0.022, 0.3),
    "brow_outer": (0.475, 0.024, 0.3),
    "brow_density": (0.8, 0.12, 0.4),
    "nose_v": (0.285, 0.032, 0.5),
    "nose_width": (0.128, 0.018, 0.6),
    "nose_bridge": (0.048, 0.007, 0.5),
    "nose_height": (1.0, 0.17, 0.5),
    "nose_tip": (1.0, 0.28, 0.3),
    "nostril": (0.03, 0.006, 0.3),
    "mouth_v": (0.625, 0.026, 0.5),
    "mouth_width": (0.258, 0.028, 0.4),
    "upper_lip": (0.043, 0.014, 0.5),
    "lower_lip": (0.062, 0.016, 0.5),
    "cupid_bow": (0.30, 0.14, 0.3),
    "mouth_corner": (0.0, 0.012, 0.3),
    "lip_color": (0.62, 0.22, 0.4),
    "fold": (0.0, 1.0, 0.2),
    "forehead_lines": (0.0, 1.0, 0.2),
    "cleft": (0.0, 1.0, 0.2),
    "freckles": (-0.6, 1.0, 0.4),
    "moles": (4.0, 2.0, 0.1),
    "blush": (0.5, 0.25, 0.4),
    "asymmetry": (0.0, 1.0, 0.0),
}

# sRGB tones from light to dark; in between they are mixed.
SKIN_TONES = (
    (243, 212, 192), (236, 198, 174), (227, 182, 153), (214, 163, 131), (194, 140, 107),
    (168, 114, 84), (134, 86, 62), (102, 64, 46), (74, 46, 34),
)  # fmt: skip
HAIR_COLORS = {
    "black": (24, 20, 20), "dark brown": (48, 33, 26), "brown": (84, 56, 40), "light brown": (128, 92, 62),
    "blond": (208, 163, 108), "red": (136, 66, 36), "grey": (150, 146, 142), "white": (216, 212, 206),
}  # fmt: skip
IRIS_COLORS = {
    "dark brown": (58, 34, 22), "brown": (98, 60, 34), "hazel": (122, 96, 52), "green": (92, 116, 82),
    "blue": (92, 132, 172), "grey": (122, 136, 146),
}  # fmt: skip
# Likelihood of the colours, in the order above, for light, medium and dark skin.
HAIR_ODDS = ((0.08, 0.2, 0.22, 0.2, 0.2, 0.1), (0.4, 0.35, 0.17, 0.06, 0.01, 0.01), (0.8, 0.18, 0.02, 0.0, 0.0, 0.0))
IRIS_ODDS = ((0.1, 0.2, 0.15, 0.15, 0.28, 0.12), (0.5, 0.32, 0.1, 0.04, 0.03, 0.01), (0.82, 0.16, 0.02, 0.0, 0.0, 0.0))


@dataclass(frozen=True)
class Identity:
    """Parameters of one person.

    Attributes:
        traits: One value for each name in `TRAITS`.
        is_male: Men may have beards, and the two draw from different hair styles.
        skin: Linear RGB of the skin, (3,).
        hair: Linear RGB of the hair, (3,).
        iris: Linear RGB of the iris, (3,).
        hair_style: Usual style: a number in [0, 1) that chooses among the styles of men or of women.
        wears_glasses: Wears glasses in most images.
        glasses: Half width, half height, roundness, thickness and shade of the frame, each in [0, 1).
        beard_style: Chooses the parts of the face with a beard, in [0, 1).
        moles: Rows (darkness, u, radius, v, radius), (NUM_MOLES, 5); darkness 0 stands for no mole.
        freckles: Rows of the same kind, (NUM_FRECKLES, 5).
        blotches: Reddish and dark patches, rows of the same kind, (NUM_BLOTCHES, 5).
        texture: Offsets into the noise textures, in [0, 1).
    """

    traits: dict[str, float]
    is_male: bool
    skin: Tensor
    hair: Tensor
    iris: Tensor
    hair_style: float
    wears_glasses: bool
    glasses: list[float]
    beard_style: float
    moles: Tensor
    freckles: Tensor
    blotches: Tensor
    texture: list[float]


def draw_identity(number: int, seed: int) -> Identity:
    """Draw a person: what the family shares, and what is the person's alone.

    A trait is mean + sd * (sqrt(s) f + sqrt(1 - s) i) with the family's draw f, the person's draw i, both of mean 0 and
    variance 1, and s the shared part of the variance. Draws are sums of four uniform numbers: near normal, never beyond
    3.5 standard deviations, and free of transcendental functions, so that they are equal on every machine.

    Args:
        number: Absolute number of the person.
        seed: Seed of the set.

    Example:
        >>> sister, brother = draw_identity(0, seed=0), draw_identity(1, seed=0)
        >>> sister.is_male == brother.is_male, sister.traits["nose_v"] == brother.traits["nose_v"]
        (True, False)
    """
    sizes = [4 * len(TRAITS), 14, 5 * NUM_MOLES, 5 * NUM_FRECKLES, 5 * NUM_BLOTCHES]
    keys = Keys(torch.tensor([number // FAMILY_SIZE, MAX_IDENTITY + number]), seed).fold("procedural identity")
    family, person = keys.uniform((sum(sizes),))
    family_traits, shared, *_ = torch.split(family, sizes)
    person_traits, draws, moles, freckles, blotches = torch.split(person, sizes)
    traits = _traits(_near_normal(family_traits), _near_normal(person_traits))
    family_tone, family_sex, family_hair, family_style = shared[:4].tolist()
    tone_draw, grey_draw, iris_draw, style_draw, glasses_draw, beard_style, *rest = draws.tolist()
    tone = min(max(family_tone + 0.03 * (tone_draw - 0.5), 0.0), 1.0)
    skin_kind = 0 if tone < 0.42 else 1 if tone < 0.68 else 2
    iris = list(IRIS_COLORS.values())[_pick(IRIS_ODDS[skin_kind], iris_draw)]
    return Identity(
        traits=traits,
        is_male=family_sex < 0.5,
        skin=_skin(tone, traits["skin_undertone"]),
        hair=_hair(_pick(HAIR_ODDS[skin_kind], family_hair), traits, grey_draw),
        iris=_linear(iris) * (1.0 + 0.15 * traits["iris_shade"]),
        hair_style=(family_style + 0.25 * style_draw) % 1.0,
        wears_glasses=glasses_draw < 0.22,
        glasses=rest[:5],
        beard_style=beard_style,
        moles=_moles(moles.view(-1, 5), round(traits["moles"])),
        freckles=_freckles(freckles.view(-1, 5), traits["freckles"]),
        blotches=_blotches(blotches.view(-1, 5)),
        texture=rest[5:8],
    )


def _near_normal(uniform: Tensor) -> list[float]:
    """Return numbers of mean 0 and variance 1 within 3.5 standard deviations, each made of four uniform ones."""
    values: list[float] = ((uniform.double().view(-1, 4).sum(dim=1) - 2.0) * 3.0**0.5).tolist()
    return values


def _traits(family: list[float], person: list[float]) -> dict[str, float]:
    return {
        name: mean + sd * (shared**0.5 * f + (1 - shared) ** 0.5 * i)
        for (name, (mean, sd, shared)), f, i in zip(TRAITS.items(), family, person, strict=True)
    }


def _moles(unit: Tensor, count: int) -> Tensor:
    """Return some dark spots anywhere on the face; most are small."""
    exists = (torch.arange(len(unit)) < count).float()
    radius = 0.014 + 0.020 * unit[:, 2] * unit[:, 2]
    darkness = exists * (0.45 + 0.5 * unit[:, 3])
    return torch.stack([darkness, unit[:, 0] * 1.15 - 0.575, radius, unit[:, 1] * 1.3 - 0.5, radius], dim=1)


def _freckles(unit: Tensor, amount: float) -> Tensor:
    """Return many faint spots over nose and cheeks, for those who have them."""
    darkness = max(amount, 0.0) * 0.22 * (0.4 + unit[:, 3])
    radius = 0.010 + 0.010 * unit[:, 3]
    u, v = (unit[:, 0] + unit[:, 1] - 1.0) * 0.56, 0.16 + (unit[:, 2] + unit[:, 4] - 1.0) * 0.28
    return torch.stack([darkness, u, radius, v, radius], dim=1)


def _blotches(unit: Tensor) -> Tensor:
    """Return wide patches, darker or lighter than the skin around them."""
    radius = 0.05 + 0.09 * unit[:, 2]
    strength = unit[:, 3] * 0.30 - 0.15
    return torch.stack([strength, unit[:, 0] * 1.2 - 0.6, radius, unit[:, 1] * 1.4 - 0.6, radius], dim=1)


def _skin(tone: float, undertone: float) -> Tensor:
    """Return skin of a tone in [0, 1], light to dark, as linear RGB; the undertone makes it rosier or more olive."""
    position = tone * (len(SKIN_TONES) - 1)
    lower = min(int(position), len(SKIN_TONES) - 2)
    mixed = torch.lerp(_linear(SKIN_TONES[lower]), _linear(SKIN_TONES[lower + 1]), position - lower)
    return mixed * torch.tensor([1.0, 1.0 - 0.022 * undertone, 1.0 + 0.012 * undertone])


def _hair(color: int, traits: dict[str, float], draw: float) -> Tensor:
    """Return hair as linear RGB: a colour of the palette, lighter or darker, greyed with age."""
    natural = _linear(list(HAIR_COLORS.values())[color]) * (1.0 + 0.16 * traits["hair_shade"])
    grey = _linear(HAIR_COLORS["grey" if draw < 0.6 else "white"])
    return torch.lerp(natural, grey, min(max((traits["age"] - 0.66) * 3.0, 0.0), 0.95))


def _pick(odds: tuple[float, ...], draw: float) -> int:
    """Return the position of the choice that a draw in [0, 1) falls on."""
    total = 0.0
    for position, share in enumerate(odds):
        total += share
        if draw < total:
            return position
    return len(odds) - 1


def _linear(color: tuple[int, int, int]) -> Tensor:
    """Return linear RGB in [0, 1] of an 8-bit colour; the transfer curve is the square."""
    encoded = torch.tensor(color, dtype=torch.float32) / 255.0
    return encoded * encoded
