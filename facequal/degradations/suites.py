"""Named, fixed combinations: AdaFace's augmentation, the cross-resolution suites and NASFE's restoration suites."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor

from facequal.degradations.base import Compose, Params, RandomApply
from facequal.degradations.draws import Keys
from facequal.degradations.geometry import ZeroPadCrop
from facequal.degradations.kernels import KernelBank
from facequal.degradations.multi import CLASSES, MultiDegradation
from facequal.degradations.photometric import PhotometricJitter
from facequal.degradations.resolution import DownUpScale
from facequal.degradations.responses import ResponseBank
from facequal.degradations.sensor import sample_camera, sample_noise_id

_Suite = TypeVar("_Suite")


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
        ValueError: If a probability is not in [0, 1].

    >>> degraded, params = AdaFaceAugmentation()(torch.zeros(2, 3, 112, 112), Keys(torch.arange(2)))
    >>> degraded.shape, [name for name in params if name.endswith("applied")]
    (torch.Size([2, 3, 112, 112]),
     ['zero_pad_crop.applied', 'down_up_scale.applied', 'photometric_jitter.applied'])
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

    >>> ResolutionSuite("small probes", "second", sizes_px=(8, 16)).sizes_px
    (8, 16)
    """

    name: str
    degraded: Literal["second", "both"]
    sizes_px: tuple[int, ...] = (7, 14, 28, 56, 112)


RESOLUTION_SUITES = {
    record.name: record
    for record in (ResolutionSuite("cross-resolution", "second"), ResolutionSuite("same-resolution", "both"))
}


@dataclass(frozen=True)
class RestorationSuite:
    """A restoration test: every image is degraded in the same rows, one for each combination of the values below.

    Everything follows from the suite's name, the index of the image and the row: kernels are those of a bank of their
    own, and response, mosaic and noise are counter-based draws. So the pictures are the same whatever the batch size,
    the order or the number of processes, on every device (noise to 1e-5 before it is rounded to 8 bit), and whichever
    images are left out. Rows count with the kernel changing slowest, the repeat fastest.

    Attributes:
        name: What reports and configurations call it.
        classes: The class vector {b, n, l} of all its pictures, as a name of `multi.CLASSES`.
        num_kernels: Number of kernels, 1 where nothing is blurred.
        r: Factors of the light.
        sigma_s: Noise that grows with the light.
        sigma_c: Noise in the dark.
        num_repeats: How often each combination is repeated with other noise.

    >>> suite = RestorationSuite("dim", "NL", r=(0.15, 0.3), sigma_s=(0.1, 0.2))
    >>> params = suite.sample(index=torch.zeros(4, dtype=torch.int64), row=torch.arange(suite.num_rows))
    >>> params["r"], params["sigma_s"]
    (tensor([0.1500, 0.1500, 0.3000, 0.3000]), tensor([0.1000, 0.2000, 0.1000, 0.2000]))
    """

    name: str
    classes: str
    num_kernels: int = 1
    r: tuple[float, ...] = (1.0,)
    sigma_s: tuple[float, ...] = (0.0,)
    sigma_c: tuple[float, ...] = (0.0,)
    num_repeats: int = 1

    @property
    def num_rows(self) -> int:
        """How many pictures are made of an image."""
        return len(self._rows)

    @property
    def _rows(self) -> list[tuple[int, float, float, float]]:
        """Kernel, r, sigma_s and sigma_c of every row."""
        kernels = range(self.num_kernels) if "B" in self.classes else (-1,)
        combinations = itertools.product(kernels, self.r, self.sigma_s, self.sigma_c, range(self.num_repeats))
        return [(kernel, r, sigma_s, sigma_c) for kernel, r, sigma_s, sigma_c, _ in combinations]

    def sample(self, index: Tensor, row: Tensor) -> Params:
        """Return the parameters of `MultiDegradation` for rows of images.

        Args:
            index: int64 (B,): index of each image.
            row: int64 (B,), in [0, num_rows).

        Raises:
            IndexError: If there is no such row.
        """
        if row.numel() and not 0 <= int(row.min()) <= int(row.max()) < self.num_rows:
            raise IndexError(f"{self.name} has {self.num_rows} rows, got {int(row.min())} to {int(row.max())}")
        kernel, r, sigma_s, sigma_c, classes = _tables(self, row.device)
        keys = Keys(index * self.num_rows + row, seed=_SEED).fold(self.name)
        # Repeats differ in their noise alone: the same camera, named by the first of them.
        cameras = Keys(index * self.num_rows + row - row % self.num_repeats, seed=_SEED).fold(self.name)
        return {
            "classes": classes.expand(len(row), 3),
            "kernel_id": kernel[row],
            "r": r[row],
            "sigma_s": sigma_s[row],
            "sigma_c": sigma_c[row],
            "noise_id": sample_noise_id(keys),
            **sample_camera(cameras, _CAMERAS),
        }

    def degrade(self, images: Tensor, index: Tensor, row: Tensor) -> tuple[Tensor, Params]:
        """Make one row's picture of each image, rounded to 8 bit as if it came from a file.

        Args:
            images: float32 RGB (B,3,H,W) in [0,1].
            index: int64 (B,): index of each image.
            row: int64 (B,), in [0, num_rows).

        Returns:
            float32 (B,3,H,W), multiples of 1/255, and the parameters.

        Raises:
            IndexError: If there is no such row.
            ValueError: If the images are smaller than the kernels.
        """
        params = self.sample(index, row)
        return as_from_a_file(_DEGRADATION.apply_drawn(images, params)), params


