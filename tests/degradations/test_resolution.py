import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from facequal.degradations import DownUpScale, Keys, Resolution
from facequal.degradations.resampling import FILTERS
from tests.degradations.filters import OPENCV
from tests.degradations.pictures import pictures


def pillow_there_and_back(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    small = Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((plane.shape[1], plane.shape[0]), Image.Resampling.BICUBIC))


def test_resolution_equals_pillow_with_a_size_per_sample():
    images = pictures(8, 112, 112)
    sizes = torch.tensor([7, 14, 28, 56, 112, 56, 7, 14])
    degraded = Resolution((7, 14, 28, 56, 112)).apply(images, {"size_px": sizes})
    for image, size, result in zip(images, sizes.tolist(), degraded, strict=True):
        for channel in range(3):
            expected = pillow_there_and_back(image[channel].numpy(), size, size).clip(0.0, 1.0)
            np.testing.assert_allclose(result[channel], expected, atol=1e-5)


@pytest.mark.parametrize("size", [7, 14, 28])
def test_resolution_equals_torch_with_antialias(size):
    images = pictures(2, 112, 112)
    small = F.interpolate(images, size=(size, size), mode="bicubic", antialias=True)
    expected = F.interpolate(small, size=(112, 112), mode="bicubic", antialias=True).clamp(0.0, 1.0)
    degraded, _ = Resolution((size,))(images, Keys(torch.arange(2)))
    torch.testing.assert_close(degraded, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("shape", "small"), [((30, 45), (7, 11)), ((45, 30), (11, 7)), ((9, 63), (7, 49))])
def test_the_size_is_that_of_the_shorter_side(shape, small):
    images = pictures(1, *shape)
    degraded, _ = Resolution((7,))(images, Keys(torch.arange(1)))
    expected = pillow_there_and_back(images[0, 0].numpy(), small[1], small[0]).clip(0.0, 1.0)
    np.testing.assert_allclose(degraded[0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28), (28, 31), (20, 20)])
def test_a_size_not_below_the_images_is_the_exact_identity(shape):
    images = pictures(3, *shape)
    degraded, _ = Resolution((28, 112))(images, Keys(torch.arange(3)))
    assert torch.equal(degraded, images)


def test_sizes_are_equally_likely_and_from_the_list():
    sizes = Resolution((28, 7, 14)).sample(Keys(torch.arange(3000)))["size_px"]
    values, counts = sizes.unique(return_counts=True)
    assert values.tolist() == [7, 14, 28]
    assert int(counts.min()) > 900


def test_the_order_of_the_sizes_does_not_matter_for_what_they_mean():
    images, params = pictures(3, 40, 40), {"size_px": torch.tensor([7, 28, 14])}
    one = Resolution((28, 7, 14)).apply(images, params)
    assert torch.equal(one, Resolution((7, 14, 28)).apply(images, params))


@pytest.mark.parametrize("size", [112, 37])
def test_down_up_scale_equals_opencv_for_every_pair_of_filters(size):
    pairs = [(down, up) for down in range(5) for up in range(5)]
    images = pictures(25, size, size)
    params = DownUpScale().sample(Keys(torch.arange(25)))
    params["down_filter"], params["up_filter"] = torch.tensor(pairs).unbind(1)
    degraded = DownUpScale().apply(images, params)
    for i, (down, up) in enumerate(pairs):
        side = int(params["scale"][i] * size)
        image = images[i].permute(1, 2, 0).numpy()
        small = cv2.resize(image, (side, side), interpolation=OPENCV[FILTERS[down]])
        expected = cv2.resize(small, (size, size), interpolation=OPENCV[FILTERS[up]]).clip(0.0, 1.0)
        np.testing.assert_allclose(degraded[i].permute(1, 2, 0), expected, atol=1e-5, err_msg=f"{down} {up} {side}")


def test_down_up_scale_of_pictures_that_are_not_square():
    images = pictures(4, 24, 41)
    params = {
        "scale": torch.tensor([0.2, 0.35, 0.7, 0.99]),
        "down_filter": torch.tensor([0, 1, 0, 1]),
        "up_filter": torch.tensor([1, 1, 0, 0]),
    }
    filters = ("area", "cubic")
    degraded = DownUpScale((0.2, 1.0), filters).apply(images, params)
    for i, scale in enumerate(params["scale"].tolist()):
        side = (int(scale * 41), int(scale * 24))
        down, up = (OPENCV[filters[params[key][i]]] for key in ("down_filter", "up_filter"))
        small = cv2.resize(images[i].permute(1, 2, 0).numpy(), side, interpolation=down)
        expected = cv2.resize(small, (41, 24), interpolation=up).clip(0.0, 1.0)
        np.testing.assert_allclose(degraded[i].permute(1, 2, 0), expected, atol=1e-5)


def test_down_up_scale_draws_its_range_and_all_filters():
    params = DownUpScale((0.1, 0.5)).sample(Keys(torch.arange(2000)))
    assert 0.1 <= float(params["scale"].min()) < 0.11
    assert 0.49 < float(params["scale"].max()) < 0.5
    assert torch.bincount(params["down_filter"] * 5 + params["up_filter"], minlength=25).min() > 40


def test_tiny_pictures_keep_at_least_one_pixel():
    images = pictures(6, 3, 3)
    degraded, _ = DownUpScale((0.1, 0.3))(images, Keys(torch.arange(6)))
    assert torch.isfinite(degraded).all()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"different sizes of at least 1 px, not \[7, 0\]"):
        Resolution([7, 0])
    with pytest.raises(ValueError, match=r"not \[7, 7\]"):
        Resolution([7, 7])
    with pytest.raises(ValueError, match=r"not \[\]"):
        Resolution([])
    with pytest.raises(ValueError, match=r"within \(0, 1\], not \(0.0, 1.0\)"):
        DownUpScale((0.0, 1.0))
    with pytest.raises(ValueError, match=r"nearest, linear, cubic, area, lanczos, not \['bicubic'\]"):
        DownUpScale(filters=["bicubic"])
