import pickle
import struct

import numpy as np
import pytest
import torch

from facequal.data.errors import ForeignPickleError, ImageReadError, PairsError
from facequal.data.protocols.pairs import VerificationPairs, read_bin, read_pairs_txt
from facequal.data.source import require_source
from facequal.data.sources.datasets import FolderDataset
from tests.data.pictures import PIXELS, pixels, png, write_tree
from tests.data.protocols.binfiles import write_bin

IMAGES = [png(number) for number in range(6)]
# image 0 is in two pairs, image 3 in two
USED = [0, 1, 0, 2, 3, 4, 3, 5]
IS_SAME = [True, False, True, False]


def check(verification: VerificationPairs) -> None:
    assert len(verification) == 4
    assert verification.is_same.tolist() == IS_SAME
    assert verification.is_same.dtype == np.bool_
    assert verification.pairs.dtype == np.int64
    assert len(verification.images) == 6
    for position, number in zip(verification.pairs.reshape(-1), USED, strict=True):
        np.testing.assert_array_equal(pixels(verification.images, position), PIXELS[number])


def python_2_pickle() -> bytes:
    """([8 str], [4 bool]) as Python 2 writes it with protocol 2."""
    strings = b"".join(b"T" + struct.pack("<i", len(IMAGES[number])) + IMAGES[number] for number in USED)
    bools = b"".join(b"\x88" if same else b"\x89" for same in IS_SAME)
    return b"\x80\x02](" + strings + b"e](" + bools + b"e\x86."


ARRAYS = [np.frombuffer(IMAGES[number], np.uint8) for number in USED]
FLAVOURS = {
    "python 2": python_2_pickle(),
    "bytes": pickle.dumps(([IMAGES[number] for number in USED], IS_SAME), 4),
    "arrays": pickle.dumps((ARRAYS, IS_SAME), 4),
    "columns": pickle.dumps(([array[:, None] for array in ARRAYS], IS_SAME), 4),
    "protocol 5": pickle.dumps((ARRAYS, IS_SAME), 5),
    "numpy bools": pickle.dumps((ARRAYS, [np.bool_(same) for same in IS_SAME]), 4),
    "array of bools": pickle.dumps((ARRAYS, np.array(IS_SAME)), 4),
    "integers": pickle.dumps((ARRAYS, [int(same) for same in IS_SAME]), 2),
    "tuples": pickle.dumps((tuple(ARRAYS), tuple(IS_SAME)), 4),
    "list at the top": pickle.dumps([ARRAYS, IS_SAME], 4),
}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_bin_of_every_flavour(tmp_path, flavour):
    path = tmp_path / "lfw.bin"
    path.write_bytes(FLAVOURS[flavour])
    verification = read_bin(path, size_px=None)
    check(verification)
    assert verification.name == "lfw"
    assert verification.images.labels.tolist() == [-1] * 6
    assert verification.images.num_classes == 0
    assert verification.images[0]["label"] == -1
    assert verification.images.describe(3) == f"{path}: image 4"
    assert verification.folds == 4
    assert require_source(verification.images, "test") is verification.images


def test_bin_with_name_size_and_folds(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(FLAVOURS["bytes"])
    verification = read_bin(path, name="mine", folds=2)
    assert (verification.name, verification.folds) == ("mine", 2)
    assert verification.images[0]["image"].shape == (3, 112, 112)
    assert verification.images[0]["image"].dtype == torch.uint8


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((IMAGES[:2],), "expected a pair \\(images, is_same\\), got tuple of 1"),
        (b"abc", "expected a pair .*, got bytes of 3"),
        ((b"ab", [True]), "the images are bytes of 2, expected a list"),
        ((IMAGES[:3], [True]), "3 images for 1 pairs, expected two for each"),
        ((IMAGES[:2], [True, False]), "2 images for 2 pairs"),
        (([], []), "0 images for 0 pairs"),
        (([IMAGES[0], b""], [True]), "image 1 is bytes of 0, expected an encoded image"),
        (([IMAGES[0], 5], [True]), "image 1 is int, expected"),
        (([IMAGES[0], np.zeros(3, np.int32)], [True]), r"image 1 is an array of int32 \(3,\)"),
        ((IMAGES[:2], b"\1"), "is_same is bytes of 1, expected a list of bools"),
        ((IMAGES[:2], [2]), "is_same of pair 0 is 2, expected True or False"),
        ((IMAGES[:2], [b"1"]), "is_same of pair 0 is b'1'"),
        ((IMAGES[:2], np.array([[True]])), r"is_same of pair 0 is \[True\]"),
        ((IMAGES[:2], np.array(True)), "is_same is an array of bool"),
    ],
)
def test_bin_that_holds_something_else(tmp_path, value, message):
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps(value, 4))
    with pytest.raises(PairsError, match=rf"x\.bin: {message}"):
        read_bin(path)


