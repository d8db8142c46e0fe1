import os

import numpy as np
import pytest

from facequal.data.sources.recordio import RecordReader
from facequal.data.sources.recordio.format import HeaderLayout
from facequal.data.sources.recordio.labels import gather_labels
from tests.data.sources.recordio.recordfiles import LABELS, PAYLOADS, frames_of, write_frames, write_set


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.rec"


@pytest.mark.parametrize("layout", HeaderLayout)
def test_labels_of_every_layout_and_what_is_no_record(path, layout):
    frames = frames_of([3.0, [4.0, 1.0], 5.0], PAYLOADS[:3], fields=layout.fields.format, item=layout.vector_item)
    write_frames(path, frames)
    starts = np.cumsum([0, *map(len, frames)])
    offsets = np.array([*starts[:3], 4, starts[3], -4, 2], dtype=np.int64)
    labels, bad = gather_labels(path, offsets, layout)
    assert labels[:3].tolist() == [3, 4, 5]
    assert bad.tolist() == [False] * 3 + [True] * 4


def test_labels_are_kept_until_the_set_changes(path):
    reader = RecordReader(write_set(path, LABELS, PAYLOADS))
    cache = path.with_name("train.rec.labels.npy")
    assert reader.labels().tolist() == [0, 0, 1, 1, 1, 2]
    assert cache.is_file()
    assert [entry.name for entry in path.parent.iterdir() if "partial" in entry.name] == []
    stored = np.load(cache)
    stored[-1] = 9  # to see where the labels come from
    np.save(cache, stored)
    assert RecordReader(path).labels().tolist() == [0, 0, 1, 1, 1, 9]
    write_set(path, [0.0, *LABELS[:5]], PAYLOADS)  # of another size: it has one vector label more or less
    assert RecordReader(path).labels().tolist() == [0, 0, 0, 1, 1, 1]
    cache.write_bytes(b"not an array")
    assert RecordReader(path).labels().tolist() == [0, 0, 0, 1, 1, 1]
    np.save(cache, np.zeros(3, np.float32))
    assert RecordReader(path).labels().tolist() == [0, 0, 0, 1, 1, 1]


def test_labels_are_not_kept_after_a_change_of_the_same_size(path):
    write_set(path, [0.0, 0.0, 1.0], PAYLOADS[:3])
    assert RecordReader(path).labels().tolist() == [0, 0, 1]
    status = path.stat()
    write_set(path, [0.0, 1.0, 1.0], PAYLOADS[:3])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert path.stat().st_size == status.st_size
    assert RecordReader(path).labels().tolist() == [0, 1, 1]


def test_labels_without_permission_to_keep_them(path, monkeypatch):
    write_set(path, LABELS, PAYLOADS)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(np, "save", refuse)
    assert RecordReader(path).labels().tolist() == [0, 0, 1, 1, 1, 2]
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["train.idx", "train.rec"]


def test_labels_need_no_images(path):
    reader = RecordReader(write_set(path, LABELS, [b"not an image"] * 6))
    assert reader.labels().tolist() == [0, 0, 1, 1, 1, 2]


def test_many_labels_are_gathered_in_chunks(path, monkeypatch):
    monkeypatch.setattr("facequal.data.sources.recordio.labels._CHUNK", 4)
    reader = RecordReader(write_set(path, LABELS, PAYLOADS))
    assert reader.labels().tolist() == [0, 0, 1, 1, 1, 2]
