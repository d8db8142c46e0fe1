import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from facequal.metrics.restoration import psnr, ssim
from tests.degradations.pictures import pictures


def noisy(clean: torch.Tensor, sigma: float) -> torch.Tensor:
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))


def eight_bit(images: torch.Tensor) -> np.ndarray:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def luma(image: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr, first channel, 0..255."""
    return image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255 + 16


@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.5])
def test_psnr_equals_opencv_and_numpy(sigma):
    clean = pictures(5, 30, 22)
    restored = noisy(clean, sigma)
    for ours, in_luma, a, b in zip(
        psnr(restored, clean), psnr(restored, clean, "y"), eight_bit(restored), eight_bit(clean), strict=True
    ):
        assert float(ours) == pytest.approx(cv2.PSNR(a, b), abs=1e-6)
        error = ((luma(a) - luma(b)) ** 2).mean()
        assert float(in_luma) == pytest.approx(10 * np.log10(255**2 / error), abs=1e-6)


def test_equal_pictures_after_rounding():
    clean = (pictures(2, 16, 16) * 255).round() / 255
    assert torch.equal(psnr(clean + 1e-3, clean), torch.tensor([torch.inf, torch.inf]).double())
    torch.testing.assert_close(ssim(clean, clean), torch.ones(2).double())


def test_values_beyond_the_range_are_clamped():
    clean = torch.ones(1, 3, 16, 16)
    assert float(psnr(clean + 3, clean)) == torch.inf
    assert float(psnr(clean * 0 - 3, clean)) == 0.0


def reference_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. with SciPy's Gaussian, the picture mirrored about its border."""

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, radius=5, mode="mirror")

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    values = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(values.mean())


@pytest.mark.parametrize("channels", ["rgb", "y"])
def test_ssim_equals_its_formula(channels):
    clean = pictures(3, 40, 48)
    restored = noisy(clean, 0.08)
    for ours, a, b in zip(ssim(restored, clean, channels), eight_bit(restored), eight_bit(clean), strict=True):
        if channels == "y":
            expected = reference_ssim(luma(a) / 255, luma(b) / 255)
        else:
            expected = np.mean([reference_ssim(a[..., c] / 255, b[..., c] / 255) for c in range(3)])
        assert float(ours) == pytest.approx(expected, abs=1e-5)


def test_pictures_do_not_depend_on_their_batch():
    clean = pictures(4, 20, 20)
    restored = noisy(clean, 0.1)
    for measure in (psnr, ssim):
        together = measure(restored, clean)
        for i in range(4):
            torch.testing.assert_close(
                measure(restored[i : i + 1], clean[i : i + 1])[0], together[i], atol=1e-6, rtol=0
            )
        assert measure(restored[:0], clean[:0]).shape == (0,)


def test_wrong_pictures_are_named():
    with pytest.raises(ValueError, match=r"need two batches .* got \(1, 3, 16, 16\), \(1, 3, 16, 18\)"):
        psnr(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 18))
    with pytest.raises(ValueError, match="need two batches of RGB pictures"):
        ssim(torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16))
    with pytest.raises(ValueError, match="window of 11x11 pixels"):
        ssim(torch.rand(1, 3, 10, 16), torch.rand(1, 3, 10, 16))
    with pytest.raises(ValueError, match=r"channels must be one of .* got 'hsv'"):
        psnr(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16), "hsv")
