"""Writing of InsightFace record sets."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self, get_args

import cv2
import numpy as np

from facequal.data.sources.images import RGBImage
from facequal.data.sources.recordio.format import frame_record, pack_record

Encoding = Literal["jpeg", "png"]

_FLOAT32_EXACT = 1 << 24


class RecordWriter:
    """A writer of an InsightFace record set that mxnet and `RecordReader` read, for a `with` statement.

    Images must come sorted by identity, with the labels 0, 1, 2, ... without gaps. The files appear under their names
    only when the `with` block ends without an exception.

    Args:
        path_rec: The .rec file.
        path_idx: The .idx file; None puts it beside the .rec.
    """

    def __init__(self, path_rec: str | Path, path_idx: str | Path | None = None) -> None:
        self.path_rec = Path(path_rec)
        self.path_idx = Path(path_idx) if path_idx is not None else self.path_rec.with_suffix(".idx")
        self._offsets: list[int] = []
        self._first_keys: list[int] = []  # of each identity
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self.path_rec.parent.mkdir(parents=True, exist_ok=True)
        self.path_idx.parent.mkdir(parents=True, exist_ok=True)
        self._offsets, self._first_keys = [], []
        self._partial = self.path_rec.with_name(f"{self.path_rec.name}.{secrets.token_hex(4)}.partial")
        self._file = self._partial.open("xb")
        self._append((0.0, 0.0), 0)  # the header, rewritten at the end when the numbers are known
        return self

    def write(self, label: int | tuple[float, ...], payload: bytes) -> int:
        """Append an image.

        Args:
            label: The identity, or a vector label that begins with it.
            payload: The encoded image.

        Returns:
            The key of the record: 1 for the first image.

        Raises:
            ValueError: If the label is neither the last one nor the next or is not exact in float32, or the image is
                empty.
            RuntimeError: If the writer is used outside of a `with` statement.
        """
        identity = label[0] if isinstance(label, tuple) else label
        last = len(self._first_keys) - 1
        if identity not in (max(last, 0), last + 1):
            raise ValueError(
                f"{self.path_rec}: label {identity} after {last}: write images sorted by identity, from 0 on"
            )
        if identity > _FLOAT32_EXACT:
            raise ValueError(
                f"{self.path_rec}: label {identity} is not exact in float32, the limit is {_FLOAT32_EXACT}"
            )
        if not payload:
            raise ValueError(f"{self.path_rec}: image {len(self._offsets)} has zero bytes")
        if identity == last + 1:
            self._first_keys.append(len(self._offsets))
        return self._append(label if isinstance(label, tuple) else float(label), len(self._offsets), payload)

    def _append(self, labels: float | tuple[float, ...], id_: int, payload: bytes = b"") -> int:
        if self._file is None:
            raise RuntimeError("RecordWriter writes inside of a `with` statement only")
        key = len(self._offsets)
        frames = frame_record(pack_record(labels, id_, payload))
        self._offsets.append(self._file.tell())
        self._file.write(frames)
        return key

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            if kind is None:
                self._finish(self._file)
        finally:
            self._file.close()
            self._file = None
            self._partial.unlink(missing_ok=True)

    def _finish(self, file: BinaryIO) -> None:
        """Write identity records, header and index, and give the files their names."""
        if not self._first_keys:
            raise ValueError(f"{self.path_rec}: no images")
        end = len(self._offsets)
        for first, last in zip(self._first_keys, [*self._first_keys[1:], end], strict=True):
            self._append((float(first), float(last)), len(self._offsets))
        file.seek(0)
        file.write(frame_record(pack_record((float(end), float(len(self._offsets))), 0)))
        file.close()
        index = "".join(f"{key}\t{offset}\n" for key, offset in enumerate(self._offsets))
        partial_index = self.path_idx.with_name(f"{self.path_idx.name}.{secrets.token_hex(4)}.partial")
        partial_index.write_text(index, encoding="ascii")
        self._partial.replace(self.path_rec)
        partial_index.replace(self.path_idx)


def write_record_set(
    images: Iterable[tuple[int, RGBImage | bytes]],
    path_rec: str | Path,
    encoding: Encoding = "jpeg",
    quality: int = 95,
) -> int:
    """Write a record set from labelled images, such as those of `FaceDataset.by_identity`.

    Training on a JPEG of a JPEG costs some accuracy: prefer `by_identity(encoded=True)` for images that have the right
    size already.

    Args:
        images: Pairs of label and image sorted by label from 0 on. An image is uint8 RGB (H, W, 3), or bytes that are
            already encoded and stored as they are.
        path_rec: The .rec file; the .idx goes beside it.
        encoding: How pixels are encoded: "jpeg" or, without loss, "png".
        quality: Of JPEG, 1..100.

    Returns:
        The number of images written.

    Raises:
        ValueError: If the encoding is unknown, labels are out of order, there are no images, or one is not uint8
            (H, W, 3).
        DataError: If an image of the data set cannot be read.
    """
    if encoding not in get_args(Encoding):
        raise ValueError(f"encoding {encoding!r}, expected 'jpeg' or 'png'")
    key = 0
    with RecordWriter(path_rec) as writer:
        for label, image in images:
            key = writer.write(label, image if isinstance(image, bytes) else _encode(image, encoding, quality))
    return key  # that of the last image: they count from 1


def _encode(image: RGBImage, encoding: str, quality: int) -> bytes:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image is uint8 (H, W, 3), got {image.dtype} {image.shape}")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if encoding == "jpeg" else []
    _, encoded = cv2.imencode(f".{encoding}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    data: bytes = encoded.tobytes()
    return data
