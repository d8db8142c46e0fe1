import numpy as np
import pytest
import torch
from kornia.filters import gaussian_blur2d
from scipy import ndimage

from facequal.degradations import GaussianBlur, Keys
from tests.degradations.pictures import pictures


@pytest.mark.parametrize("shape", [(40, 31), (8, 8), (1, 12)])
def test_equals_scipy_with_a_width_per_sample(shape):
    images, sigma = pictures(5, *shape), torch.tensor([0.3, 0.5, 1.1, 2.0, 3.0])
    blurred = GaussianBlur((0.3, 3.0)).apply(images, {"sigma_px": sigma})
    for image, value, result in zip(images, sigma.tolist(), blurred, strict=True):
        for channel in range(3):
            expected = ndimage.gaussian_filter(image[channel].double().numpy(), value, mode="mirror")
            np.testing.assert_allclose(result[channel], expected, atol=2e-6)


def test_equals_kornia():
    images, sigma = pictures(4, 50, 50), torch.tensor([0.8, 1.4, 2.2, 2.5])
    blurred = GaussianBlur((0.5, 2.5)).apply(images, {"sigma_px": sigma})
    expected = gaussian_blur2d(images, 21, sigma.unsqueeze(1).expand(4, 2), border_type="reflect")
    torch.testing.assert_close(blurred, expected, atol=2e-4, rtol=0)  # Kornia cuts all at the same distance


def test_the_range_is_drawn():
    sigma = GaussianBlur((0.5, 3.0)).sample(Keys(torch.arange(2000)))["sigma_px"]
    assert 0.5 <= float(sigma.min()) < 0.52
    assert 2.98 < float(sigma.max()) < 3.0


@pytest.mark.parametrize("sigma", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_wrong_ranges_are_named(sigma):
    with pytest.raises(ValueError, match="sigma_px must be a range of positive numbers"):
        GaussianBlur(sigma)
