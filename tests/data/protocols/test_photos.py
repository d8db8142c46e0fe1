from pathlib import Path

import numpy as np
import pytest
import torch

from facequal.data.errors import DatasetError
from facequal.data.protocols.photos import RealPhotos, ReferencedPhotos
from facequal.data.sources.images import encode_png


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Photos of Ann, Bo and Cy, and clean pictures of Bo (three), Ann (one) and somebody else."""
    names = ["photos/Ann/1", "photos/Bo/1", "photos/Bo/2", "photos/Cy/1"]
    names += ["clean/Ann/1", "clean/Bo/1", "clean/Bo/2", "clean/Bo/3", "clean/Dee/1"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        encode_png(tmp_path / f"{name}.png", np.full((8, 8, 3), number, dtype=np.uint8))
    return str(tmp_path / "photos"), str(tmp_path / "clean")


def colours(images: torch.Tensor) -> list[int]:
    return images.amax((1, 2, 3)).tolist()


def test_references_are_the_first_pictures_of_the_person(folders: tuple[str, str]) -> None:
    photos = ReferencedPhotos(*folders, num_references=2)
    assert [colours(photos[index]["references"]) for index in range(4)] == [[4, 0], [5, 6], [5, 6], [0, 0]]
    assert [photos[index]["num_references"] for index in range(4)] == [1, 2, 2, 0]
    assert [colours(photos[index]["image"][None])[0] for index in range(4)] == [0, 1, 2, 3]
    assert photos.clean_labels.tolist() == [0, 1, 1, 1, -1]
    assert photos.name(2) == "Bo/2.png"
    assert photos.describe(2) == f"{folders[0]}/Bo/2.png"
    assert photos.classes == ["Ann", "Bo", "Cy"]


def test_a_photo_is_no_reference_of_itself(folders: tuple[str, str]) -> None:
    photos = ReferencedPhotos(folders[1], folders[1], num_references=3)
    assert colours(photos[2]["references"]) == [5, 7, 0]


def test_references_of_another_size(folders: tuple[str, str]) -> None:
    encode_png(Path(folders[1]) / "Ann" / "1.png", np.zeros((6, 9, 3), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"clean/Ann/1\.png: 6x9 pixels .* but .*photos/Ann/1\.png has 8x8"):
        ReferencedPhotos(*folders)[0]
    assert ReferencedPhotos(*folders, size_px=8)[0]["num_references"] == 1


def test_likeness_is_judged_by_the_other_pictures(folders: tuple[str, str]) -> None:
    assert RealPhotos("mine", *folders, size_px=8).reference_labels.tolist() == [0, 1, 1, 1, -1]
    with_help = RealPhotos("mine", *folders, size_px=8, num_references=2)
    assert with_help.reference_labels.tolist() == [-1, -1, -1, 1, -1]
    alone = RealPhotos("mine", folders[0], size_px=8)
    assert alone.references is None
    assert len(alone.reference_labels) == 0
    assert [path.name for path in with_help.paths + alone.paths] == ["photos", "clean", "photos"]


def test_views_have_no_clean_image(folders: tuple[str, str]) -> None:
    protocol = RealPhotos("mine", *folders, size_px=8, num_references=2)
    item = protocol.images[1]
    batch = {"image": item["image"][None], "label": torch.tensor([1]), "index": torch.tensor([1])}
    batch |= {"references": item["references"][None], "num_references": torch.tensor([2])}
    views = protocol.views(batch, [7])
    assert views.keys() == {"lq", "label", "index", "references", "num_references"}
    assert torch.equal(views["lq"], item["image"][None] / 255)
    assert torch.equal(views["references"], item["references"][None] / 255)


def test_errors(folders: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="num_references must be at least 1, got 0"):
        ReferencedPhotos(*folders, num_references=0)
    for settings in ({"num_references": -1}, {"references": None, "num_references": 1}):
        with pytest.raises(ValueError, match=r"mine: num_references=-?1 needs a folder of references, or is negative"):
            RealPhotos("mine", folders[0], **{"references": folders[1], **settings})
    others = Path(folders[0]).parent / "others"
    (others / "Eve").mkdir(parents=True)
    encode_png(others / "Eve" / "1.png", np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"others: no person of .*photos is there: do the names agree\?"):
        ReferencedPhotos(folders[0], str(others))
