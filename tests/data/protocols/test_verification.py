from pathlib import Path

import cv2
import numpy as np
import pytest

from facequal.data.protocols.verification import FolderPairs, HeldOutPairs, PairsBin, PairsFile, ProceduralPairs
from facequal.data.sources.splits import IdentitySubset
from tests.data.protocols.binfiles import write_bin
from tests.sources import people


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for person in ("Anna_A", "Ben_B", "Carla_C"):
        (tmp_path / person).mkdir()
        for number in range(1, 6):
            image = generator.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / person / f"{person}_{number:04d}.png"), image)
    return tmp_path


def test_pairs_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pairs = tmp_path_factory.mktemp("pairs") / "pairs.txt"
    pairs.write_text("2\t1\nAnna_A\t1\t2\nAnna_A\t1\tBen_B\t1\nBen_B\t2\t3\nBen_B\t1\tCarla_C\t5\n")
    protocol = PairsFile("lfw", str(pairs), str(folder), size_px=32)
    (pair_list,) = protocol.pair_lists
    assert (pair_list.name, pair_list.folds, protocol.rule) == ("lfw", 2, "grid")
    assert pair_list.is_same.tolist() == [True, False, True, False]
    assert protocol.images[0]["image"].shape == (3, 32, 32)


def test_pairs_bin(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bin") / "cfp_fp.bin"
    encoded = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    write_bin(path, encoded[:4], [True, False])
    protocol = PairsBin(str(path), size_px=40)
    assert protocol.name == "cfp_fp"
    assert protocol.pair_lists[0].is_same.tolist() == [True, False]
    assert len(protocol.images) == 4


def test_folder_pairs_takes_as_many_as_there_are(folder: Path) -> None:
    # 3 people with 5 images: 30 pairs of the same person, 75 of different ones.
    (pair_list,) = FolderPairs("own", str(folder), size_px=40).pair_lists
    assert len(pair_list.pairs) == 60
    assert len(FolderPairs("own", str(folder), num_pairs=20, size_px=40).pair_lists[0].pairs) == 20
    with pytest.raises(ValueError, match="the images allow 30 of the same person"):
        _ = FolderPairs("own", str(folder), num_pairs=80, size_px=40).pair_lists


def test_procedural_lists_share_their_images() -> None:
    protocol = ProceduralPairs(num_identities=12, images_per_identity=3, num_pairs=20, size_px=32)
    other, mixed = protocol.pair_lists
    assert (other.name, mixed.name) == ("procedural/other-family", "procedural/mixed")
    assert other.images is mixed.images is protocol.images
    faces = protocol.faces
    same_family = faces.families[other.pairs[:, 0]] == faces.families[other.pairs[:, 1]]
    assert not same_family[~other.is_same].any()
    assert (faces.labels[other.pairs[:, 0]] == faces.labels[other.pairs[:, 1]]).tolist() == other.is_same.tolist()


def test_held_out_pairs() -> None:
    subset = IdentitySubset(people(8, 6), [1, 4, 6])
    (pair_list,) = HeldOutPairs(subset, 20, seed=0).pair_lists
    assert (subset.labels[pair_list.pairs[:, 0]] == subset.labels[pair_list.pairs[:, 1]]).tolist() == (
        pair_list.is_same.tolist()
    )
