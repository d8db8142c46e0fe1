"""The labels of all images of a record set, gathered from the image headers alone and kept beside the set."""

import contextlib
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facequal.data.sources.recordio.format import FIRST, FRAME, LENGTH_BITS, LENGTH_MASK, MAGIC, WHOLE, HeaderLayout

_CHUNK = 1 << 20
_CACHE_VERSION = 1


def gather_labels(
    path: Path, offsets: NDArray[np.int64], layout: HeaderLayout
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the first label of the records at `offsets`, read from a memory map without touching their images.

    Args:
        path: The .rec file.
        offsets: int64 (N,), where the records begin.
        layout: Header layout of the set.

    Returns:
        Labels, float64 (N,), and which of them could not be read, bool (N,): a wrong magic number, a record that
        begins in its middle, is too short for its header, or lies outside the file.
    """
    # One frame, one header and the first item of a vector label, in 32-bit words.
    num_words = (FRAME.size + layout.size(1)) // 4
    file_words = path.stat().st_size // 4
    labels = np.zeros(len(offsets))
    bad = (offsets < 0) | (offsets % 4 != 0) | (offsets // 4 + num_words > file_words)
    if file_words == 0:
        return labels, bad
    words = np.memmap(path, dtype="<u4", mode="r", shape=(file_words,))
    for start in range(0, len(offsets), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        at = np.where(bad[chunk], 0, offsets[chunk] // 4)
        rows = np.stack([words[np.minimum(at + column, file_words - 1)] for column in range(num_words)], axis=1)
        labels[chunk], malformed = _labels_of(rows, layout)
        bad[chunk] |= malformed
    return labels, bad


def _labels_of(rows: NDArray[np.uint32], layout: HeaderLayout) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return labels of records whose first words are the rows, and which rows are no record's beginning."""
    header = FRAME.size // 4
    kind, length = rows[:, 1] >> LENGTH_BITS, rows[:, 1] & LENGTH_MASK
    flag = rows[:, header].astype(np.int64)
    item_size = layout.size(1) - layout.fields.size
    needed = layout.fields.size + np.where(flag > 0, item_size, 0)
    malformed = (rows[:, 0] != MAGIC) | ((kind != WHOLE) & (kind != FIRST)) | (length < needed)
    # id and id2 take four words at the end of the fixed fields; what lies between them and the flag is the label.
    scalar = rows[:, header + 1 : header + layout.fields.size // 4 - 4]
    vector = rows[:, header + layout.fields.size // 4 :]
    return np.where(flag > 0, _as_float(vector), _as_float(scalar)), malformed


def _as_float(words: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return (N, 1) words as float32, (N, 2) words as float64."""
    kind = "<f4" if words.shape[1] == 1 else "<f8"
    return np.ascontiguousarray(words).view(kind)[:, 0].astype(np.float64)


def cache_stamp(paths: Sequence[Path | None], count: int) -> NDArray[np.int64]:
    """Return what a cache must agree with: size and modification time of the set's files, and the number of images."""
    stamp = [_CACHE_VERSION, count]
    for path in paths:
        status = None if path is None else path.stat()
        stamp += [0, 0] if status is None else [status.st_size, status.st_mtime_ns]
    return np.array(stamp, dtype=np.int64)


def load_cached(path: Path, stamp: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return labels int64 (N,) kept under this stamp, or None where there are none or the set has changed since."""
    try:
        stored = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # no cache, or not one of ours
        return None
    if stored.dtype != np.int64 or stored.shape != (len(stamp) + int(stamp[1]),):
        return None
    return stored[len(stamp) :] if np.array_equal(stored[: len(stamp)], stamp) else None


def save_cached(path: Path, stamp: NDArray[np.int64], labels: NDArray[np.int64]) -> bool:
    """Keep labels under a stamp, and return whether the folder can be written to.

    The file appears under its name only when complete, so two processes may do this at once.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            np.save(file, np.concatenate([stamp, labels]), allow_pickle=False)
        partial.replace(path)
    except OSError:  # no permission, read-only or full
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        return False
    return True
