import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facequal.degradations import JPEG
from facequal.metrics.no_reference import (
    SCORES,
    blockiness,
    brightness,
    contrast,
    luma,
    no_reference_scores,
    noise_sigma,
    sharpness,
)
from tests.degradations.pictures import pictures


def grey(image: torch.Tensor) -> np.ndarray:
    r, g, b = image.double().numpy()
    return 0.299 * r + 0.587 * g + 0.114 * b


def test_sharpness_is_opencvs_variance_of_the_laplacian():
    images = pictures(4, 20, 31)
    expected = [cv2.Laplacian(grey(image), cv2.CV_64F).var() for image in images]
    np.testing.assert_allclose(sharpness(luma(images)), expected, rtol=1e-10)
    blurred = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    assert (sharpness(luma(blurred)) < 0.2 * sharpness(luma(images))).all()


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_noise_is_found_on_a_slope(sigma):
    slope = (torch.linspace(0.4, 0.5, 200).view(1, 1, 200, 1) + torch.linspace(0, 0.1, 200)).expand(3, 3, 200, 200)
    same = torch.randn(3, 1, 200, 200, generator=torch.Generator().manual_seed(0))  # alike in the three colours
    found = noise_sigma(luma(slope + sigma * same))
    np.testing.assert_allclose(found, [sigma] * 3, rtol=0.03)
    assert float(noise_sigma(luma(slope)).max()) < 1e-6  # planes are not noise


def test_blocks_are_found():
    flat = (
        torch.rand(4, 3, 6, 7, generator=torch.Generator().manual_seed(1))
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
    )
    noise = 0.01 * torch.randn(4, 3, 48, 56, generator=torch.Generator().manual_seed(2))
    assert (blockiness(luma((flat + noise).clamp(0, 1))) > 5).all()
    assert (blockiness(luma(0.5 + noise)).abs() < 0.15).all()
    assert torch.equal(blockiness(luma(torch.full((2, 3, 16, 16), 0.5))), torch.zeros(2).double())
    smooth = F.avg_pool2d(pictures(3, 64, 64), 9, 1, 4, count_include_pad=False)
    coarse = JPEG((10, 10)).apply(smooth, {"quality": torch.full((3,), 10)})
    assert (blockiness(luma(coarse)) > blockiness(luma(smooth)) + 0.3).all()


def test_contrast_and_brightness():
    images = pictures(3, 16, 16)
    np.testing.assert_allclose(contrast(luma(images)), [grey(image).std() for image in images], rtol=1e-10)
    np.testing.assert_allclose(brightness(luma(images)), [grey(image).mean() for image in images], rtol=1e-10)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES.keys())
def test_one_figure_per_picture(score):
    grey = luma(pictures(3, 20, 24))
    together = score(grey)
    assert together.shape == (3,)
    assert together.dtype == torch.float64
    torch.testing.assert_close(score(grey[1:2])[0], together[1])


def test_all_together_are_each_alone():
    images = pictures(3, 20, 24)
    scores = no_reference_scores(images)
    assert list(scores) == list(SCORES)
    for name, score in SCORES.items():
        assert torch.equal(scores[name], score(luma(images)))
    clamped, white = no_reference_scores(images + 5), no_reference_scores(torch.ones_like(images))
    torch.testing.assert_close(clamped, white)
    with pytest.raises(ValueError, match="of at least 9 pixels"):
        no_reference_scores(images[..., :8])
    with pytest.raises(ValueError, match=r"need RGB pictures \(B,3,H,W\) of at least"):
        no_reference_scores(torch.rand(2, 1, 20, 20))
