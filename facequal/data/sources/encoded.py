"""Where a data set finds its encoded images: files, records, or memory."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facequal.data.sources.images import read_file
from facequal.data.sources.recordio import RecordReader


class EncodedImages(Protocol):
    """A sequence of encoded images that can say where each is."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> bytes:
        """Return the bytes of an image file."""
        ...

    def describe(self, index: int) -> str:
        """Return path, or file, key and offset, of an image."""
        ...


class FileImages:
    """Image files.

    Paths are kept as one array of bytes, not as a list of strings: forked workers would copy every page of such a list
    by merely counting references.

    Args:
        root: Folder the paths are relative to; an absolute path stands for itself.
        paths: One per image.
        lines: For images of a list, the line of each.
        list_path: The list; with `lines` it is named beside the path.
    """

    def __init__(
        self,
        root: str | Path,
        paths: Sequence[str],
        lines: Sequence[int] | None = None,
        list_path: str | Path | None = None,
    ) -> None:
        self._root = str(root)
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=np.bytes_)
        self._lines = None if lines is None else np.array(lines, dtype=np.int64)
        self._list_path = None if list_path is None else str(list_path)

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, index: int) -> str:
        """Return path of an image relative to the folder."""
        return os.fsdecode(self._paths[index])

    def path(self, index: int) -> str:
        """Return path of an image."""
        return os.path.join(self._root, os.fsdecode(self._paths[index]))  # noqa: PTH118 (hot: Path costs ten times more)

    def read(self, index: int) -> bytes:
        """Return the bytes of the file.

        Raises:
            ImageReadError: If the file is missing or unreadable.
        """
        return read_file(self.path(index), self.describe(index))

    def describe(self, index: int) -> str:
        """Return path of the file, with the line of the list where there is one."""
        if self._lines is None:
            return self.path(index)
        return f"{self.path(index)} ({self._list_path}: line {self._lines[index]})"


class RecordImages:
    """The images of a record set."""

    def __init__(self, reader: RecordReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader)

    def read(self, index: int) -> bytes:
        """Return the image of the record.

        Raises:
            RecordError: If the record is unreadable.
        """
        return self.reader.read(self.reader.keys.item(index)).payload

    def describe(self, index: int) -> str:
        """Return file, key and offset of the record."""
        return self.reader.describe(self.reader.keys.item(index))


class MemoryImages:
    """Images that came out of one file as a whole.

    Args:
        images: The encoded images.
        path: The file.
        places: Place of each in the file.
    """

    def __init__(self, images: Sequence[bytes], path: str | Path, places: NDArray[np.int64]) -> None:
        self._ends = np.cumsum([len(image) for image in images], dtype=np.int64)
        self._data = b"".join(images)
        self._path = str(path)
        self._places = places

    def __len__(self) -> int:
        return len(self._ends)

    def read(self, index: int) -> bytes:
        """Return the bytes of an image."""
        start = 0 if index == 0 else self._ends.item(index - 1)
        return self._data[start : self._ends.item(index)]

    def describe(self, index: int) -> str:
        """Return the file and the image's place in it."""
        return f"{self._path}: image {self._places[index]}"
