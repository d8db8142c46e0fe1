"""The augmentation that QGFace calls "Ours": a small, compressed picture of every face, and what its pixels go through.

The rescaling repeats Pillow's 8-bit arithmetic. Pillow holds filter weights as multiples of 2^-22 and rounds to 8 bit
after each axis; such sums are exact in float64, so batch, device and summation order cannot turn a rounding over.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from facequal.degradations.base import Compose, Params, RandomApply, select
from facequal.degradations.geometry import Rotation, ZeroPadCrop, interval_px
from facequal.degradations.jpeg import compress_corners
from facequal.degradations.photometric import PhotometricJitter
from facequal.degradations.resampling import FILTERS, Filter, apply_separable, resample_matrix
from facequal.degradations.resolution import DownUpScale

_BLOCK = 16  # px that a JPEG block of chroma covers
_WEIGHT_ONE = 2.0**22  # of Pillow's fixed-point filter weights


def _fixed_point_matrix(in_size: int, out_size: int, filter: Filter) -> Tensor:
    """Return Pillow's weights of an axis times 2^22, rounded, float64 (out_size, in_size)."""
    weights = resample_matrix(in_size, out_size, filter) * _WEIGHT_ONE
    return (weights + torch.full_like(weights, 0.5).copysign(weights)).trunc_()


class RandomRescale(DownUpScale):
    """Reduction by a random filter, JPEG compression of the small picture, and enlargement by another random filter.

    side = int(u * size) with u ~ U(scale), so 11 to 55 px of 112 (56 is the open end of the range); the two filters are
    independent of each other and antialiased: Pillow's NEAREST, BILINEAR, BICUBIC, BOX and LANCZOS. Pixel by pixel the
    8-bit result of Pillow, once the images are rounded to 8 bit (JPEG pictures up to 4 px wide differ, see `JPEG`).

    Small pictures of different sizes go in one call: each lies in the corner of a canvas and is continued beyond its
    edges the way the codec does. There is a canvas for every multiple of 16 px, the reach of a JPEG block of chroma:
    four calls for 112 px, and one wait of the host for each.

    Parameters drawn: `scale`, float32 (B,); `down_filter` and `up_filter`, int64 (B,), positions in `filters`.

    Args:
        scale: Range of the side relative to the image's, within (0, 1].
        quality: JPEG quality of the small picture, in 1..100.
        filters: Names from `resampling.FILTERS`.

    Raises:
        ValueError: If the range is not within (0, 1], the quality not in 1..100, or a filter is unknown, missing or
            named twice.

    >>> from facequal.degradations.draws import Keys
    >>> degraded, params = RandomRescale()(torch.zeros(2, 3, 32, 32), Keys(torch.arange(2)))
    >>> degraded.shape, sorted(params), bool(((params["scale"] >= 0.1) & (params["scale"] < 0.5)).all())
    (torch.Size([2, 3, 32, 32]), ['down_filter', 'scale', 'up_filter'], True)
    """

    _weights = staticmethod(_fixed_point_matrix)
    _block_px = _BLOCK

    def __init__(
        self, scale: tuple[float, float] = (0.1, 0.5), quality: int = 75, filters: Sequence[Filter] = FILTERS
    ) -> None:
        super().__init__(scale, filters)
        self.quality = quality
        if not 1 <= quality <= 100:
            raise ValueError(f"quality must be in 1..100, not {quality}")

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Shrink by `scale` with `down_filter`, compress, and enlarge with `up_filter`."""
        rescaled = torch.empty_like(images)
        longest = self._sides(max(images.shape[-2:]), params["scale"])
        largest = self._limits(max(images.shape[-2:]))[1]
        for canvas in range(_BLOCK, largest + _BLOCK, _BLOCK):
            chosen = ((longest > canvas - _BLOCK) & (longest <= canvas)).nonzero().squeeze(1)
            if len(chosen):
                part = self._rescale(images.index_select(0, chosen), select(params, chosen), canvas)
                rescaled.index_copy_(0, chosen, part)
        return rescaled

    def _rescale(self, images: Tensor, params: Params, canvas: int) -> Tensor:
        """Rescale images whose small pictures fit into `canvas` pixels."""
        height, width = images.shape[-2:]
        rows = self._axis(height, params, canvas)
        columns = rows if width == height else self._axis(width, params, canvas)
        small = _resize(images.mul_(255.0).round_(), rows.down, columns.down)
        small = compress_corners(small, self.quality, rows.sides_px, columns.sides_px)
        return _resize(small, rows.up, columns.up).div_(255.0)


class RandomResizedCrop(ZeroPadCrop):
    """torchvision's crop of a random box, enlarged to the size of the image: the face is zoomed and shifted.

    The box is drawn as by `ZeroPadCrop`. Enlarging is bilinear, as of a picture that ends at the box; unlike Pillow's,
    the result is not rounded to 8 bit.

    Parameters drawn, float32 (B,): `height`, `width`, `top` and `left`, see `ZeroPadCrop`.

    Args:
        scale: Range of the box's area relative to the image's, within (0, 1].
        ratio: Range of the box's width over its height.

    Raises:
        ValueError: If `scale` is not a range within (0, 1], or `ratio` not one of positive numbers.

    >>> one, zero = torch.ones(1), torch.zeros(1)
    >>> left_half = {"height": one, "width": one / 2, "top": zero, "left": zero}
    >>> images = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 3, 4, 4)
    >>> RandomResizedCrop().apply_drawn(images, left_half).max()
    tensor(0.)
    """

    def __init__(self, scale: tuple[float, float] = (0.8, 1.0), ratio: tuple[float, float] = (0.75, 4 / 3)) -> None:
        super().__init__(scale, ratio)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Enlarge the box to the whole image."""
        rows = _zoom(params["height"], params["top"], images.shape[2])
        columns = _zoom(params["width"], params["left"], images.shape[3])
        return apply_separable(images, rows, columns).clamp_(0.0, 1.0)


