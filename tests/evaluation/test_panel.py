"""The picture of pairs and decisions."""

from pathlib import Path

import cv2
import numpy as np
import torch

from facequal.evaluation.panel import at_resolution, column_decisions, spread, write_panel
from facequal.metrics.verification import kfold_accuracy
from tests.evaluation.small_pairs import SmallPairs


def embeddings(noise: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    faces = torch.randn(6, 8, generator=generator).repeat_interleave(4, 0)
    return torch.nn.functional.normalize(faces + noise * torch.randn(24, 8, generator=generator))


def test_genuine_pairs_come_first_and_short_lists_are_shown_whole() -> None:
    is_same = np.array([True, False] * 5)
    assert spread(is_same, 5) == [0, 4, 8, 1, 9]
    assert spread(np.array([True, True]), 6) == [0, 1]
    assert spread(np.array([False]), 1) == []


def test_decisions_are_those_of_the_mean_threshold() -> None:
    (pairs,) = SmallPairs("small").pair_lists
    clean, view = embeddings(0.1), embeddings(1.0)
    cosines, threshold, right = column_decisions(pairs, clean, view)
    first, second = pairs.pairs.T
    expected = (clean[first] * view[second]).sum(1).double()
    np.testing.assert_allclose(cosines, expected, atol=1e-6)
    folds = kfold_accuracy(torch.from_numpy(cosines), torch.from_numpy(np.array(pairs.is_same)), 5, "exact")
    assert threshold == 1 - folds.thresholds.mean().item() / 2
    assert right.tolist() == ((cosines > threshold) == pairs.is_same).tolist()


def test_an_image_is_shown_as_it_was_seen() -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8))
    assert torch.equal(at_resolution(image, 16), image)
    small = at_resolution(image, 4)
    assert (small.shape, small.dtype) == (image.shape, torch.uint8)
    assert small.float().std() < image.float().std()


def test_a_row_per_pair(tmp_path: Path) -> None:
    (pairs,) = SmallPairs("small").pair_lists
    views = {4: embeddings(1.0), 16: embeddings(0.1)}
    heights = [cv2.imread(str(write_panel(tmp_path / f"{n}.png", pairs, views, n))).shape[0] for n in (2, 4)]
    assert heights[1] - heights[0] == 2 * 1.5 * 110
