import sys
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facequal.degradations import Keys, SensorNoise
from facequal.evaluation.baselines import (
    BM3D,
    CLAHE,
    GainNormalisation,
    HistogramEqualisation,
    NonLocalMeans,
    noise_level,
)
from facequal.evaluation.settings import RestorationSettings
from tests.degradations.pictures import pictures

BASELINES = [GainNormalisation(), HistogramEqualisation(), HistogramEqualisation("rgb"), CLAHE(), NonLocalMeans()]


def uint8(images: torch.Tensor) -> np.ndarray:
    return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_pictures_stay_pictures(baseline):
    images = pictures(3, 24, 30) * 0.3
    before = images.clone()
    restored = baseline(images)
    assert torch.equal(images, before)
    assert restored.shape == images.shape
    assert restored.dtype == torch.float32
    assert 0.0 <= float(restored.min()) <= float(restored.max()) <= 1.0
    assert not torch.equal(restored, images)
    assert torch.equal(baseline(images[1:2])[0], restored[1])
    assert baseline(images[:0]).shape == (0, 3, 24, 30)


def test_a_gain_brings_the_mean_to_that_of_a_face():
    images = torch.rand(4, 3, 16, 16) * torch.tensor([0.02, 0.2, 0.5, 0.8])[:, None, None, None]
    restored = GainNormalisation(0.25)(images)
    torch.testing.assert_close(restored.mean((1, 2, 3)), torch.full((4,), 0.25), atol=1e-4, rtol=0)
    torch.testing.assert_close(restored[0] / images[0], torch.full_like(images[0], 0.25) / images[0].mean())
    assert float(GainNormalisation()(torch.zeros(1, 3, 4, 4)).max()) == 0.0
    with pytest.raises(ValueError, match=r"mean must be in \(0, 1\], got 0"):
        GainNormalisation(0)


def test_histograms_are_equalised_as_opencv_does():
    images = pictures(2, 32, 32) * 0.2
    for picture, rgb, y in zip(
        uint8(images), uint8(HistogramEqualisation("rgb")(images)), uint8(HistogramEqualisation()(images)), strict=True
    ):
        for channel in range(3):
            np.testing.assert_array_equal(
                rgb[..., channel], cv2.equalizeHist(np.ascontiguousarray(picture[..., channel]))
            )
        luma = [cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 0] for image in (picture, y)]
        assert luma[0].max() < 80
        assert luma[1].max() > 200
    with pytest.raises(ValueError, match="channels must be 'y' or 'rgb', got 'hsv'"):
        HistogramEqualisation("hsv")


def test_non_local_means_takes_noise_away():
    clean = F.avg_pool2d(pictures(2, 52, 52), 5, stride=1)  # which have noise of their own
    noisy = (clean + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    denoised = NonLocalMeans(15)(noisy)
    assert float((denoised - clean).square().mean()) < 0.85 * float((noisy - clean).square().mean())


def test_the_noise_level_is_found():
    picture = pictures(1, 200, 201)[0].permute(1, 2, 0).double().numpy()
    noise = np.random.default_rng(0).standard_normal(picture.shape)
    # the pictures have noise of their own, .03
    assert noise_level(picture * 0 + 0.5 + 0.1 * noise) == pytest.approx(0.1, rel=0.02)
    assert noise_level(picture + 0.1 * noise) == pytest.approx((0.1**2 + 0.03**2) ** 0.5, rel=0.05)
    assert noise_level(picture * 0) == 1e-3


def test_the_noise_level_of_a_camera_is_found():
    """Whose demosaic has filled in two of three values."""
    flat = torch.full((4, 3, 128, 128), 0.5)
    noisy, _ = SensorNoise((0.1, 0.1), (0.05, 0.05))(flat, Keys(torch.arange(4)))
    for picture in noisy.permute(0, 2, 3, 1).double().numpy():
        assert noise_level(picture) == pytest.approx(picture.std(axis=(0, 1)).mean(), rel=0.3)


def test_clahe_is_opencvs_on_the_lightness():
    images = pictures(2, 32, 40) * 0.4
    for picture, restored in zip(uint8(images), uint8(CLAHE(2.0, 4)(images)), strict=True):
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(2.0, (4, 4)).apply(np.ascontiguousarray(lab[..., 0]))
        assert np.array_equal(restored, cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def test_names_tell_settings_apart():
    baselines = [CLAHE(), CLAHE(2.0), NonLocalMeans(), NonLocalMeans(5.0), GainNormalisation(), GainNormalisation(0.3)]
    assert len({baseline.name for baseline in baselines}) == 6
    with pytest.raises(ValueError, match=r"baselines need names of their own, got CLAHE, CLAHE"):
        RestorationSettings(baselines=[CLAHE(), CLAHE()])


def test_bm3d_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(ImportError, match=r"pip install 'facequal\[bm3d\]'"):
        BM3D()
    package = ModuleType("bm3d")
    package.bm3d_rgb = lambda picture, sigma: picture + sigma  # what is passed on, and how
    monkeypatch.setitem(sys.modules, "bm3d", package)
    images = pictures(2, 20, 20)
    restored = BM3D()(images)
    levels = [noise_level(image.permute(1, 2, 0).double().numpy()) for image in images]
    expected = images + torch.tensor(levels)[:, None, None, None]
    torch.testing.assert_close(restored, expected.clamp(0, 1), atol=1e-6, rtol=0)
