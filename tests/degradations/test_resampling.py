import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from facequal.degradations.resampling import FILTERS, apply_separable, resample_matrix
from tests.degradations.filters import OPENCV, PILLOW

SIZES = [(112, 7), (112, 41), (112, 56), (112, 96), (7, 112), (33, 112), (20, 20), (5, 1), (1, 5), (13, 12)]


def noise(size: int) -> np.ndarray:
    return np.random.default_rng(size).random((size, size), dtype=np.float32)


def both_axes(image: np.ndarray, matrix: torch.Tensor) -> np.ndarray:
    return (matrix @ torch.from_numpy(image).double() @ matrix.T).numpy()


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize(("in_size", "out_size"), SIZES)
def test_antialiased_matrices_equal_pillow(filter, in_size, out_size):
    image = noise(in_size)
    expected = np.asarray(Image.fromarray(image).resize((out_size, out_size), PILLOW[filter]))
    np.testing.assert_allclose(both_axes(image, resample_matrix(in_size, out_size, filter)), expected, atol=2e-6)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize(("in_size", "out_size"), SIZES)
def test_plain_matrices_equal_opencv(filter, in_size, out_size):
    image = noise(in_size)
    expected = cv2.resize(image, (out_size, out_size), interpolation=OPENCV[filter])
    matrix = resample_matrix(in_size, out_size, filter, antialias=False)
    np.testing.assert_allclose(both_axes(image, matrix), expected, atol=1e-5)


def test_nearest_picks_opencvs_pixel_at_every_size():
    ramp = np.arange(112, dtype=np.float32)[None]
    for size in range(1, 112):
        for in_size, out_size in ((112, size), (size, 112)):
            expected = cv2.resize(ramp[:, :in_size], (out_size, 1), interpolation=cv2.INTER_NEAREST)[0]
            matrix = resample_matrix(in_size, out_size, "nearest", antialias=False)
            np.testing.assert_array_equal(matrix.argmax(dim=1), expected, err_msg=f"{in_size} to {out_size}")


@pytest.mark.parametrize(("in_size", "out_size"), SIZES)
def test_the_cubic_equals_torch_with_antialias(in_size, out_size):
    image = torch.from_numpy(noise(in_size))
    expected = F.interpolate(image[None, None], size=(out_size, out_size), mode="bicubic", antialias=True)[0, 0]
    np.testing.assert_allclose(both_axes(image.numpy(), resample_matrix(in_size, out_size)), expected, atol=1e-5)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("filter", FILTERS)
def test_rows_sum_to_one_and_the_same_size_is_the_identity(filter, antialias):
    matrix = resample_matrix(30, 17, filter, antialias=antialias)
    assert matrix.shape == (17, 30)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(17, dtype=torch.float64))
    torch.testing.assert_close(
        resample_matrix(9, 9, filter, antialias=antialias), torch.eye(9, dtype=torch.float64), atol=1e-12, rtol=0
    )


def test_separable_products_equal_a_loop():
    generator = torch.Generator().manual_seed(0)
    images, rows, columns = (torch.rand(shape, generator=generator) for shape in ((4, 3, 6, 5), (4, 7, 6), (4, 8, 5)))
    result = apply_separable(images, rows, columns)
    for i in range(4):
        for channel in range(3):
            torch.testing.assert_close(result[i, channel], rows[i] @ images[i, channel] @ columns[i].T)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="in_size=3, out_size=0"):
        resample_matrix(3, 0)
    with pytest.raises(ValueError, match="unknown filter 'bicubic'; known: nearest, linear, cubic, area, lanczos"):
        resample_matrix(3, 2, "bicubic")
