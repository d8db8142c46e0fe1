"""An encoder of record sets written from the format's description alone, independent of the package's writer."""

import struct
from pathlib import Path

import cv2
import numpy as np

MAGIC = 0xCED7230A
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
PAYLOADS = [cv2.imencode(".png", image[..., ::-1])[1].tobytes() for image in PIXELS]
LABELS: list[float | list[float]] = [0.0, 0.0, [1.0, 0.0], [1.0, 7.0], 1.0, 2.0]


def frame(record: bytes, kind: int = 0) -> bytes:
    """One part: magic, kind and length, bytes, padding."""
    return struct.pack("<II", MAGIC, kind << 29 | len(record)) + record + b"\0" * (-len(record) % 4)


def record(label, payload: bytes = b"", id_: int = 0, fields: str = "<IfQQ", item: str = "f") -> bytes:
    """Header and payload; a list is a vector label."""
    if isinstance(label, list):
        return struct.pack(fields, len(label), 0.0, id_, 0) + struct.pack(f"<{len(label)}{item}", *label) + payload
    return struct.pack(fields, 0, label, id_, 0) + payload


def frames_of(labels: list[float | list[float]], payloads: list[bytes], **layout: str) -> list[bytes]:
    """A record in one part for each image, with its number as id."""
    return [
        frame(record(label, payload, number, **layout))
        for number, (label, payload) in enumerate(zip(labels, payloads, strict=True))
    ]


def write_frames(path: Path, frames: list[bytes], keys: list[int] | None = None, index: bool = True) -> Path:
    """Write frames as a .rec and, unless `index` is false, its .idx."""
    offsets = []
    with path.open("wb") as file:
        for data in frames:
            offsets.append(file.tell())
            file.write(data)
    if index:
        keys = list(range(len(frames))) if keys is None else keys
        lines = "".join(f"{key}\t{offset}\n" for key, offset in zip(keys, offsets, strict=True))
        path.with_suffix(".idx").write_text(lines)
    return path


def write_set(
    path: Path, labels: list[float | list[float]], payloads: list[bytes], stated: float | None = None, **layout
) -> Path:
    """A set with header and identity records; `stated` replaces the header's first number."""
    identities = [label[0] if isinstance(label, list) else label for label in labels]
    count = len(labels)
    ranges = [
        [float(1 + identities.index(identity)), float(1 + count - identities[::-1].index(identity))]
        for identity in sorted(set(identities))
    ]
    header = [float(count + 1) if stated is None else stated, float(count + 1 + len(ranges))]
    frames = [frame(record(header, **layout))]
    frames += [
        frame(record(label, payload, number, **layout))
        for number, (label, payload) in enumerate(zip(labels, payloads, strict=True), start=1)
    ]
    frames += [frame(record(keys, b"", number, **layout)) for number, keys in enumerate(ranges, start=count + 1)]
    return write_frames(path, frames)
