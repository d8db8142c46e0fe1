import numpy as np
import pytest

from facequal.data.errors import RecordError
from facequal.data.sources.recordio import RecordReader
from facequal.data.sources.recordio.index import read_index, scan_offsets
from tests.data.sources.recordio.recordfiles import LABELS, PAYLOADS, frame, frames_of, record, write_frames, write_set


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.rec"


def test_an_index_is_sorted_by_key(tmp_path):
    (tmp_path / "a.idx").write_text("7\t40\n2\t0\n5\t8")
    keys, offsets = read_index(tmp_path / "a.idx")
    assert (keys.tolist(), offsets.tolist()) == ([2, 5, 7], [0, 8, 40])
    assert keys.dtype == offsets.dtype == np.int64


def test_a_walk_gives_the_offsets_of_the_index(path):
    whole = record(0.0, PAYLOADS[0])
    parts = frame(whole[:40], 1) + frame(whole[44:], 3)
    write_frames(path, [frame(whole), parts, frame(record(1.0, PAYLOADS[1]))])
    assert scan_offsets(path).tolist() == read_index(path.with_suffix(".idx"))[1].tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty index"),
        ("0\t0\n1\tx\n", r"line 2: expected a key and an offset, got '1\\tx'"),
        ("0\t0\n\n1\t40 7\n", "line 3: expected"),
        ("0\t0\n1\n", "line 2: expected"),
        ("0\t0\n1\t1.5\n", "line 2: expected"),
        ("0\t0\n1\t40\n1\t80\n", "key 1 is there twice"),
        ("0\t0\n1\t-40\n", "key 1 has the offset -40"),
        ("0\t0\n1\t41\n", "key 1 has the offset 41, records begin at multiples of four"),
    ],
)
def test_malformed_index(path, text, message):
    write_set(path, LABELS, PAYLOADS)
    path.with_suffix(".idx").write_text(text)
    with pytest.raises(RecordError, match=rf"train\.idx: {message}"):
        RecordReader(path)


def test_index_with_blank_lines_and_carriage_returns(path):
    write_set(path, LABELS, PAYLOADS)
    index = path.with_suffix(".idx")
    index.write_bytes(b"\r\n".join(index.read_bytes().splitlines()) + b"\r\n\r\n")
    assert RecordReader(path).labels().tolist() == [0, 0, 1, 1, 1, 2]


def test_truncated_file_without_index_names_the_record(path):
    write_frames(path, frames_of([0.0, 1.0], PAYLOADS[:2]), index=False)
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(RecordError, match=r"record key 1 at offset \d+: truncated, a part of \d+ bytes runs over"):
        RecordReader(path)
    path.write_bytes(content + b"\1\2\3")
    with pytest.raises(RecordError, match=r"record key 2 at offset \d+: truncated, 3 bytes"):
        RecordReader(path)
    path.write_bytes(content + b"garbage!")
    with pytest.raises(RecordError, match=r"record key 2 at offset .*: wrong magic number"):
        RecordReader(path)
