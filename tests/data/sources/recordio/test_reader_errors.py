"""Damaged record sets: the error names the file, the key and the offset."""

import struct
from pathlib import Path

import pytest

from facequal.data.errors import DataError, RecordError
from facequal.data.sources.recordio import RecordReader
from tests.data.sources.recordio.recordfiles import LABELS, PAYLOADS, frame, frames_of, record, write_frames, write_set


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.rec"


def corrupt(path: Path, offset: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(bytes(content))


def offset_of(path: Path, key: int) -> int:
    return int(path.with_suffix(".idx").read_text().splitlines()[key].split()[1])


def test_wrong_magic_names_file_key_and_offset(path):
    write_set(path, LABELS, PAYLOADS)
    offset = offset_of(path, 3)
    corrupt(path, offset, b"\1\2\3\4")
    reader = RecordReader(path)
    with pytest.raises(
        RecordError, match=rf"train\.rec: record key 3 at offset {offset}: wrong magic number 0x04030201"
    ):
        reader.read(3)
    assert reader.read(4).payload == PAYLOADS[3]
    with pytest.raises(DataError, match=rf"record key 3 at offset {offset}: wrong magic"):
        reader.labels()


def test_truncated_file_names_the_record(path):
    write_frames(path, frames_of([0.0, 1.0, 2.0], PAYLOADS[:3]))
    offset = offset_of(path, 2)
    path.write_bytes(path.read_bytes()[: offset + 50])
    reader = RecordReader(path)
    assert reader.read(1).payload == PAYLOADS[1]
    with pytest.raises(RecordError, match=rf"record key 2 at offset {offset}: truncated, 42 of \d+ bytes"):
        reader.read(2)
    path.write_bytes(path.read_bytes()[:offset])
    with pytest.raises(RecordError, match=rf"record key 2 at offset {offset}: outside the file of {offset} bytes"):
        RecordReader(path).read(2)
    with pytest.raises(RecordError, match=rf"record key 2 at offset {offset}: outside the file"):
        RecordReader(path).labels()


def test_a_record_that_runs_over_the_next_one_is_an_error(path):
    write_frames(path, frames_of([0.0, 1.0], PAYLOADS[:2]))
    length = len(PAYLOADS[0]) + 24
    corrupt(path, 4, struct.pack("<I", length + 40))
    with pytest.raises(RecordError, match="record key 0 at offset 0: truncated"):
        RecordReader(path)


def test_parts_in_the_wrong_order_are_an_error(path):
    data = record(0.0, PAYLOADS[0])
    first = frame(record(0.0, PAYLOADS[1]))
    write_frames(path, [first, frame(data[:40], 2) + frame(data[44:], 3)])
    with pytest.raises(RecordError, match=r"record key 1 at .*: part 1 of the record is of kind 2"):
        RecordReader(path).read(1)
    write_frames(path, [first, frame(data[:40], 1) + frame(data[44:], 0)])
    with pytest.raises(RecordError, match=r"record key 1 at .*: part 2 of the record is of kind 0"):
        RecordReader(path).read(1)


def test_records_too_short_for_their_header_are_errors(path):
    good = frame(record(0.0, PAYLOADS[0]))
    reader = RecordReader(write_frames(path, [good, frame(b"\0" * 12), frame(struct.pack("<IfQQ", 9, 0, 0, 0))]))
    with pytest.raises(RecordError, match=r"record key 1 at .*: 12 bytes, shorter than an image header"):
        reader.read(1)
    with pytest.raises(RecordError, match=r"record key 2 at .*: 24 bytes, too short for its 9 labels"):
        reader.read(2)
    with pytest.raises(RecordError, match="record key 1"):
        reader.labels()


def test_an_image_record_without_an_image_is_an_error(path):
    reader = RecordReader(write_set(path, LABELS, [*PAYLOADS[:3], b"", *PAYLOADS[4:]]))
    assert len(reader) == 6
    with pytest.raises(RecordError, match=r"record key 4 at offset \d+: no image in the record"):
        reader.read(4)


@pytest.mark.parametrize("label", [0.5, float("nan"), float("inf"), [1.5, 0.0]])
def test_a_label_that_is_no_whole_number_is_an_error(path, label):
    reader = RecordReader(write_frames(path, frames_of([0.0, label], PAYLOADS[:2])))
    with pytest.raises(RecordError, match=r"record key 1 at offset \d+: label .*, expected a whole number"):
        reader.labels()


def test_missing_and_empty_files(tmp_path, path):
    with pytest.raises(RecordError, match=r"train\.rec: no such file"):
        RecordReader(path)
    path.write_bytes(b"")
    with pytest.raises(RecordError, match=r"train\.rec: no records"):
        RecordReader(path)
    path.with_suffix(".idx").write_text("0\t0\n")
    with pytest.raises(RecordError, match=r"train\.rec: empty file"):
        RecordReader(path)
    write_set(path, LABELS, PAYLOADS)
    with pytest.raises(RecordError, match=r"other\.idx: No such file"):
        RecordReader(path, tmp_path / "other.idx")