def as_from_a_file(images: Tensor) -> Tensor:
    """Return images in [0,1] rounded to multiples of 1/255, in place."""
    return images.mul_(255.0).round_().div_(255.0)


@functools.lru_cache(maxsize=16)
def _tables(suite: RestorationSuite, device: torch.device) -> tuple[Tensor, ...]:
    """Return kernel, r, sigma_s and sigma_c of every row (R,), and the class vector; kept, to spare a GPU copies."""
    columns = (torch.tensor(column, device=device) for column in zip(*suite._rows, strict=True))
    return (*columns, torch.tensor(CLASSES[suite.classes], device=device))


_SEED = 2021
TEST_KERNELS = KernelBank(num_motion=40, gaussians="test", seed=_SEED)  # five of each of the eight sizes
_CAMERAS = ResponseBank()
_DEGRADATION = MultiDegradation(bank=TEST_KERNELS, responses=_CAMERAS)

# The paper's table gives the numbers of values and the totals, 52, 6, 24, 104 and 104 pictures of each of 100 images.
# Its Test-N names .05, .1 and again .05 for sigma_s: the third is taken as .15. Test-BN has twice as many pictures as
# kernels: two draws of noise. The six r of Test-L are not known here: even steps, which give inputs as dark as in the
# paper. sigma_c = .1 is beyond what training draws, as in the paper.
RESTORATION_SUITES = {
    record.name: record
    for record in (
        RestorationSuite("Test-B", "B", num_kernels=len(TEST_KERNELS)),
        RestorationSuite("Test-N", "N", sigma_s=(0.05, 0.1, 0.15), sigma_c=(0.05, 0.1)),
        RestorationSuite("Test-L", "NL", r=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3), sigma_s=(0.05, 0.1), sigma_c=(0.05, 0.1)),
        RestorationSuite(
            "Test-BN", "BN", num_kernels=len(TEST_KERNELS), sigma_s=(0.1,), sigma_c=(0.05,), num_repeats=2
        ),
        RestorationSuite("Test-BNL", "BNL", len(TEST_KERNELS), r=(0.15, 0.3), sigma_s=(0.1,), sigma_c=(0.05,)),
    )
}


def resolution_suite(name: str) -> ResolutionSuite:
    """Return the resolution suite of that name.

    Raises:
        ValueError: If the name is unknown; the message lists the known ones.

    >>> resolution_suite("cross-resolution")
    ResolutionSuite(name='cross-resolution', degraded='second', sizes_px=(7, 14, 28, 56, 112))
    """
    return _named(RESOLUTION_SUITES, name)


def restoration_suite(name: str) -> RestorationSuite:
    """Return the restoration suite of that name.

    Raises:
        ValueError: If the name is unknown; the message lists the known ones.

    >>> suite = restoration_suite("Test-N")
    >>> index, row = torch.tensor([0, 0]), torch.tensor([0, 5])
    >>> pictures, params = suite.degrade(torch.zeros(2, 3, 32, 32), index, row)
    >>> suite.num_rows, pictures.shape, params["sigma_s"]
    (6, torch.Size([2, 3, 32, 32]), tensor([0.0500, 0.1500]))
    """
    return _named(RESTORATION_SUITES, name)


def _named(suites: Mapping[str, _Suite], name: str) -> _Suite:
    if name not in suites:
        raise ValueError(f"unknown suite {name!r}; known: {', '.join(suites)}")
    return suites[name]
