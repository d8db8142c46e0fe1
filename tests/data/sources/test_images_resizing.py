import cv2
import numpy as np
import pytest

from facequal.data.sources.images import crop_centre, resize_short

RNG = np.random.default_rng(0)


def test_resize_short_keeps_an_image_of_the_size():
    image = RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert resize_short(image, 40) is image


def test_resize_short_crops_the_centre():
    image = np.zeros((10, 14, 3), np.uint8)
    image[:, 2:12] = RNG.integers(0, 256, (10, 10, 3))
    np.testing.assert_array_equal(resize_short(image, 10), image[:, 2:12])
    upright = np.ascontiguousarray(image.transpose(1, 0, 2))
    np.testing.assert_array_equal(resize_short(upright, 10), upright[2:12])


def test_resize_short_averages_areas_when_it_shrinks():
    image = RNG.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    means = image.reshape(8, 4, 12, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize_short(image, 8), np.round(means[:, 2:10]), rtol=0, atol=1)


def test_resize_short_is_bicubic_when_it_enlarges():
    image = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    expected = cv2.resize(image, (16, 16), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(resize_short(image, 16), expected)


@pytest.mark.parametrize("shape", [(92, 112), (112, 92), (1, 1000), (250, 250), (113, 112), (37, 41)])
def test_resize_short_always_gives_the_size(shape):
    assert resize_short(np.zeros((*shape, 3), np.uint8), 112).shape == (112, 112, 3)


def test_crop_centre_keeps_pixels_that_are_large_enough():
    image = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_centre(image, 176, 144), image[21:197, 17:161])


@pytest.mark.parametrize("shape", [(100, 178, 3), (218, 90, 3), (10, 10, 3)])
def test_crop_centre_enlarges_what_is_too_small(shape):
    image = np.full(shape, 77, dtype=np.uint8)
    cropped = crop_centre(image, 176, 144)
    assert cropped.shape == (176, 144, 3)
    assert (cropped == 77).all()
