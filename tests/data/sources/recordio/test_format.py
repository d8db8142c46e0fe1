import struct

import numpy as np
import pytest

from facequal.data.errors import RecordError
from facequal.data.sources.recordio.format import (
    HeaderLayout,
    Record,
    detect_layout,
    frame_record,
    join_frames,
    pack_record,
    parse_record,
    unpack_frame,
)
from tests.data.sources.recordio import recordfiles

MAGIC = struct.pack("<I", recordfiles.MAGIC)


def magic_at(*offsets: int, size: int = 64) -> bytes:
    data = bytearray(np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes())
    for offset in offsets:
        data[offset : offset + 4] = MAGIC
    return bytes(data)


@pytest.mark.parametrize("label", [2.0, (2.0,), (2.0, 5.0, 7.0)])
def test_records_are_packed_by_the_description_and_parsed_back(label):
    data = pack_record(label, 9, b"image")
    assert data == recordfiles.record(list(label) if isinstance(label, tuple) else label, b"image", 9)
    expected = label if isinstance(label, tuple) else (label,)
    flag = len(label) if isinstance(label, tuple) else 0
    record = parse_record(9, b"ab" + data + b"cd", HeaderLayout.SINGLE, 2, 2 + len(data))
    assert record == Record(9, expected, flag, 9, 0, b"image")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 63])
def test_a_record_without_the_magic_number_is_one_frame(size):
    assert frame_record(magic_at(size=size)) == recordfiles.frame(magic_at(size=size))


@pytest.mark.parametrize("offsets", [(0,), (60,), (8, 12), (0, 4, 8), (20, 40, 60), (7, 21)])
def test_frames_are_joined_to_what_they_were(offsets):
    record = magic_at(*offsets)
    frames = frame_record(record)
    assert len(frames) % 4 == 0
    assert join_frames(b"x" * 8 + frames, 8, 8 + len(frames)) == record
    parts = 1 + sum(offset % 4 == 0 for offset in offsets)
    assert frames.count(MAGIC) == parts + sum(offset % 4 != 0 for offset in offsets)
    assert unpack_frame(frames[:8])[0] == (0 if parts == 1 else 1)


@pytest.mark.parametrize("layout", HeaderLayout)
@pytest.mark.parametrize("flag", [0, 2])
def test_the_layout_is_told_by_a_record_with_or_without_an_image(layout, flag):
    label = [1.0] * flag if flag else 1.0
    header = recordfiles.record(label, b"", 0, layout.fields.format, layout.vector_item)
    assert len(header) == layout.size(flag)
    # without vector labels, both double layouts are the same
    expected = HeaderLayout.DOUBLE if flag == 0 and layout is HeaderLayout.DOUBLE_VECTOR else layout
    assert detect_layout(header) is expected
    assert detect_layout(header + b"\xff\xd8rest") is expected
    assert detect_layout(header + b"\x89PNGrest") is expected
    assert detect_layout(b"1234567") is HeaderLayout.SINGLE


def test_errors():
    with pytest.raises(RecordError, match="12 bytes, shorter than an image header \\(24 bytes\\)"):
        parse_record(0, bytes(12), HeaderLayout.SINGLE, 0, 12)
    with pytest.raises(RecordError, match="too short for its 3 labels"):
        parse_record(0, pack_record((1.0, 2.0, 3.0), 0)[:-1], HeaderLayout.SINGLE, 0, 35)
    with pytest.raises(RecordError, match="truncated, 7 bytes before the next record"):
        unpack_frame(bytes(7))
    with pytest.raises(RecordError, match="wrong magic number 0x00000000, expected 0xced7230a"):
        unpack_frame(bytes(8))
    first, last = recordfiles.frame(b"abcd", 1), recordfiles.frame(b"efgh", 3)
    with pytest.raises(RecordError, match="part 1 of the record is of kind 3"):
        join_frames(last + first, 0, 24)
    with pytest.raises(RecordError, match="truncated, 3 of 4 bytes"):
        join_frames(first + last, 0, 23)
