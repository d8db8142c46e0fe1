"""Image resampling as matrices: scaling with any separable filter is one (out, in) matrix per axis.

So a batch in which every sample has its own size and filter is two batched matrix products, and scaling down and up
again is one product of two matrices, made before any pixel is touched.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

Filter = Literal["nearest", "linear", "cubic", "area", "lanczos"]
FILTERS: tuple[Filter, ...] = get_args(Filter)


def resample_matrix(in_size: int, out_size: int, filter: Filter = "cubic", *, antialias: bool = True) -> Tensor:
    """Return the matrix W of a 1-D resampling, out = W @ in, with pixel centres at i + 1/2.

    With `antialias` the filter is widened by the scale when shrinking, as Pillow does (and torch's and TensorFlow's
    `antialias=True`): `nearest`, `linear` (BILINEAR), `cubic` (BICUBIC, a = -1/2), `area` (BOX), `lanczos` (3 lobes).
    Weights that fall outside the image are dropped and the rest is normalised.
    Without it the filter keeps its width, as in OpenCV: INTER_NEAREST, INTER_LINEAR, INTER_CUBIC (a = -3/4),
    INTER_AREA (a true mean over the covered interval when shrinking, OpenCV's variant of linear when enlarging) and
    INTER_LANCZOS4. Weights that fall outside are given to the border pixel.

    Args:
        in_size: Number of input pixels.
        out_size: Number of output pixels.
        filter: One of `FILTERS`.
        antialias: Pillow's behaviour if true, OpenCV's if false.

    Returns:
        float64 (out_size, in_size) on the CPU; each row sums to 1.

    Raises:
        ValueError: If a size is below 1, or the filter is unknown.

    >>> resample_matrix(4, 2, "area")
    tensor([[0.5000, 0.5000, 0.0000, 0.0000], [0.0000, 0.0000, 0.5000, 0.5000]], dtype=torch.float64)
    """
    if in_size < 1 or out_size < 1:
        raise ValueError(f"sizes must be at least 1 px, not in_size={in_size}, out_size={out_size}")
    if filter not in FILTERS:
        raise ValueError(f"unknown filter {filter!r}; known: {', '.join(FILTERS)}")
    if filter == "nearest":
        source = _pillow_nearest(in_size, out_size) if antialias else _opencv_nearest(in_size, out_size)
        return torch.eye(in_size, dtype=torch.float64)[source.long().clamp_(max=in_size - 1)]
    if antialias:
        return _widened(in_size, out_size, filter)
    if filter == "area" and out_size <= in_size:
        return _covered(in_size, out_size)
    return _taps(in_size, out_size, filter)


def apply_separable(
    images: Tensor, rows: Tensor, columns: Tensor, rounded: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Multiply each image from both sides: out[n,c] = rows[n] @ images[n,c] @ columns[n]^T.

    Args:
        images: Floating-point (n,3,H,W).
        rows: (n,H',H), of the same type.
        columns: (n,W',W), of the same type.
        rounded: Applied after each of the two products; it may change its argument.

    Returns:
        (n,3,H',W'), of the same type.

    >>> halve = resample_matrix(8, 4, "area").float()[None]
    >>> apply_separable(torch.zeros(1, 3, 8, 8), halve, halve).shape
    torch.Size([1, 3, 4, 4])
    """
    n, channels, height, width = images.shape
    wide = torch.bmm(images.reshape(n, channels * height, width), columns.transpose(1, 2))
    wide = (wide if rounded is None else rounded(wide)).view(n, channels, height, -1)
    out = wide.new_empty(n, channels, rows.shape[1], wide.shape[3])
    for channel in range(channels):  # a broadcast product would copy `rows` once per channel
        torch.bmm(rows, wide[:, channel], out=out[:, channel])
    return out if rounded is None else rounded(out)


@functools.lru_cache(maxsize=64)
def bicubic_there_and_back(size: int, sizes_px: tuple[int, ...], device: torch.device) -> Tensor:
    """Return matrices that shrink to each of `sizes_px` and enlarge to `size` again, antialiased bicubic, a = -1/2.

    Returns:
        float32 (len(sizes_px), size, size) on `device`; the identity for a size that is not below `size`.
    """
    table = torch.eye(size, dtype=torch.float64).repeat(len(sizes_px), 1, 1)
    for matrix, size_px in zip(table, sizes_px, strict=True):
        if size_px < size:
            matrix.copy_(resample_matrix(size_px, size) @ resample_matrix(size, size_px))
    return table.to(device, torch.float32)


@functools.lru_cache(maxsize=32)
def down_up_tables(
    size: int,
    limits_px: tuple[int, int],
    filters: tuple[Filter, ...],
    device: torch.device,
    weights: Callable[[int, int, Filter], Tensor],
    block_px: int,
) -> tuple[Tensor, Tensor]:
    """Return matrices to shrink `size` pixels to s and to enlarge s to `size`, for all s from one limit to the other.

    The small side is padded to L, the multiple of `block_px` from the upper limit on: shrinking repeats the last pixel
    there, and enlarging does not look. So the product of any two of one s is down- and up-scaling. For 112 px and sizes
    from 22 px these are 2 x 23 MB, and they grow with the cube of `size`.

    Args:
        size: Pixels of the large side.
        limits_px: Smallest and largest s.
        filters: The filters.
        device: Where the matrices are kept.
        weights: Returns the matrix (out, in) of an axis, such as `resample_matrix`.
        block_px: L is a multiple of it.

    Returns:
        down, float32 (filters, sizes, L, size), and up, float32 (filters, sizes, size, L).
    """
    smallest, largest = limits_px
    padded = largest + -largest % block_px
    down = torch.zeros(len(filters), largest - smallest + 1, padded, size)
    up = torch.zeros(len(filters), largest - smallest + 1, size, padded)
    for i, filter in enumerate(filters):
        for j, small in enumerate(range(smallest, largest + 1)):
            down[i, j, :small] = weights(size, small, filter)
            down[i, j, small:] = down[i, j, small - 1]
            up[i, j, :, :small] = weights(small, size, filter)
    return down.to(device), up.to(device)


def _pillow_nearest(in_size: int, out_size: int) -> Tensor:
    # Pillow adds the step up from pixel to pixel: where a centre falls between two pixels, its rounding errors decide.
    step = in_size / out_size
    positions = itertools.islice(itertools.accumulate(itertools.repeat(step), initial=0.5 * step), out_size)
    return torch.tensor(list(positions), dtype=torch.float64)


def _opencv_nearest(in_size: int, out_size: int) -> Tensor:
    # OpenCV's own order of divisions, which decides where a centre falls on a border between pixels.
    return torch.arange(out_size, dtype=torch.float64) * (1.0 / (out_size / in_size))


def _widened(in_size: int, out_size: int, filter: Filter) -> Tensor:
    """Return Pillow's weights f((x - centre) / max(scale, 1)) within the filter's support, rows normalised."""
    kernel, radius = _PILLOW_KERNELS[filter]
    scale = in_size / out_size
    width = max(scale, 1.0)
    centres = ((torch.arange(out_size, dtype=torch.float64) + 0.5) * scale).unsqueeze(1)
    first = (centres - radius * width + 0.5).floor().clamp_(min=0)
    last = (centres + radius * width + 0.5).floor()
    x = torch.arange(in_size, dtype=torch.float64)
    weights = kernel((x + 0.5 - centres) / width) * ((x >= first) & (x < last))
    return weights / weights.sum(dim=1, keepdim=True)


def _covered(in_size: int, out_size: int) -> Tensor:
    """Return OpenCV's INTER_AREA when shrinking: the share of each input pixel in the interval of an output pixel."""
    scale = in_size / out_size
    start = (torch.arange(out_size, dtype=torch.float64) * scale).unsqueeze(1)
    x = torch.arange(in_size, dtype=torch.float64)
    overlap = torch.minimum(start + scale, x + 1) - torch.maximum(start, x)
    weights = overlap.clamp_(min=0)
    return weights / weights.sum(dim=1, keepdim=True)


def _taps(in_size: int, out_size: int, filter: Filter) -> Tensor:
    """Return OpenCV's weights without widening: a fixed number of neighbours, those outside folded into the border."""
    kernel, radius = _OPENCV_KERNELS[filter]
    scale = in_size / out_size
    out = torch.arange(out_size, dtype=torch.float64)
    position = (out + 0.5) * scale - 0.5
    if filter == "area":  # enlarging: the pixel below, and a fraction only where the next pixel is reached
        base = (out * scale).floor()
        fraction = (out + 1) - (base + 1) / scale
        position = base + torch.where(fraction <= 0, 0.0, fraction - fraction.floor())
    base = position.floor().unsqueeze(1)
    neighbours = base + torch.arange(1 - radius, radius + 1, dtype=torch.float64)
    weights = kernel(position.unsqueeze(1) - neighbours)
    matrix = torch.zeros(out_size, in_size, dtype=torch.float64)
    matrix.scatter_add_(1, neighbours.clamp_(0, in_size - 1).long(), weights)
    return matrix / matrix.sum(dim=1, keepdim=True)


def _triangle(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


def _box(x: Tensor) -> Tensor:
    return ((x > -0.5) & (x <= 0.5)).double()


def _keys_cubic(x: Tensor, a: float) -> Tensor:
    x = x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def _lanczos(x: Tensor, lobes: int) -> Tensor:
    return torch.where(x.abs() < lobes, torch.sinc(x) * torch.sinc(x / lobes), 0.0)


_Kernel = Callable[[Tensor], Tensor]
_PILLOW_KERNELS: dict[Filter, tuple[_Kernel, float]] = {
    "linear": (_triangle, 1.0),
    "cubic": (functools.partial(_keys_cubic, a=-0.5), 2.0),
    "area": (_box, 0.5),
    "lanczos": (functools.partial(_lanczos, lobes=3), 3.0),
}
_OPENCV_KERNELS: dict[Filter, tuple[_Kernel, int]] = {
    "linear": (_triangle, 1),
    "cubic": (functools.partial(_keys_cubic, a=-0.75), 2),
    "area": (_triangle, 1),
    "lanczos": (functools.partial(_lanczos, lobes=4), 4),
}
