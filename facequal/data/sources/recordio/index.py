"""Where the records of a set are: by its .idx file, or by a walk through the .rec where there is none."""

import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import RecordError
from facequal.data.sources.recordio.format import FIRST, FRAME, WHOLE, unpack_frame


def read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return keys and offsets of an .idx file (lines `key<TAB>offset`), int64 (N,) each, sorted by key.

    Raises:
        RecordError: If the file is missing or empty, a line is not two whole numbers, a key is there twice,
            or an offset is no multiple of four.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}") from error
    numbers = _parse_fast(text)
    if numbers is None:
        numbers = _parse_lines(text, path)
    if len(numbers) == 0:
        raise RecordError(f"{path}: empty index")
    order = np.argsort(numbers[:, 0], kind="stable")
    keys, offsets = np.ascontiguousarray(numbers[order, 0]), np.ascontiguousarray(numbers[order, 1])
    repeated = np.flatnonzero(keys[1:] == keys[:-1])
    if len(repeated):
        raise RecordError(f"{path}: key {keys[repeated[0]]} is there twice")
    wrong = np.flatnonzero((offsets < 0) | (offsets % 4 != 0))
    if len(wrong):
        raise RecordError(
            f"{path}: key {keys[wrong[0]]} has the offset {offsets[wrong[0]]}, records begin at multiples of four"
        )
    return keys, offsets


def _parse_fast(text: str) -> NDArray[np.int64] | None:
    """Return (N, 2) keys and offsets, or None where the text needs a closer look."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy before 2.3 warns where later ones raise
        try:
            numbers = np.fromstring(text, dtype=np.int64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
    num_lines = text.count("\n") + (not text.endswith("\n"))
    return numbers.reshape(-1, 2) if len(numbers) == 2 * num_lines else None


def _parse_lines(text: str, path: Path) -> NDArray[np.int64]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or not all(field.isdecimal() for field in fields):
            raise RecordError(f"{path}: line {number}: expected a key and an offset, got {line!r}")
        rows.append((int(fields[0]), int(fields[1])))
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def scan_offsets(path: Path) -> NDArray[np.int64]:
    """Return the offsets of all records of a .rec file without its index, int64 (N,); keys count from 0.

    Raises:
        RecordError: If a frame is wrong or truncated; the message names its offset.
    """
    offsets: list[int] = []
    position = 0
    with path.open("rb") as file:
        size, descriptor = os.fstat(file.fileno()).st_size, file.fileno()
        while position < size:
            try:
                kind, length = unpack_frame(os.pread(descriptor, FRAME.size, position))
                if position + FRAME.size + length > size:
                    raise RecordError(f"truncated, a part of {length} bytes runs over the end of the file")
            except RecordError as error:
                raise RecordError(f"{path}: record key {len(offsets)} at offset {position}: {error}") from error
            if kind in (WHOLE, FIRST):
                offsets.append(position)
            position += FRAME.size + length + -length % 4
    return np.array(offsets, dtype=np.int64)
