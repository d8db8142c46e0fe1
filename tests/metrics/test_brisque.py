"""The features against those of OpenCV contrib, the regression against a formula."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from facequal.metrics.brisque import BRISQUEWeights, brisque, brisque_features
from tests.degradations.pictures import pictures

# Features by `cv2.quality.QualityBRISQUE_computeFeatures` of opencv-contrib-python-headless 4.10.0.84, in BGR.
OPENCV = json.loads((Path(__file__).parent / "brisque_features_of_opencv_contrib.json").read_text())


def formula(kind: str, height: int, width: int) -> torch.Tensor:
    y, x, channel = np.mgrid[:height, :width, :3]
    values = (x * x + 3 * y * y) // 9 + x * y * (5 + channel) // 7 + 40 * channel
    if kind == "noisy":
        values = 60 + values % 97 + (x * 7919 + y * 104729) * (channel + 3) % 1009 % 53
    if kind == "smooth":
        values = abs(values // 4 % 256 - 128) * 2
    if kind == "flat":  # on its left
        values = np.where(x < width // 2, 100, values % 256)
    return torch.from_numpy(values.clip(0, 255).astype(np.float32) / 255).permute(2, 0, 1).unsqueeze(0)


@pytest.mark.parametrize("name", OPENCV)
def test_features_are_opencvs(name: str) -> None:
    kind, size = name.split()
    height, width = map(int, size.split("x"))
    np.testing.assert_allclose(brisque_features(formula(kind, height, width))[0], OPENCV[name], rtol=1e-4, atol=1e-6)


def test_one_row_per_picture() -> None:
    images = pictures(4, 21, 34)
    images[1] = 0.4
    features = brisque_features(images.requires_grad_())
    assert (features.shape, features.dtype, features.requires_grad) == ((4, 36), torch.float64, False)
    assert features[1].isnan().all()  # no structure, in this picture alone
    assert features[[0, 2, 3]].isfinite().all()
    torch.testing.assert_close(brisque_features(images[2:3])[0], features[2])


def test_pictures_count_as_saved_with_8_bits() -> None:
    images = pictures(2, 16, 16)
    saved = (images * 255).round() / 255
    assert not torch.equal(images, saved)
    torch.testing.assert_close(brisque_features(images), brisque_features(saved))
    beyond = torch.where(images > 0.5, images + 1, images)
    torch.testing.assert_close(brisque_features(beyond), brisque_features(beyond.clamp(0, 1)))


def test_noise_and_blur_move_the_shape() -> None:
    noise = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)).expand(2, 3, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(noise, 5, 1, 2, count_include_pad=False)
    assert (brisque_features(noise)[:, 0] > brisque_features(blurred)[:, 0]).all()


def test_regression() -> None:
    images, random = pictures(3, 16, 20), np.random.default_rng(0)
    features = brisque_features(images).numpy()
    low, high = features.min(0) - 0.1, features.max(0) + 0.2
    vectors, coefficients = random.uniform(-1, 1, (5, 36)), random.uniform(0, 60, 5)
    tensors = (torch.from_numpy(array) for array in (low, high, vectors, coefficients))
    weights = BRISQUEWeights(*tensors, rho=-3.0, gamma=0.05)
    scaled = -1 + 2 * (features - low) / (high - low)
    expected = [
        sum(c * np.exp(-0.05 * ((x - v) ** 2).sum()) for c, v in zip(coefficients, vectors, strict=True))
        for x in scaled
    ]
    assert 0 < min(expected) < max(expected) < 97
    np.testing.assert_allclose(brisque(images, weights), np.array(expected) + 3.0, rtol=1e-9)


@pytest.mark.parametrize(("rho", "expected"), [(500.0, 0.0), (-500.0, 100.0), (float("nan"), float("nan"))])
def test_scores_lie_between_0_and_100(rho: float, expected: float) -> None:
    one = torch.ones(36, dtype=torch.float64)
    weights = BRISQUEWeights(-one, one, torch.zeros(1, 36).double(), one[:1], rho=rho, gamma=0.05)
    np.testing.assert_equal(brisque(pictures(2, 16, 16), weights).numpy(), [expected] * 2)


def test_what_is_no_picture() -> None:
    assert brisque_features(torch.rand(0, 3, 16, 16)).shape == (0, 36)
    for shape in ((2, 1, 20, 20), (2, 3, 7, 20), (3, 20, 20)):
        with pytest.raises(ValueError, match=r"need RGB pictures \(B,3,H,W\) of at least 8 pixels"):
            brisque_features(torch.rand(shape))