class QGFaceAugmentation(Compose):
    """QGFace's training augmentation "Ours", for the second view of every image.

    1. `RandomRescale(scale=(.1, .5), quality=75)`, always; then, each independently,
    2. `RandomResizedCrop(scale=(.8, 1), ratio=(3/4, 4/3))`, 3. `PhotometricJitter(.2, .2, .2)`, 4. `Rotation(45)`.
    The horizontal flip, drawn for each view by itself, is `HorizontalFlip(0.5)`, apart.

    The probabilities of 2 to 4 were not published: the released code reads them from configurations that it does not
    contain. The 0.2 here is an assumption, the value of AdaFace's augmentation. Other than in the released code,
    pixels are not rounded to 8 bit after 2 to 4, and the rotation is bilinear, not of the nearest pixel.

    Args:
        p_crop: Probability of the crop, in [0, 1].
        p_photometric: Probability of the photometric jitter, in [0, 1].
        p_rotation: Probability of the rotation, in [0, 1].
        scale: Range of the small picture's side relative to the image's, within (0, 1].
        quality: JPEG quality of the small picture, in 1..100.

    Raises:
        ValueError: If a probability is not in [0, 1], or `scale` or `quality` is out of its range.

    >>> [name for name, _ in QGFaceAugmentation().members()]
    ['random_rescale', 'random_resized_crop', 'photometric_jitter', 'rotation']
    """

    def __init__(
        self,
        p_crop: float = 0.2,
        p_photometric: float = 0.2,
        p_rotation: float = 0.2,
        scale: tuple[float, float] = (0.1, 0.5),
        quality: int = 75,
    ) -> None:
        super().__init__(
            [
                RandomRescale(scale, quality),
                RandomApply(RandomResizedCrop(), p_crop),
                RandomApply(PhotometricJitter(0.2, 0.2, 0.2), p_photometric),
                RandomApply(Rotation(45.0), p_rotation),
            ]
        )


def _resize(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resize pixels (n,3,H,W), whole numbers in 0..255, as Pillow does, by weights (n,H',H) and (n,W',W); float32."""
    return apply_separable(pixels.double(), rows.double(), columns.double(), rounded=_to_8bit).float()


def _to_8bit(sums: Tensor) -> Tensor:
    return sums.mul_(1.0 / _WEIGHT_ONE).add_(0.5).floor_().clamp_(0.0, 255.0)


def _zoom(length: Tensor, position: Tensor, size: int) -> Tensor:
    """Return bilinear matrices, float32 (B,size,size), that enlarge an interval to the axis; see `interval_px`."""
    start, pixels = (values.double() for values in interval_px(length, position, size))
    x = torch.arange(size, dtype=torch.float64, device=length.device)
    # pixel centres, held within the box: beyond its last pixels it has no neighbours to mix with
    source = ((x + 0.5) * pixels / size - 0.5).clamp_(min=0.0).minimum(pixels - 1) + start
    return (1.0 - (source.unsqueeze(2) - x).abs()).clamp_(min=0.0).float()
