import numpy as np
import pytest

from facequal.data.errors import ImageReadError
from facequal.data.sources.encoded import FileImages, MemoryImages, RecordImages
from facequal.data.sources.recordio import RecordReader, write_record_set


def test_images_of_a_list_name_its_line(tmp_path):
    images = FileImages(tmp_path, ["a.png", str(tmp_path / "b.png")], [2, 5], "faces.csv")
    assert images.name(0) == "a.png"
    assert images.path(1) == str(tmp_path / "b.png")
    with pytest.raises(ImageReadError, match=r"b\.png \(faces\.csv: line 5\): No such file"):
        images.read(1)


def test_images_of_records(tmp_path):
    write_record_set([(0, b"first"), (1, b"second")], tmp_path / "a.rec")
    images = RecordImages(RecordReader(tmp_path / "a.rec"))
    assert (len(images), images.read(1)) == (2, b"second")
    assert images.describe(0).startswith(f"{tmp_path}/a.rec: record key 1 at offset ")


def test_memory_images_give_back_their_bytes():
    blobs = [b"a", b"bcd", b"", b"ef"]
    images = MemoryImages(blobs, "x.bin", np.array([0, 2, 5, 6]))
    assert [images.read(index) for index in range(4)] == blobs
    assert images.describe(2) == "x.bin: image 5"


def test_file_images_keep_any_name(tmp_path):
    names = ["plain.png", "sp ace/é ü.png", b"latin-\xe9.png".decode("utf-8", "surrogateescape")]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    images = FileImages(tmp_path, names)
    assert [images.read(index).decode("utf-8", "surrogateescape") for index in range(3)] == names
