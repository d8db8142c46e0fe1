from pathlib import Path

import numpy as np
import pytest
import torch

from facequal.data.datamodule import FaceDataModule
from facequal.data.sources.scores import ScoredSource
from facequal.data.training_set import HeldOut, TrainItems
from tests.sources import people


def write(path: Path, scores: list[float]) -> Path:
    np.save(path, np.array(scores))
    return path


def test_scores_follow_their_images_through_the_split(tmp_path: Path) -> None:
    source = people(6, 6)
    path = write(tmp_path / "scores.npy", [float(value) for value in range(36)])
    datamodule = FaceDataModule(
        train=source, train_items=TrainItems(str(path)), held_out=HeldOut(2, pairs=20), batch_size=24
    )
    (batch,) = datamodule.train_dataloader()
    assert batch["quality"].dtype == torch.float32
    for image, score in zip(batch["image"], batch["quality"], strict=True):
        assert torch.equal(image, source.images[int(score)])


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1.0, 2.0], r"shape \(2,\), the data set has 4"), ([1.0, float("nan"), 2.0, 3.0], "the first is number 1")],
)
def test_wrong_files(tmp_path: Path, scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScoredSource(people(2, 2), write(tmp_path / "scores.npy", scores))
