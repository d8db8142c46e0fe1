"""Tiles cover the picture, overlap, and are blended."""

from itertools import pairwise

import pytest
import torch

from facequal.methods.restoration.tiling import part_of, ramp, restore_in_tiles, tile_slices


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40, 63, 100])
@pytest.mark.parametrize(("tile", "overlap"), [(16, 0), (16, 4), (16, 8), (29, 7), (200, 8)])
def test_tiles_cover_a_side_and_overlap(length: int, tile: int, overlap: int) -> None:
    slices = list(tile_slices(length, tile, overlap))
    assert slices[0].start == 0
    assert slices[-1].stop == length
    assert {part.stop - part.start for part in slices} == {min(tile, length)}
    assert all(part.start % 8 == 0 for part in slices[:-1])
    for one, following in pairwise(slices):
        assert one.start < following.start <= one.stop - overlap


def test_what_depends_on_pixels_alone_is_the_same_in_tiles() -> None:
    images = torch.rand(2, 3, 37, 50)
    restored = restore_in_tiles(lambda tile, *_: 2 * tile - 0.5, images, 16, 5)
    torch.testing.assert_close(restored, 2 * images - 0.5)


def test_a_tile_knows_its_place_and_fades_into_the_next() -> None:
    images = torch.zeros(1, 3, 4, 20)
    starts: list[tuple[int, int]] = []

    def number(tile: torch.Tensor, rows: slice, columns: slice) -> torch.Tensor:
        starts.append((rows.start, columns.start))
        return torch.full_like(tile, float(columns.start > 0))

    restored = restore_in_tiles(number, images, 12, 4)
    assert starts == [(0, 0), (0, 8)]
    # Weights of the second tile over the four columns they share: 1/5 to 4/5.
    expected = torch.tensor([0.0] * 8 + [0.2, 0.4, 0.6, 0.8] + [1.0] * 8)
    torch.testing.assert_close(restored, expected.expand(1, 3, 4, 20))


def test_weights_rise_from_both_ends() -> None:
    torch.testing.assert_close(ramp(6, 1, torch.empty(0)), torch.tensor([0.5, 1, 1, 1, 1, 0.5]))


@pytest.mark.parametrize(("tile", "overlap"), [(8, 8), (16, 9), (8, -1)])
def test_tiles_that_make_no_progress(tile: int, overlap: int) -> None:
    with pytest.raises(ValueError, match=f"tile_px={tile} must be larger than tile_overlap_px={overlap}"):
        restore_in_tiles(lambda tile, *_: tile, torch.zeros(1, 3, 8, 8), tile, overlap)


@pytest.mark.parametrize("size", [100, 104, 121])
def test_tiles_take_their_part_of_the_features(size: int) -> None:
    """Features of a network that halves three times and rounds up, at the pixels that a tile covers."""
    cells = -(-size // 8)
    features = torch.arange(float(cells)).expand(1, 1, cells, cells)
    for rows in tile_slices(size, 48, 16):
        part = part_of(features, rows, slice(0, size), (size, size))
        assert part.shape[-1] == cells
        assert part[0, 0, 0].tolist() == features[0, 0, 0].tolist()
        part = part_of(features, slice(0, size), rows, (size, size))[0, 0, 0]
        assert part[0] == rows.start // 8
        assert part[-1] == (rows.stop - 1) // 8
