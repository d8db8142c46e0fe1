import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facequal.data.protocols.restoration import RepeatedImages, RestorationSet
from facequal.data.source import require_source
from facequal.data.sources.augmentation import AlbumentationsDataset
from facequal.data.sources.datasets import ImageFolder
from facequal.data.sources.images import encode_png
from facequal.data.sources.references import ReferencedFaces
from facequal.data.sources.scores import ScoredSource
from facequal.data.sources.splits import IdentitySubset, SampledFaces
from facequal.data.sources.wrapped import WrappedSource, epoch_cell
from tests.sources import ArraySource, with_families

FAMILY_OF_PERSON = [7, 7, 3, 3]


def source() -> ArraySource:
    return with_families(ArraySource([0, 1, 2, 3, 3, 2, 1, 0]), FAMILY_OF_PERSON)


@pytest.fixture
def wrapped(tmp_path: Path) -> dict[str, tuple[Any, list[int]]]:
    """Every kind of source that is made from another one, and the positions that it shows."""
    everything = list(range(8))
    np.save(tmp_path / "scores.npy", np.zeros(8))
    sampled = SampledFaces(source(), 5, seed=1)
    return {
        "all": (WrappedSource(source()), everything),
        "some": (WrappedSource(source(), np.array([6, 6, 1])), [6, 6, 1]),
        "subset": (IdentitySubset(source(), [2, 0]), [0, 2, 5, 7]),
        "sampled": (sampled, sampled.positions.tolist()),
        "scored": (ScoredSource(source(), tmp_path / "scores.npy"), everything),
        "augmented": (AlbumentationsDataset(source(), [], seed=0), everything),
        "referenced": (ReferencedFaces(source(), 1), everything),
        "repeated": (RepeatedImages(source(), np.array([4, 1]), 2), [4, 4, 1, 1]),
    }


KINDS = ["all", "some", "subset", "sampled", "scored", "augmented", "referenced", "repeated"]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_known_about_an_image_goes_with_it(kind: str, wrapped: dict[str, tuple[Any, list[int]]]) -> None:
    faces, positions = wrapped[kind]
    original = source()
    assert require_source(faces, kind) is faces
    assert len(faces) == len(positions)
    assert faces.families.tolist() == original.families[positions].tolist()
    for index, position in enumerate(positions):
        item = faces[index]
        assert torch.equal(item["image"], original.images[position])
        assert (item["index"], item["label"]) == (index, int(faces.labels[index]))
        assert faces.classes[item["label"]] == f"person{original.labels[position]}"
        assert faces.describe(index) == f"image {position}"
        assert faces.name(index) == f"{index:06d}"  # the source has no names
    assert faces.num_classes == len(faces.classes)


def test_what_the_source_lacks_is_not_made_up() -> None:
    assert not hasattr(WrappedSource(ArraySource([0, 1])), "families")
    assert not hasattr(WrappedSource(ArraySource([0, 1])), "size_px")


def test_names_and_sizes_of_a_folder(tmp_path: Path) -> None:
    for number in range(4):
        encode_png(tmp_path / f"{number}.png", np.full((4, 4 + number, 3), number, dtype=np.uint8))
    sampled = SampledFaces(ImageFolder(tmp_path, size_px=None), 2, seed=0)
    assert sampled.size_px is None
    assert [sampled.name(index) for index in range(2)] == [f"{position}.png" for position in sampled.positions]


@pytest.mark.parametrize("kind", KINDS)
def test_workers_get_a_copy_of_all(kind: str, wrapped: dict[str, tuple[Any, list[int]]]) -> None:
    faces, _ = wrapped[kind]
    copy = pickle.loads(pickle.dumps(faces))
    assert copy.families.tolist() == faces.families.tolist()
    assert torch.equal(copy[1]["image"], faces[1]["image"])


def test_a_test_set_knows_the_families_of_its_pictures() -> None:
    protocol = RestorationSet(with_families(ArraySource([0, 1], size_px=32), [5, 9]), "Test-N", num_images=2)
    assert protocol.images.families.tolist() == [5] * 6 + [9] * 6  # type: ignore[attr-defined]


def test_an_epoch_cell_is_shared() -> None:
    cell = epoch_cell()
    assert (cell.item(), cell.dtype, cell.ndim, cell.is_shared()) == (0, torch.int64, 0, True)
