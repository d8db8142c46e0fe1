import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from facequal.data.errors import DatasetError, ImageReadError, RecordError
from facequal.data.source import require_source
from facequal.data.sources.datasets import FaceDataset, FolderDataset, ListDataset, RecordDataset
from facequal.data.sources.encoded import MemoryImages
from facequal.data.sources.images import resize_short
from facequal.data.sources.recordio import write_record_set
from tests.data.pictures import PIXELS, pixels, png, write_tree
from tests.data.sources.recordio.recordfiles import frame, record, write_frames


@pytest.fixture
def folder(tmp_path):
    return write_tree(tmp_path / "people", ["b/2.png", "b/10.PNG", "a/x.png", "Zoë/1.png", "b/1.png"])


def test_folder_is_sorted_by_name_and_counts_its_identities(folder):
    dataset = FolderDataset(folder, size_px=None)
    assert dataset.classes == ["Zoë", "a", "b"]
    assert dataset.num_classes == 3
    assert dataset.labels.tolist() == [0, 1, 2, 2, 2]
    assert dataset.labels.dtype == np.int64
    assert len(dataset) == 5
    for index, number in enumerate([3, 2, 4, 1, 0]):
        np.testing.assert_array_equal(pixels(dataset, index), PIXELS[number])
    assert dataset.describe(3) == str(folder / "b" / "10.PNG")
    assert require_source(dataset, "train") is dataset


def test_items_follow_the_batch_contract(folder):
    dataset = FolderDataset(folder, size_px=8)
    item = dataset[4]
    assert set(item) == {"image", "label", "index"}
    assert item["image"].dtype == torch.uint8
    assert item["image"].shape == (3, 8, 8)
    assert (type(item["label"]), item["label"], type(item["index"]), item["index"]) == (int, 2, int, 4)
    np.testing.assert_array_equal(pixels(dataset, 4), resize_short(PIXELS[0], 8))
    batch = next(iter(DataLoader(dataset, batch_size=5)))
    assert batch["image"].shape == (5, 3, 8, 8)
    assert batch["image"].is_contiguous()
    assert batch["label"].tolist() == [0, 1, 2, 2, 2]
    assert batch["index"].tolist() == [0, 1, 2, 3, 4]


def test_default_size_is_112(folder):
    assert FolderDataset(folder)[0]["image"].shape == (3, 112, 112)


def test_index_out_of_range(folder):
    dataset = FolderDataset(folder)
    for index in (5, -1):
        with pytest.raises(IndexError, match=f"image {index} of 5"):
            dataset[index]
    assert dataset[np.int64(1)]["index"] == 1


def test_workers_read_the_same(folder):
    loader = DataLoader(FolderDataset(folder, size_px=8), batch_size=2, num_workers=1, multiprocessing_context="fork")
    labels = torch.cat([batch["label"] for batch in loader])
    assert labels.tolist() == [0, 1, 2, 2, 2]


def test_folder_with_other_extensions(folder):
    (folder / "b" / "1.face").write_bytes(png(5))
    dataset = FolderDataset(folder, size_px=None, extensions=[".png", ".face"])
    np.testing.assert_array_equal(pixels(dataset, 2), PIXELS[5])


def test_corrupt_image_names_its_path(folder):
    (folder / "a" / "x.png").write_bytes(b"")
    dataset = FolderDataset(folder)
    with pytest.raises(ImageReadError, match=r"people/a/x\.png: zero bytes"):
        dataset[1]
    (folder / "a" / "x.png").unlink()
    with pytest.raises(ImageReadError, match=r"people/a/x\.png: No such file"):
        dataset[1]


@pytest.mark.parametrize("size_px", [0, -1])
def test_size_must_be_positive(folder, size_px):
    with pytest.raises(ValueError, match=f"size_px must be a positive side, .* or None, got {size_px}"):
        FolderDataset(folder, size_px=size_px)


def test_images_and_labels_must_fit():
    images = MemoryImages([png(0)], "x.bin", np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="1 images with 2 labels"):
        FaceDataset(images, np.zeros(2, np.int64), ["a"])


