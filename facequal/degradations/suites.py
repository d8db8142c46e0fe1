"""Named, fixed combinations: AdaFace's augmentation and the cross-resolution suites."""

from dataclasses import dataclass
from typing import Literal

from facequal.degradations.base import Compose, RandomApply
from facequal.degradations.geometry import ZeroPadCrop
from facequal.degradations.photometric import PhotometricJitter
from facequal.degradations.resolution import DownUpScale


class AdaFaceAugmentation(Compose):
    """AdaFace's training augmentation: crop, low resolution, photometric, in this order, each independently.

    1. `ZeroPadCrop(scale=(.2, 1), ratio=(3/4, 4/3))`, 2. `DownUpScale(scale=(.2, 1))` with five filters,
    3. `PhotometricJitter(.5, .5, .5)`. The paper names hue where its code has contrast; this follows the code. The
    horizontal flip that AdaFace adds to every image is `HorizontalFlip(0.5)`, apart.

    Args:
        p_crop: Probability of the crop, in [0, 1].
        p_low_resolution: Probability of the down- and up-scaling, in [0, 1].
        p_photometric: Probability of the photometric jitter, in [0, 1].

    Raises:
        ValueError: A probability is not in [0, 1].
    """

    def __init__(self, p_crop: float = 0.2, p_low_resolution: float = 0.2, p_photometric: float = 0.2) -> None:
        super().__init__(
            [
                RandomApply(ZeroPadCrop(), p_crop),
                RandomApply(DownUpScale(), p_low_resolution),
                RandomApply(PhotometricJitter(), p_photometric),
            ]
        )


@dataclass(frozen=True)
class ResolutionSuite:
    """A verification test repeated at several resolutions, defined by its name: it draws nothing.

    Attributes:
        name: What reports and configurations call it.
        degraded: Which image of each pair is degraded, by `Resolution`.
        sizes_px: Shorter side of the degraded images before they are enlarged again, in pixels, one run each. A size
            that is not below the images' own (112 for aligned faces) leaves them as they are.
    """

    name: str
    degraded: Literal["second", "both"]
    sizes_px: tuple[int, ...] = (7, 14, 28, 56, 112)


SUITES = {
    record.name: record
    for record in (ResolutionSuite("cross-resolution", "second"), ResolutionSuite("same-resolution", "both"))
}


def suite(name: str) -> ResolutionSuite:
    """The suite of that name.

    Raises:
        ValueError: The name is unknown; the message lists the known ones.
    """
    if name not in SUITES:
        raise ValueError(f"unknown suite {name!r}; known: {', '.join(SUITES)}")
    return SUITES[name]
