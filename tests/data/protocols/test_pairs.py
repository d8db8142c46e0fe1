import pickle
import struct

import cv2
import numpy as np
import pytest
import torch

from facequal.data.errors import ForeignPickleError, ImageReadError, PairsError
from facequal.data.protocols.pairs import VerificationPairs, read_bin, read_pairs_txt, sample_pairs, write_bin
from facequal.data.source import require_source
from facequal.data.sources.datasets import FolderDataset

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
IMAGES = [cv2.imencode(".png", image[..., ::-1])[1].tobytes() for image in PIXELS]
# image 0 is in two pairs, image 3 in two
USED = [0, 1, 0, 2, 3, 4, 3, 5]
IS_SAME = [True, False, True, False]


def pixels(dataset, index):
    return dataset[int(index)]["image"].permute(1, 2, 0).numpy()


def check(found: VerificationPairs) -> None:
    assert len(found) == 4
    assert found.is_same.tolist() == IS_SAME
    assert found.is_same.dtype == np.bool_
    assert found.pairs.dtype == np.int64
    assert len(found.images) == 6
    for place, number in zip(found.pairs.reshape(-1), USED, strict=True):
        np.testing.assert_array_equal(pixels(found.images, place), PIXELS[number])


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
    found = read_bin(path, size_px=None)
    check(found)
    assert found.name == "lfw"
    assert found.images.labels.tolist() == [-1] * 6
    assert found.images.num_classes == 0
    assert found.images[0]["label"] == -1
    assert found.images.describe(3) == f"{path}: image 4"
    assert found.folds == 4
    assert require_source(found.images, "test") is found.images


def test_bin_with_name_size_and_folds(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(FLAVOURS["bytes"])
    found = read_bin(path, name="mine", folds=2)
    assert (found.name, found.folds) == ("mine", 2)
    assert found.images[0]["image"].shape == (3, 112, 112)
    assert found.images[0]["image"].dtype == torch.uint8


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
    found = read_bin(tmp_path / "x.bin")
    with pytest.raises(ImageReadError, match=r"x\.bin: image 3: not an image of a known format"):
        found.images[2]


def write_people(root, names):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGES[number])
    return root


def write_list(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def people(tmp_path):
    return write_people(
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
    found = read_pairs_txt(path, people, size_px=None)
    assert found.name == "pairs"
    assert found.folds == 2
    assert found.is_same.tolist() == [True, False, True, False]
    assert len(found.images) == 5
    for place, number in zip(found.pairs.reshape(-1), [0, 1, 0, 2, 2, 3, 3, 4], strict=True):
        np.testing.assert_array_equal(pixels(found.images, place), PIXELS[number])
    assert found.images.classes == ["Ann", "Bo", "Cy Z"]
    assert found.images.labels.tolist() == [0, 0, 1, 1, 2]
    assert found.images.describe(3) == f"{people / 'Bo' / 'Bo_0012.jpeg'} ({path}: line 4)"


@pytest.mark.parametrize(
    ("header", "folds"),
    [("2 1\n", 2), ("1 2\n", 1), ("2\n", 4), ("", 4), ("\n\n2\t1  \n", 2), ("\ufeff2 1\n", 2)],
)
def test_headers(tmp_path, people, header, folds):
    lines = "Ann 1 2\nAnn  1   Bo 1\n\nBo 1 12\r\nBo 12 Ann 1\n\n"
    found = read_pairs_txt(write_list(tmp_path / "pairs.txt", header + lines), people)
    assert found.folds == folds
    assert found.is_same.tolist() == [True, False, True, False]
    assert read_pairs_txt(tmp_path / "pairs.txt", people, folds=3).folds == (folds if folds < 3 else 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pairs"),
        ("2 1\n", "no pairs"),
        ("2 1\nAnn 1 2\nAnn 1 Bo 1\n", "line 1: the header promises 2 x 2 x 1 pairs, the file has 2"),
        ("1\nAnn 1 2\n", "line 1: the header promises 1 x 2 x 1 pairs, the file has 1"),
        (
            "2 1\nAnn 1 2\nBo 1 12\nAnn 1 Bo 1\nAnn 2 Bo 1\n",
            "lines 2 to 3: of these 2 pairs 2 are of the same person, the header says 1",
        ),
        ("Ann 1 2\nAnn 1\n", r"line 2: expected `name i j` or `name1 i name2 j`.*got 'Ann 1'"),
        ("Cy Z 1 Ann 1\n", "line 1: expected `name i j`"),
        ("Ann one 2\n", "line 1: image numbers are whole and count from 1, got 'one' and '2'"),
        ("Ann 0 2\n", "line 1: image numbers are whole and count from 1, got '0'"),
        ("Ann -1 2\n", "line 1: image numbers"),
        ("Ann 1 ²\n", "line 1: image numbers"),
        ("Ann 2 2\n", "line 1: image 2 of 'Ann' is paired with itself"),
        ("Ann 1 Ann 2\n", "line 1: two different people are both called 'Ann'"),
        ("../Ann 1 2\n", "line 1: a name that is empty or a path"),
        ("\t1\t2\n", "line 1: a name that is empty or a path"),
        ("Ann 1 2\n\nAnn 1 3\n", r"line 3: no image Ann_0003 in .*people/Ann, which has 2"),
        ("Ann 1 Dee 1\n", r"line 1: no folder .*people/Dee"),
        ("Ann 1 2\nAnn 1 3\nDee 1 2\n", r"line 2: .* \(and 1 more; `facequal check-data` lists them\)"),
    ],
)
def test_wrong_lines_are_errors_with_their_number(tmp_path, people, text, message):
    path = write_list(tmp_path / "pairs.txt", text)
    with pytest.raises(PairsError, match=rf"pairs\.txt: {message}"):
        read_pairs_txt(path, people)


def test_an_image_there_in_two_formats_is_an_error(tmp_path, people):
    (people / "Ann" / "Ann_0001.jpg").write_bytes(IMAGES[0])
    path = write_list(tmp_path / "pairs.txt", "Ann 1 2\n")
    with pytest.raises(PairsError, match=r"line 1: Ann_0001 is there as Ann_0001\.jpg and Ann_0001\.png"):
        read_pairs_txt(path, people)
    assert len(read_pairs_txt(write_list(path, "Bo 1 12\n"), people).images) == 2


def test_pairs_txt_with_other_extensions(tmp_path, people):
    (people / "Ann" / "Ann_0001.jpg").write_bytes(IMAGES[3])
    path = write_list(tmp_path / "pairs.txt", "Ann 1 2\n")
    found = read_pairs_txt(path, people, size_px=None, extensions=[".jpg"])
    np.testing.assert_array_equal(pixels(found.images, 0), PIXELS[3])


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


