"""What methods that restore share: pictures and batches, errors, and which batches they take."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from facequal.methods.restoration.base import as_batch, as_picture, require_size, squared_errors, training_psnr
from facequal.methods.restoration.networks import UNet
from facequal.methods.restoration.restorer import Restorer
from facequal.metrics.restoration import psnr


def test_pictures_and_batches_are_inverse() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    batch = as_batch(picture, torch.device("cpu"))
    assert batch.shape == (1, 3, 5, 7)
    assert batch[0, 1, 4, 2] == picture[4, 2, 1] / np.float32(255)
    np.testing.assert_array_equal(as_picture(batch[0]), picture)
    np.testing.assert_array_equal(as_picture(torch.tensor([-1.0, 2.0, 0.4999]).view(3, 1, 1)), [[[0, 255, 127]]])


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4, 3)), r"photo must be uint8 RGB \(H,W,3\), got float64 \(4, 4, 3\)"),
        (np.zeros((4, 4), dtype=np.uint8), r"got uint8 \(4, 4\)"),
        (np.zeros((4, 4, 4), dtype=np.uint8), r"got uint8 \(4, 4, 4\)"),
        (np.zeros((4, 0, 3), dtype=np.uint8), r"got uint8 \(4, 0, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused(picture: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_batch(picture, torch.device("cpu"), "photo")


def test_references_have_the_size_of_the_picture() -> None:
    require_size(torch.zeros(2, 5, 3, 8, 6), torch.zeros(2, 3, 8, 6), "references")
    with pytest.raises(ValueError, match=r"references: 6x8 pixels \(height x width\), but the pictures have 8x6"):
        require_size(torch.zeros(2, 5, 3, 6, 8), torch.zeros(2, 3, 8, 6), "references")


def test_errors_are_means_of_each_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    restored, clean = (torch.rand(3, 3, 12, 11, generator=generator) for _ in range(2))
    expected = [float(((a - b) ** 2).mean()) for a, b in zip(restored.double(), clean.double(), strict=True)]
    assert squared_errors(restored, clean).tolist() == pytest.approx(expected, rel=1e-5)
    assert squared_errors(restored.bfloat16(), clean.bfloat16()).dtype == torch.float32
    # but for the rounding to 8 bits, this is the metric
    beyond = restored * 1.2 - 0.1
    assert float(training_psnr(beyond, clean)) == pytest.approx(float(psnr(beyond, clean).mean()), abs=0.01)
    assert training_psnr(clean.requires_grad_(), clean) == 100  # equal pictures: not infinite, and without gradient
    assert not training_psnr(clean, clean).requires_grad


def test_a_batch_of_pairs_is_refused_and_prediction_takes_pictures_as_they_are() -> None:
    module, images = Restorer(UNet((4, 4, 4))).eval(), torch.rand(2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"Restorer is evaluated on restoration sets .*, not on pairs"):
        module.validation_step({"image": images}, 0)
    outputs = module.predict_step({"image": images, "index": torch.tensor([3, 1])}, 0)
    assert set(outputs) == {"restored", "index"}
    assert torch.equal(outputs["restored"], images)  # a fresh U-Net gives its input


def test_restoring_one_picture_leaves_the_training_as_it_was() -> None:
    module = Restorer(nn.Sequential(nn.Dropout(0.5)))
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(module.restore(picture), picture)
    assert module.training


def test_tiles_larger_than_their_overlap() -> None:
    with pytest.raises(ValueError, match="tile_px=20 must be larger than tile_overlap_px=16"):
        Restorer(UNet((4, 4, 4)), tile_px=20)