def write_csv(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_list_takes_the_rows_of_a_split(folder):
    path = write_csv(
        folder / "list.csv",
        "path,identity,split",
        "b/2.png,20,train",
        "a/x.png,3,test",
        "Zoë/1.png,100,train",
        "b/1.png,20,train",
        "b/10.PNG,20,train",
    )
    dataset = ListDataset(path, split="train", size_px=None)
    assert dataset.classes == ["100", "20"]
    assert dataset.labels.tolist() == [1, 0, 1, 1]
    for index, number in enumerate([0, 3, 4, 1]):
        np.testing.assert_array_equal(pixels(dataset, index), PIXELS[number])
    assert ListDataset(path).num_classes == 3
    assert dataset.describe(1) == f"{folder / 'Zoë' / '1.png'} ({path}: line 4)"
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(pixels(copy, 2), PIXELS[4])


def test_list_with_another_root_and_column_order(folder, tmp_path):
    path = write_csv(tmp_path / "list.csv", "identity,path", "x,b/2.png", f"y,{folder}/a/x.png")
    dataset = ListDataset(path, root=folder, size_px=None)
    np.testing.assert_array_equal(pixels(dataset, 0), PIXELS[0])
    np.testing.assert_array_equal(pixels(dataset, 1), PIXELS[2])


def test_list_with_a_missing_file_names_the_line(folder):
    path = write_csv(folder / "list.csv", "path,identity", "b/2.png,x", "b/3.png,x")
    with pytest.raises(ImageReadError, match=r"b/3\.png \(.*list\.csv: line 3\): No such file"):
        ListDataset(path)[1]


def test_malformed_list_is_an_error(folder):
    path = write_csv(folder / "list.csv", "path,identity", "b/2.png")
    with pytest.raises(DatasetError, match=r"list\.csv: line 2: expected 2 columns"):
        ListDataset(path)


def test_records_read_as_they_were_written(folder, tmp_path):
    source = FolderDataset(folder, size_px=None)
    for encoded in (False, True):
        path = tmp_path / str(encoded) / "train.rec"
        assert write_record_set(source.by_identity(encoded), path, encoding="png") == 5
        dataset = RecordDataset(path.parent, size_px=None)
        assert dataset.labels.tolist() == source.labels.tolist()
        assert dataset.classes == ["0", "1", "2"]
        for index in range(5):
            np.testing.assert_array_equal(pixels(dataset, index), pixels(source, index))
        assert dataset.images.read(0) == png(3) or not encoded
    assert dataset.describe(1).startswith(f"{path}: record key 2 at offset ")
    assert len(RecordDataset(path)) == 5


def test_records_take_the_size_when_pixels_are_written(folder, tmp_path):
    write_record_set(FolderDataset(folder, size_px=4).by_identity(), tmp_path / "train.rec", encoding="png")
    np.testing.assert_array_equal(pixels(RecordDataset(tmp_path, size_px=None), 0), resize_short(PIXELS[3], 4))


def test_list_is_written_sorted_by_identity(folder, tmp_path):
    path = write_csv(folder / "list.csv", "path,identity", "b/1.png,z", "a/x.png,y", "b/2.png,z")
    write_record_set(ListDataset(path).by_identity(encoded=True), tmp_path / "train.rec")
    dataset = RecordDataset(tmp_path, size_px=None)
    assert dataset.labels.tolist() == [0, 1, 1]
    for index, number in enumerate([2, 4, 0]):
        np.testing.assert_array_equal(pixels(dataset, index), PIXELS[number])


def test_record_labels_with_gaps_are_renumbered(tmp_path):
    frames = [frame(record(label, png(number))) for number, label in enumerate([7.0, 2.0, 7.0])]
    dataset = RecordDataset(write_frames(tmp_path / "train.rec", frames), size_px=None)
    assert dataset.labels.tolist() == [1, 0, 1]
    assert dataset.classes == ["2", "7"]
    assert dataset.num_classes == 2
    np.testing.assert_array_equal(pixels(dataset, 1), PIXELS[1])


def test_corrupt_image_in_a_record_names_key_and_offset(tmp_path):
    frames = [frame(record(0.0, png(0))), frame(record(0.0, png(1)[:80]))]
    dataset = RecordDataset(write_frames(tmp_path / "train.rec", frames))
    with pytest.raises(ImageReadError, match=rf"train\.rec: record key 1 at offset {len(frames[0])}: truncated PNG"):
        dataset[1]


def test_missing_record_set_is_an_error(tmp_path):
    with pytest.raises(RecordError, match=r"train\.rec: no such file"):
        RecordDataset(tmp_path)
