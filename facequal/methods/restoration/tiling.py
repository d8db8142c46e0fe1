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

    >>> images = torch.rand(1, 3, 40, 24)
    >>> brighter = restore_in_tiles(lambda tile, rows, columns: tile + 0.5, images, tile_px=24, overlap_px=8)
    >>> torch.allclose(brighter, images + 0.5)
    True

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
            tile_weight = of_rows[:, None] * of_columns  # (h,w)
            total[..., rows, columns] += tile_weight * restored
            weight[rows, columns] += tile_weight
    return total / weight


def require_tiles(tile_px: int, overlap_px: int) -> None:
    """Refuse tiles that make no progress.

    Args:
        tile_px: Side of the tiles.
        overlap_px: Overlap of neighbours.

    Raises:
        ValueError: If tiles are not larger than their overlap by 8 pixels, or that is negative.
    """
    if overlap_px < 0 or tile_px - overlap_px < _STEP:
        raise ValueError(
            f"tile_px={tile_px} must be larger than tile_overlap_px={overlap_px} by {_STEP} or more, and that not "
            "negative"
        )


def tile_slices(length: int, tile_px: int, overlap_px: int) -> list[slice]:
    """Return equal tiles over a side, at multiples of 8 but for the last, which ends where the side does.

    >>> tile_slices(100, tile_px=48, overlap_px=8)
    [slice(0, 48, None), slice(40, 88, None), slice(52, 100, None)]
    """
    size = min(tile_px, length)
    step = (tile_px - overlap_px) // _STEP * _STEP
    starts = [*range(0, length - size, step), length - size]
    return [slice(start, start + size) for start in starts]


def ramp(length: int, overlap_px: int, like: Tensor) -> Tensor:
    """Return weights (length,) that rise from both ends over the overlap, to 1.

    >>> ramp(6, 1, torch.zeros(()))
    tensor([0.5000, 1.0000, 1.0000, 1.0000, 1.0000, 0.5000])
    """
    from_start = torch.arange(1, length + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(from_start, length + 1 - from_start).clamp_max(overlap_px + 1) / (overlap_px + 1)


def part_of(features: Tensor, rows: slice, columns: slice, size: Sequence[int]) -> Tensor:
    """Return the part of a picture's features that belongs to a tile of the picture.

    >>> part_of(torch.zeros(1, 8, 6, 4), slice(8, 32), slice(0, 20), size=(48, 32)).shape
    torch.Size([1, 8, 3, 3])

    Args:
        features: (B,C,h,w), of a network with any stride.
        rows: Rows of the tile in the picture.
        columns: Columns of the tile in the picture.
        size: Height and width of the picture.

    Returns:
        (B,C,...): the features that touch the tile.
    """
    parts = []
    for length, side, part in zip(features.shape[-2:], size, (rows, columns), strict=True):
        stride = round(side / length)  # of the network: it rounds up what the side has too little
        parts.append(slice(part.start // stride, -(-part.stop // stride)))
    return features[..., parts[0], parts[1]]
