"""The bytes of InsightFace record sets: frames, split records, and image headers.

A .rec file is a sequence of frames, each at a multiple of four bytes, little endian:
`magic u32 | kind << 29 | length u32 | length bytes | zeros up to a multiple of four`.
A record whose bytes hold the magic number at a multiple of four is split there into several frames (kind 1 first, 2
middle, 3 last; 0 is a whole record), without the number itself. A record is an image header and the encoded image:
`flag u32 | label f32 | id u64 | id2 u64 | image`.
With flag > 0 the label field is void and `flag` float32 labels stand before the image.
"""

import struct
from enum import Enum
from mmap import mmap
from typing import NamedTuple

import numpy as np

from facequal.data.errors import RecordError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
FRAME = struct.Struct("<II")
LENGTH_BITS = 29
LENGTH_MASK = (1 << LENGTH_BITS) - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)


class HeaderLayout(Enum):
    """How wide the numbers of an image header are.

    Sets with more than 2^24 records were also written with a double label, and with double vector labels.

    Attributes:
        fields: Flag, label, id, id2.
        vector_item: Type of the labels that follow when flag > 0: "f" float32 or "d" float64.
    """

    SINGLE = ("<IfQQ", "f")  # what mxnet writes
    DOUBLE = ("<IdQQ", "f")
    DOUBLE_VECTOR = ("<IdQQ", "d")

    def __init__(self, fields: str, vector_item: str) -> None:
        self.fields = struct.Struct(fields)
        self.vector_item = vector_item

    def size(self, flag: int) -> int:
        """Return the number of bytes of a header with this flag, vector labels included."""
        return self.fields.size + flag * struct.calcsize(self.vector_item)


_IMAGE_STARTS = (b"\xff\xd8", b"\x89PNG")


class Record(NamedTuple):
    """One record.

    Attributes:
        key: Its key in the index.
        labels: The scalar label as a tuple of one, or the vector label; `labels[0]` is the identity.
        flag: 0 for a scalar label, else the length of the vector label.
        id: As stored, usually the key.
        id2: As stored, usually 0.
        payload: The encoded image; empty in the header record and in identity records.
    """

    key: int
    labels: tuple[float, ...]
    flag: int
    id: int
    id2: int
    payload: bytes


def detect_layout(record: bytes) -> HeaderLayout:
    """Return the header layout of a set from its first record.

    A record without an image (the set's header) has a length that only one layout explains; in a record with an image
    only one layout puts a JPEG or PNG behind the header. In doubt it is mxnet's own.
    """
    if len(record) < FRAME.size:
        return HeaderLayout.SINGLE
    flag = int.from_bytes(record[:4], "little")
    for layout in HeaderLayout:
        if len(record) == layout.size(flag) or record.startswith(_IMAGE_STARTS, layout.size(flag)):
            return layout
    return HeaderLayout.SINGLE


def parse_record(key: int, data: bytes | mmap, layout: HeaderLayout, start: int, end: int) -> Record:
    """Split the bytes `data[start:end]` of a record into header fields and payload.

    Raises:
        RecordError: If the record is shorter than its header.
    """
    image = start + layout.fields.size
    if image > end:
        raise RecordError(f"{end - start} bytes, shorter than an image header ({layout.fields.size} bytes)")
    flag, label, id_, id2 = layout.fields.unpack_from(data, start)
    if flag == 0:
        return Record(key, (label,), 0, id_, id2, data[image:end])
    if start + layout.size(flag) > end:
        raise RecordError(f"{end - start} bytes, too short for its {flag} labels")
    labels = struct.unpack_from(f"<{flag}{layout.vector_item}", data, image)
    return Record(key, labels, flag, id_, id2, data[start + layout.size(flag) : end])


def pack_record(labels: float | tuple[float, ...], id_: int, payload: bytes = b"") -> bytes:
    """Return the bytes of a record as mxnet packs them.

    Args:
        labels: A number is stored as a scalar label, a tuple as a vector label.
        id_: The key.
        payload: The encoded image.

    Example:
        >>> data = pack_record((7.0, 1.0), 3, b"image")
        >>> parse_record(3, data, HeaderLayout.SINGLE, 0, len(data))
        Record(key=3, labels=(7.0, 1.0), flag=2, id=3, id2=0, payload=b'image')
    """
    header = HeaderLayout.SINGLE.fields
    if isinstance(labels, tuple):
        return header.pack(len(labels), 0.0, id_, 0) + struct.pack(f"<{len(labels)}f", *labels) + payload
    return header.pack(0, labels, id_, 0) + payload


def frame_record(record: bytes) -> bytes:
    """Return the frame of a record, or its frames where its bytes hold the magic number at a multiple of four.

    Raises:
        RecordError: If the record has 2^29 bytes or more.

    Example:
        >>> frames = frame_record(b"four" + MAGIC_BYTES + b"more")
        >>> len(frames), join_frames(frames, 0, len(frames)) == b"four" + MAGIC_BYTES + b"more"
        (24, True)
    """
    if len(record) > LENGTH_MASK:
        raise RecordError(f"a record of {len(record)} bytes, the format allows {LENGTH_MASK}")
    parts = _split_at_magic(record)
    frames = bytearray()
    for number, part in enumerate(parts):
        kind = WHOLE if len(parts) == 1 else FIRST if number == 0 else LAST if number == len(parts) - 1 else MIDDLE
        frames += FRAME.pack(MAGIC, kind << LENGTH_BITS | len(part)) + part + bytes(-len(part) % 4)
    return bytes(frames)


def _split_at_magic(record: bytes) -> list[bytes]:
    if MAGIC_BYTES not in record:
        return [record]
    words = np.frombuffer(record, "<u4", count=len(record) // 4)
    cuts = [int(position) * 4 for position in np.flatnonzero(words == MAGIC)]
    starts = [0, *(cut + 4 for cut in cuts)]
    return [record[start:end] for start, end in zip(starts, [*cuts, len(record)], strict=True)]


def unpack_frame(data: bytes) -> tuple[int, int]:
    """Return kind and length of the frame whose header is `data`.

    Raises:
        RecordError: If there are fewer than eight bytes, or they do not begin with the magic number.
    """
    if len(data) < FRAME.size:
        raise RecordError(f"truncated, {len(data)} bytes before the next record or the end of the file")
    magic, kind_and_length = FRAME.unpack(data)
    if magic != MAGIC:
        raise RecordError(f"wrong magic number 0x{magic:08x}, expected 0x{MAGIC:08x}")
    return kind_and_length >> LENGTH_BITS, kind_and_length & LENGTH_MASK


def join_frames(data: bytes | mmap, start: int, end: int) -> bytes:
    """Return the record that begins at `data[start]`, its parts joined with the magic number between them.

    Raises:
        RecordError: If a frame does not begin with the magic number, runs over `end`, or is of a kind that cannot stand
            there.
    """
    parts: list[bytes] = []
    while True:
        kind, length = unpack_frame(data[start : min(start + FRAME.size, end)])
        start += FRAME.size
        if kind not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
            raise RecordError(f"part {len(parts) + 1} of the record is of kind {kind}")
        if start + length > end:
            raise RecordError(
                f"truncated, {end - start} of {length} bytes before the next record or the end of the file"
            )
        parts.append(data[start : start + length])
        if kind in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts)
        start += length + -length % 4