def test_foreign_bin_names_file_and_class(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps(([torch.Size([1])], [True]), 4))
    with pytest.raises(ForeignPickleError, match=r"x\.bin: .*it asks for torch\.Size"):
        read_bin(path)


def test_corrupt_image_of_a_bin_names_its_place(tmp_path):
    write_bin(tmp_path / "x.bin", [IMAGES[0], IMAGES[0], IMAGES[1], b"nonsense"], [True, False])
    verification = read_bin(tmp_path / "x.bin")
    with pytest.raises(ImageReadError, match=r"x\.bin: image 3: not an image of a known format"):
        verification.images[2]


def write_list(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def people(tmp_path):
    return write_tree(
        tmp_path / "people",
        [
            "Ann/Ann_0001.png",
            "Ann/Ann_0002.jpg",
            "Bo/Bo_0001.PNG",
            "Bo/Bo_0012.jpeg",
            "Cy Z/Cy Z_0001.png",
            "Cy Z/x.txt",
        ],
    )


def test_pairs_txt(tmp_path, people):
    path = write_list(tmp_path / "pairs.txt", "2\t1\nAnn\t1\t2\nAnn\t1\tBo\t1\nBo\t1\t12\nBo\t12\tCy Z\t1\n")
    verification = read_pairs_txt(path, people, size_px=None)
    assert verification.name == "pairs"
    assert verification.folds == 2
    assert verification.is_same.tolist() == [True, False, True, False]
    assert len(verification.images) == 5
    for position, number in zip(verification.pairs.reshape(-1), [0, 1, 0, 2, 2, 3, 3, 4], strict=True):
        np.testing.assert_array_equal(pixels(verification.images, position), PIXELS[number])
    assert verification.images.classes == ["Ann", "Bo", "Cy Z"]
    assert verification.images.labels.tolist() == [0, 0, 1, 1, 2]
    assert verification.images.describe(3) == f"{people / 'Bo' / 'Bo_0012.jpeg'} ({path}: line 4)"


def test_pairs_txt_with_other_extensions(tmp_path, people):
    (people / "Ann" / "Ann_0001.jpg").write_bytes(IMAGES[3])
    path = write_list(tmp_path / "pairs.txt", "Ann 1 2\n")
    verification = read_pairs_txt(path, people, size_px=None, extensions=[".jpg"])
    np.testing.assert_array_equal(pixels(verification.images, 0), PIXELS[3])


def test_missing_and_binary_lists(tmp_path, people):
    with pytest.raises(PairsError, match=r"none\.txt: No such file"):
        read_pairs_txt(tmp_path / "none.txt", people)
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PairsError, match=r"x\.txt: .*decode"):
        read_pairs_txt(tmp_path / "x.txt", people)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": np.zeros((4, 2), np.int32)}, r"pairs are int64 \(P, 2\), got int32 \(4, 2\)"),
        ({"pairs": np.zeros((4, 3), np.int64)}, r"pairs are int64 \(P, 2\), got int64 \(4, 3\)"),
        ({"is_same": np.zeros(3, np.bool_)}, r"is_same is bool \(4,\), got bool \(3,\)"),
        ({"is_same": np.zeros(4, np.int64)}, r"is_same is bool \(4,\), got int64 \(4,\)"),
        ({"folds": 5}, "5 folds of 4 pairs"),
        ({"folds": 0}, "0 folds of 4 pairs"),
        ({"pairs": np.full((4, 2), 5)}, "pairs of the images 5 to 5, there are 5"),
        ({"pairs": np.full((4, 2), -1)}, "pairs of the images -1 to -1"),
        ({"pairs": np.zeros((0, 2), np.int64), "is_same": np.zeros(0, np.bool_)}, "10 folds of 0 pairs"),
    ],
)
def test_verification_pairs_are_checked(people, changes, message):
    (people / "Cy Z" / "x.txt").unlink()
    fields = {"pairs": np.zeros((4, 2), np.int64), "is_same": np.zeros(4, np.bool_)}
    if "pairs" not in changes or len(changes["pairs"]):
        fields["folds"] = 2
    with pytest.raises(PairsError, match=f"mine: {message}"):
        VerificationPairs("mine", FolderDataset(people), **(fields | changes))
