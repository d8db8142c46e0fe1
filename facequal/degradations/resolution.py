"""Loss of resolution: antialiased bicubic to given sizes, and AdaFace's down- and up-scaling with random filters."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys, checked_range, to_choice, to_range
from facequal.degradations.resampling import (
    FILTERS,
    Filter,
    apply_separable,
    bicubic_there_and_back,
    down_up_tables,
    resample_matrix,
)


class Resolution(Degradation):
    """Reduction of each image to a size drawn from a list, and enlargement, both antialiased bicubic (a = -1/2).

    Equal to Pillow's BICUBIC on float images (and so to torch's and TensorFlow's with `antialias=True`): the model of
    low resolution of octuplet fine-tuning and of the cross-resolution protocols. Both steps are one product with a
    ready-made matrix per axis, so all sizes of a batch go in one call. The small image is neither clamped nor rounded
    to 8 bit; the result is clamped to [0, 1] because the cubic overshoots at edges.

    A size is that of the shorter side; the longer one shrinks in proportion, rounded. A size that is not below the
    image's shorter side leaves the image exactly as it is: 112 means "clean" for 112 px faces.

    Parameters drawn: `size_px`, int64 (B,).

    Args:
        sizes_px: Sizes in pixels, drawn with equal probability.

    Raises:
        ValueError: If the list is empty, or has a size below 1 or one size twice.

    >>> images = torch.linspace(0, 1, 28).expand(3, 3, 28, 28)
    >>> degraded, params = Resolution([7, 28])(images, Keys(torch.tensor([0, 1, 3])))
    >>> degraded.shape, params["size_px"]
    (torch.Size([3, 3, 28, 28]), tensor([ 7,  7, 28]))
    >>> torch.equal(degraded[2], images[2])  # 28 px are its own size
    True
    """

    def __init__(self, sizes_px: Sequence[int]) -> None:
        self.sizes_px = tuple(sizes_px)
        if not self.sizes_px or min(self.sizes_px) < 1 or len(set(self.sizes_px)) < len(self.sizes_px):
            raise ValueError(f"sizes_px must be different sizes of at least 1 px, not {list(sizes_px)}")

    def sample(self, keys: Keys) -> Params:
        """Return `size_px`, int64 (B,)."""
        sizes = _size_tensor(self.sizes_px, keys.index.device)
        return {"size_px": sizes[keys.integers(0, len(self.sizes_px))]}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Lose the resolution above `size_px`, whose values are among `sizes_px`."""
        height, width = images.shape[-2:]
        rows = self._matrices(height, min(height, width), params["size_px"])
        columns = rows if width == height else self._matrices(width, min(height, width), params["size_px"])
        return apply_separable(images, rows, columns).clamp_(0.0, 1.0)

    def _matrices(self, side: int, short: int, size_px: Tensor) -> Tensor:
        """Return matrices (B, side, side) for an axis of `side` pixels, of an image whose shorter axis has `short`."""
        sizes = tuple(sorted(self.sizes_px))  # ascending, for the bisection
        row = torch.searchsorted(_size_tensor(sizes, size_px.device), size_px)
        return bicubic_there_and_back(side, tuple(_proportional(s, side, short) for s in sizes), size_px.device)[row]


class DownUpScale(Degradation):
    """AdaFace's low-resolution augmentation: scaled down and up again with two randomly drawn filters.

    side = int(u * size) with u ~ U(scale), the filters independent of each other. Filters are OpenCV's INTER_NEAREST,
    INTER_LINEAR, INTER_AREA, INTER_CUBIC and INTER_LANCZOS4, not antialiased as there. Unlike the reference, the small
    image is neither rounded nor clamped to 8 bit: both steps are one linear map. The result is clamped to [0, 1].

    Parameters drawn: `scale`, float32 (B,); `down_filter` and `up_filter`, int64 (B,), positions in `filters`.

    Args:
        scale: Range of the side relative to the image's, within (0, 1].
        filters: Names from `resampling.FILTERS`.

    Raises:
        ValueError: If the range is not within (0, 1], or a filter is unknown, missing or named twice.

    >>> down_up = DownUpScale(scale=(0.25, 0.5), filters=["area", "linear"])
    >>> degraded, params = down_up(torch.zeros(2, 3, 32, 32), Keys(torch.arange(2)))
    >>> degraded.shape, sorted(params)
    (torch.Size([2, 3, 32, 32]), ['down_filter', 'scale', 'up_filter'])
    """

    _weights: Callable[[int, int, Filter], Tensor] = staticmethod(functools.partial(resample_matrix, antialias=False))
    _block_px = 1

    def __init__(self, scale: tuple[float, float] = (0.2, 1.0), filters: Sequence[Filter] = FILTERS) -> None:
        self.scale = checked_range("scale", scale, 0.0, 1.0, positive=True)
        self.filters = tuple(filters)
        if not self.filters or not set(self.filters) <= set(FILTERS) or len(set(self.filters)) < len(self.filters):
            raise ValueError(f"filters must be different ones of {', '.join(FILTERS)}, not {list(self.filters)}")

    def sample(self, keys: Keys) -> Params:
        """Return `scale`, float32 (B,); `down_filter` and `up_filter`, int64 (B,)."""
        scale, down, up = keys.uniform((3,)).unbind(1)
        number = len(self.filters)
        return {
            "scale": to_range(scale, *self.scale),
            "down_filter": to_choice(down, number),
            "up_filter": to_choice(up, number),
        }

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Scale by `scale` with the filter `down_filter`, and back with `up_filter`."""
        height, width = images.shape[-2:]
        rows = self._matrices(height, params)
        columns = rows if width == height else self._matrices(width, params)
        return apply_separable(images, rows, columns).clamp_(0.0, 1.0)

    def _matrices(self, size: int, params: Params) -> Tensor:
        """Return matrices (B, size, size): down and up again along an axis of `size` pixels."""
        axis = self._axis(size, params)
        return torch.bmm(axis.up, axis.down)

    def _axis(self, size: int, params: Params, canvas_px: int | None = None) -> "Axis":
        """Return the drawn way of an axis of `size` pixels, the small side cut to `canvas_px`."""
        sides_px, limits_px = self._sides(size, params["scale"]), self._limits(size)
        down, up = down_up_tables(size, limits_px, self.filters, sides_px.device, self._weights, self._block_px)
        row = sides_px - limits_px[0]
        return Axis(sides_px, down[params["down_filter"], row, :canvas_px], up[params["up_filter"], row, :, :canvas_px])

    def _sides(self, size: int, scale: Tensor) -> Tensor:
        """Return the small sides, int64 (B,), of an axis of `size` pixels."""
        # the limits and the drawn scale both come from `self.scale`, but one of them through float32
        return scale.mul(size).long().clamp_(*self._limits(size))

    def _limits(self, size: int) -> tuple[int, int]:
        return max(1, int(self.scale[0] * size)), max(1, int(self.scale[1] * size))


class Axis(NamedTuple):
    """One axis of a batch: sides of the small pictures, int64 (n,), and the matrices (n,L,size) and (n,size,L)."""

    sides_px: Tensor
    down: Tensor
    up: Tensor


@functools.lru_cache(maxsize=64)
def _size_tensor(sizes_px: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(sizes_px, dtype=torch.int64, device=device)


def _proportional(size_px: int, side: int, short: int) -> int:
    """Return the length of `side` when the side `short` shrinks to `size_px`, rounded to the nearest, at least 1."""
    return max(1, (2 * size_px * side + short) // (2 * short))
