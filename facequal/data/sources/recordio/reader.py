"""Lazy reading of record sets."""

import logging
from bisect import bisect_left
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import RecordError
from facequal.data.sources.recordio.format import (
    FRAME,
    MAGIC,
    HeaderLayout,
    Record,
    detect_layout,
    join_frames,
    parse_record,
)
from facequal.data.sources.recordio.index import read_index, scan_offsets
from facequal.data.sources.recordio.labels import cache_stamp, gather_labels, load_cached, save_cached

_logger = logging.getLogger(__name__)


class RecordReader:
    """A reader of an InsightFace record set, record by record.

    The file is mapped, so a record costs no system call, and forked workers share the map. A pickled reader maps its
    file anew where it is unpickled. Do not shorten or overwrite the file while a reader is open.

    The header's count is a float32 and rounded in sets beyond 2^24 records, so the border between images and identity
    records is taken from the records themselves wherever the header does not fit them; a difference that rounding does
    not explain is logged.

    Args:
        path_rec: The .rec file.
        path_idx: The .idx file; None takes the one beside it, or scans the .rec for its records where there is none.

    Attributes:
        keys: Keys of the images, int64 (N,), ascending.
        header_count: Number of images the header states; None in a set without header.

    Raises:
        RecordError: If a file is missing or malformed.
    """

    def __init__(self, path_rec: str | Path, path_idx: str | Path | None = None) -> None:
        self._map: mmap | None = None
        self.path_rec = Path(path_rec)
        self._name = str(path_rec)
        if not self.path_rec.is_file():
            raise RecordError(f"{self.path_rec}: no such file")
        beside = self.path_rec.with_suffix(".idx")
        self.path_idx = Path(path_idx) if path_idx is not None else beside if beside.is_file() else None
        if self.path_idx is None:
            self._offsets = scan_offsets(self.path_rec)
            self._all_keys = np.arange(len(self._offsets))
        else:
            self._all_keys, self._offsets = read_index(self.path_idx)
        if len(self._offsets) == 0:
            raise RecordError(f"{self.path_rec}: no records")
        self._ends = _ends_of(self._offsets, self.path_rec.stat().st_size)
        self.layout = HeaderLayout.SINGLE
        self._images = slice(0, 0)
        self.header_count, self._images = self._find_images()
        self.keys = self._all_keys[self._images]
        self._labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_map": None}

    def describe(self, key: int) -> str:
        """Return file, key and offset of a record, as in error messages."""
        return self._where(self._position(key))

    def read(self, key: int) -> Record:
        """Read a record.

        Args:
            key: One of `keys`; the keys of the header and of identity records give records with an empty payload.

        Raises:
            RecordError: If there is no such key, the record has a wrong magic number or is truncated, or it should
                hold an image and holds none.
        """
        position = self._position(key)
        try:
            data, start, end = self._locate(position)
            record = parse_record(key, data, self.layout, start, end)
            if not record.payload and self._images.start <= position < self._images.stop:
                raise RecordError("no image in the record")
        except RecordError as error:
            raise RecordError(f"{self._where(position)}: {error}") from error
        return record

    def labels(self) -> NDArray[np.int64]:
        """Return the identity labels of all images, in the order of `keys`, read from the image headers alone.

        They are kept in `<name>.rec.labels.npy` beside the set where that can be written, until the set changes.

        Returns:
            int64 (N,).

        Raises:
            RecordError: If a record cannot be read or its label is not a whole number; the message names the first.
        """
        if self._labels is None:
            cache = self.path_rec.with_name(self.path_rec.name + ".labels.npy")
            stamp = cache_stamp([self.path_rec, self.path_idx], len(self))
            self._labels = load_cached(cache, stamp)
            if self._labels is None:
                self._labels = self._read_labels()
                save_cached(cache, stamp, self._labels)
        return self._labels

    def identity_ranges(self) -> NDArray[np.int64]:
        """Return the first key and the last key + 1 of each identity, as the identity records have them.

        Returns:
            int64 (identities, 2); (0, 2) in a set without header. Numbers beyond 2^24 are rounded as stored.

        Raises:
            RecordError: If an identity record cannot be read or does not hold two labels.
        """
        ranges = []
        for key in self._all_keys[self._images.stop :].tolist():
            labels = self.read(key).labels
            if len(labels) != 2:
                raise RecordError(f"{self.describe(key)}: an identity record with {len(labels)} labels, expected 2")
            ranges.append(labels)
        return np.array(ranges, dtype=np.int64).reshape(-1, 2)

    def header_disagrees(self) -> bool:
        """Return whether the header states another number of images than there are, beyond the rounding of float32."""
        return self.header_count is not None and np.float32(len(self) + 1) != np.float32(self.header_count + 1)

    def _open(self) -> mmap:
        """Return the mapped file."""
        if self._map is None:
            try:
                with self.path_rec.open("rb") as file:
                    self._map = mmap(file.fileno(), 0, access=ACCESS_READ)
            except OSError as error:
                raise RecordError(f"{self.path_rec}: {error.strerror or error}") from error
            except ValueError as error:
                raise RecordError(f"{self.path_rec}: empty file") from error
        return self._map

    def _position(self, key: int) -> int:
        """Return the position of a key among all keys."""
        position = int(self._all_keys.searchsorted(key))
        if position < len(self._all_keys) and self._all_keys[position] == key:
            return position
        low, high = self._all_keys[0], self._all_keys[-1]
        raise RecordError(f"{self.path_rec}: no record with key {key}, the index has {low} to {high}")

    def _where(self, position: int) -> str:
        return f"{self._name}: record key {self._all_keys.item(position)} at offset {self._offsets.item(position)}"

    def _locate(self, position: int) -> tuple[bytes | mmap, int, int]:
        """Return bytes that hold a record (header and image), and where it begins and ends in them.

        Errors do not name the record.
        """
        data = self._open() if self._map is None else self._map
        offset, end = self._offsets.item(position), self._ends.item(position)
        if offset + FRAME.size > len(data):
            raise RecordError(f"outside the file of {len(data)} bytes")
        magic, length = FRAME.unpack_from(data, offset)
        start = offset + FRAME.size
        if magic == MAGIC and start + length <= end:  # a whole record (kind 0), nothing to join
            return data, start, start + length
        record = join_frames(data, offset, end)
        return record, 0, len(record)

    def _find_images(self) -> tuple[int | None, slice]:
        """Return the number of images that the header states, and the positions of the images."""
        header = self._first_record()
        if header.flag == 0 or header.payload:
            return None, slice(0, len(self._all_keys))
        if header.flag < 2 or not all(np.isfinite(header.labels)):
            raise RecordError(f"{self._where(0)}: a header with the labels {header.labels}, expected [images + 1, end]")
        stated = int(header.labels[0])
        end = int(np.searchsorted(self._all_keys, stated))
        if end < 1 or end != stated - int(self._all_keys[0]) or not self._is_border(end):
            end = bisect_left(range(len(self._all_keys)), True, lo=1, key=self._is_identity)
        if np.float32(end) != np.float32(stated):
            _logger.warning("%s: the header states %d images, the index holds %d", self._name, stated - 1, end - 1)
        return stated - 1, slice(1, end)

    def _first_record(self) -> Record:
        """Return the first record; the header layout of the set is detected from it."""
        try:
            data, start, end = self._locate(0)
            self.layout = detect_layout(data[start:end])
            return parse_record(self._all_keys.item(0), data, self.layout, start, end)
        except RecordError as error:
            raise RecordError(f"{self._where(0)}: {error}") from error

    def _is_border(self, end: int) -> bool:
        """Return whether the images end before this position: identity records, or nothing, begin there."""
        behind = end == len(self._all_keys) or self._is_identity(end)
        return behind and (end <= 1 or not self._is_identity(end - 1))

    def _is_identity(self, position: int) -> bool:
        """Return whether a record is readable and holds two labels and no image."""
        try:
            data, start, end = self._locate(position)
        except RecordError:  # reported when it is read
            return False
        return end - start == self.layout.size(2) and data[start : start + 4] == b"\2\0\0\0"

    def _read_labels(self) -> NDArray[np.int64]:
        raw, bad = gather_labels(self.path_rec, self._offsets[self._images], self.layout)
        with np.errstate(invalid="ignore"):
            labels = raw.astype(np.int64)
        bad |= labels != raw  # fractions, NaN and infinity
        for index in np.flatnonzero(bad).tolist():
            record = self.read(self.keys.item(index))  # says what is wrong with an unreadable record
            if not record.labels[0].is_integer():
                raise RecordError(f"{self.describe(record.key)}: label {record.labels[0]}, expected a whole number")
            labels[index] = int(record.labels[0])
        return labels


def _ends_of(offsets: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return where the record at each offset must end: at the next higher offset, or at the end of the file."""
    if np.all(offsets[1:] > offsets[:-1]):
        return np.append(offsets[1:], size)
    distinct = np.unique(offsets)
    return np.append(distinct[1:], size)[np.searchsorted(distinct, offsets)]
