"""Restoring large pictures tile by tile."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Networks that halve their input three times see the same grid in every tile.
_STEP = 8

# What restores the part of a picture that lies in these rows and columns.
TileRestorer = Callable[[Tensor, slice, slice], Tensor]


def restore_in_tiles(restore: TileRestorer, images: Tensor, tile_px: int, overlap_px: int) -> Tensor:
    """Restore overlapping tiles one after the other, and blend them where they overlap.

    A tile weighs less towards its edges, linearly over the overlap. A network that looks at the whole picture, as one
    with Fourier operators, attention or group norms does, gives another result for tiles than for the whole.

    Args:
        restore: From tiles (B,3,h,w) with their rows and columns in the picture to as many of the same size.
        images: (B,3,H,W).
        tile_px: Side of the tiles; along a shorter side of the picture there is one.
        overlap_px: Overlap of neighbours, at least.

    Returns:
        (B,3,H,W).

    Raises:
        ValueError: If tiles are not larger than their overlap by 8 pixels, or that is negative.
    """
    require_tiles(tile_px, overlap_px)
    height, width = images.shape[-2:]
    total, weight = torch.zeros_like(images), images.new_zeros(height, width)
    for rows in tile_slices(height, tile_px, overlap_px):
        for columns in tile_slices(width, tile_px, overlap_px):
            restored = restore(images[..., rows, columns], rows, columns)
            of_rows, of_columns = (ramp(restored.shape[axis], overlap_px, images) for axis in (-2, -1))
            own = of_rows[:, None] * of_columns
            total[..., rows, columns] += own * restored
            weight[rows, columns] += own
    return total / weight


def require_tiles(tile_px: int, overlap_px: int) -> None:
    """Refuse tiles that make no progress.

    Raises:
        ValueError: See above.
    """
    if overlap_px < 0 or tile_px - overlap_px < _STEP:
        raise ValueError(
            f"tile_px={tile_px} must be larger than tile_overlap_px={overlap_px} by {_STEP} or more, and that not "
            "negative"
        )


def tile_slices(length: int, tile_px: int, overlap_px: int) -> list[slice]:
    """Return equal tiles over a side, at multiples of 8 but for the last, which ends where the side does."""
    size = min(tile_px, length)
    step = (tile_px - overlap_px) // _STEP * _STEP
    starts = [*range(0, length - size, step), length - size]
    return [slice(start, start + size) for start in starts]


def ramp(length: int, overlap_px: int, like: Tensor) -> Tensor:
    """Return weights (length,) that rise from both ends over the overlap, to 1."""
    places = torch.arange(1, length + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(places, length + 1 - places).clamp_max(overlap_px + 1) / (overlap_px + 1)


def part_of(features: Tensor, rows: slice, columns: slice, size: Sequence[int]) -> Tensor:
    """Return those of a picture's features (B,C,h,w) that touch these rows and columns of it, which has that size."""
    parts = []
    for length, side, part in zip(features.shape[-2:], size, (rows, columns), strict=True):
        stride = round(side / length)  # of the network: it rounds up what the side has too little
        parts.append(slice(part.start // stride, -(-part.stop // stride)))
    return features[..., parts[0], parts[1]]
