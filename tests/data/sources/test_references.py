"""Clean pictures of the same person: never the picture itself, anew in every epoch, the same in every run."""

import numpy as np
import pytest
import torch

from facequal.data.datamodule import FaceDataModule
from facequal.data.errors import DatasetError
from facequal.data.protocols.restoration import RestorationSet
from facequal.data.sources.references import OtherImages, ReferencedFaces, require_same_size
from facequal.data.views import training_views
from tests.sources import ArraySource, people

SOURCE = ArraySource([2, 0, 1, 0, 2, 0, 2, -1, -1])


def drawn(faces: ReferencedFaces, index: int) -> list[int]:
    """Which images of the source the references are."""
    item = faces[index]
    return [int((SOURCE.images == image).all(3).all(2).all(1).nonzero()[0, 0]) for image in item["references"]]


def test_others_of_an_identity():
    others = OtherImages(SOURCE.labels)
    assert [others.of(index).tolist() for index in range(9)] == [
        [4, 6],
        [3, 5],
        [],
        [1, 5],
        [0, 6],
        [1, 3],
        [0, 4],
        [],
        [],
    ]


def test_references_are_others_and_change_with_the_epoch():
    faces = ReferencedFaces(SOURCE, 3, seed=1)
    seen: dict[int, set[int]] = {0: set(), 3: set()}
    epochs = []
    for epoch in range(6):
        faces.epoch.fill_(epoch)
        for index, positions in seen.items():
            positions.update(drawn(faces, index))
        epochs.append(drawn(faces, 0))
        assert epochs[-1] == drawn(at_epoch(epoch), 0)
    assert seen == {0: {4, 6}, 3: {1, 5}}
    assert len({tuple(positions) for positions in epochs}) > 1
    item = faces[0]
    assert torch.equal(item["image"], SOURCE.images[0])
    assert (item["references"].shape, item["num_references"]) == ((3, 3, 16, 16), 3)


def at_epoch(epoch: int) -> ReferencedFaces:
    faces = ReferencedFaces(SOURCE, 3, seed=1)
    faces.epoch.fill_(epoch)
    return faces


@pytest.mark.parametrize("index", [2, 7])
def test_people_without_another_image(index):
    item = ReferencedFaces(SOURCE, 2)[index]
    assert item["num_references"] == 0
    assert torch.equal(item["references"], torch.zeros(2, 3, 16, 16, dtype=torch.uint8))


def test_batches_have_them():
    module = FaceDataModule(train=people(3, 4), num_references=2, batch_size=6, seed=5)
    batch = module.on_after_batch_transfer(next(iter(module.train_dataloader())), 0)
    assert batch["references"].shape == (6, 2, 3, 16, 16)
    assert batch["references"].dtype == torch.float32
    assert batch["num_references"].tolist() == [2] * 6
    assert float(batch["references"].max()) <= 1.0
    alone = {"image": torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "index": torch.zeros(1, dtype=torch.int64)}
    assert "references" not in training_views(alone, seed=0, epoch=0)
    with pytest.raises(ValueError, match="num_references must be at least 1, got -1"):
        FaceDataModule(train=people(3, 4), num_references=-1)


def test_tests_have_the_same_ones_always():
    faces = people(4, 6, size_px=24)
    protocol = RestorationSet(faces, "Test-N", num_images=4, num_references=3)
    assert [positions.tolist() for positions in protocol.references] == [
        [2, 3, 4],
        [8, 9, 10],
        [14, 15, 16],
        [20, 21, 22],
    ]
    assert protocol.gallery.tolist() == [1, 7, 13, 19]
    item = protocol.images[9]
    assert torch.equal(item["references"], torch.stack([faces[i]["image"] for i in (8, 9, 10)]))
    batch = {key: torch.as_tensor(np.array([item[key]])) for key in ("label", "index", "num_references")}
    views = protocol.views({**batch, "image": item["image"][None], "references": item["references"][None]}, [])
    assert views["references"].shape == (1, 3, 3, 24, 24)
    few = RestorationSet(people(4, 3, size_px=24), "Test-N", num_images=4, num_references=3)
    assert few.images[0]["num_references"] == 1
    with pytest.raises(ValueError, match="Test-N: num_references must be at least 0, got -1"):
        RestorationSet(faces, "Test-N", num_images=4, num_references=-1)


def test_two_sizes_are_named() -> None:
    image = torch.zeros(3, 8, 9, dtype=torch.uint8)
    require_same_size("a.png", image, "b.png", image + 1)
    message = r"^a\.png: 8x9 pixels \(height x width\), but b\.png has 4x9: give the source a size_px$"
    with pytest.raises(DatasetError, match=message):
        require_same_size("a.png", image, "b.png", image[:, :4])
