import io

import numpy as np
import pytest
import torch
from kornia.enhance import jpeg_codec_differentiable
from PIL import Image

from facequal.degradations import JPEG, Keys
from tests.degradations.pictures import pictures


def through_pillow(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def to_bytes(images: torch.Tensor) -> np.ndarray:
    return images.mul(255).round().byte().permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("shape", [(112, 112), (24, 37), (37, 24), (17, 5), (1, 50), (33, 31), (18, 20)])
def test_the_pixels_are_those_of_pillow(shape):
    quality = torch.tensor([1, 5, 30, 49, 50, 60, 75, 90, 95, 100])
    images = pictures(10, *shape)
    images[::2] = torch.rand(images[::2].shape, generator=torch.Generator().manual_seed(0))  # noise: every frequency
    compressed = to_bytes(JPEG((1, 100)).apply(images, {"quality": quality}))
    for pixels, value, result in zip(to_bytes(images), quality.tolist(), compressed, strict=True):
        np.testing.assert_array_equal(result, through_pillow(pixels, value), err_msg=f"quality {value}")


def test_every_colour_is_converted_like_pillow():
    # flat 16x16 tiles, so that the colour conversion alone decides
    tiles = np.random.default_rng(0).integers(0, 256, (1, 60, 60, 3), dtype=np.uint8)
    pixels = tiles.repeat(16, axis=1).repeat(16, axis=2)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    compressed = to_bytes(JPEG((100, 100)).apply(images, {"quality": torch.tensor([100])}))
    np.testing.assert_array_equal(compressed[0], through_pillow(pixels[0], 100))


def test_kornias_codec_agrees_to_its_soft_rounding():
    images = pictures(3, 48, 48)
    compressed = JPEG().apply(images, {"quality": torch.tensor([60, 75, 90])})
    expected = jpeg_codec_differentiable(images, torch.tensor([60.0, 75.0, 90.0])).clamp(0.0, 1.0)
    assert float((compressed - expected).square().mean()) < 10 ** (-36 / 10)


def test_quality_orders_the_error():
    images = pictures(1, 64, 64).expand(4, -1, -1, -1)
    compressed = JPEG((1, 100)).apply(images, {"quality": torch.tensor([5, 30, 75, 98])})
    errors = (compressed - images).square().mean(dim=(1, 2, 3))
    assert (errors.diff() < 0).all()


def test_both_ends_of_the_range_are_drawn():
    quality = JPEG((60, 63)).sample(Keys(torch.arange(500)))["quality"]
    assert quality.unique().tolist() == [60, 61, 62, 63]


@pytest.mark.parametrize("quality", [(0, 50), (60, 101), (80, 60)])
def test_wrong_ranges_are_named(quality):
    with pytest.raises(ValueError, match=r"quality must be a range within 1\.\.100, not"):
        JPEG(quality)
