"""Encoded images of a data set: in files, in records, or in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import Problem
from facequal.data.sources.images import read_file
from facequal.data.sources.recordio import RecordReader


class EncodedImages(Protocol):
    """A sequence of encoded images that knows where each image is from."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> bytes:
        """Return the bytes of an image file."""
        ...

    def describe(self, index: int) -> str:
        """Return path, or file, key and offset, of an image."""
        ...


@dataclass
class LabelledFiles:
    """Image files of people, as a folder or a list names them.

    Attributes:
        paths: Path of each image, relative to the folder of the images.
        identities: Name of each image's person.
        lines: Line of each image in the list, from 1 on; empty for a folder.
        problems: What does not follow the layout, and why.
    """

    paths: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class FileImages:
    """Image files.

    Paths are kept as one array of bytes, not as a list of strings: forked workers would copy every page of such a list
    by merely counting references.

    Args:
        root: Folder that the paths are relative to; an absolute path is taken as it is.
        paths: Path of every image.
        lines: Line of every image in the list, if there is one.
        list_path: The list, named beside the path in error messages.

    Example:
        >>> images = FileImages("faces", ["Ann/1.png", "Bo/1.png"], lines=[2, 3], list_path="faces.csv")
        >>> images.describe(1)
        'faces/Bo/1.png (faces.csv: line 3)'
    """

    def __init__(
        self,
        root: str | Path,
        paths: Sequence[str],
        lines: Sequence[int] = (),
        list_path: str | Path | None = None,
    ) -> None:
        self._root = str(root)
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=np.bytes_)
        self._lines = np.array(lines, dtype=np.int64)
        self._list_path = None if list_path is None else str(list_path)

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, index: int) -> str:
        """Return the path of an image relative to the folder."""
        return os.fsdecode(self._paths[index])

    def path(self, index: int) -> str:
        """Return the path of an image."""
        return os.path.join(self._root, os.fsdecode(self._paths[index]))  # noqa: PTH118 (hot: Path costs ten times more)

    def read(self, index: int) -> bytes:
        """Return the bytes of the file.

        Raises:
            ImageReadError: If the file is missing or unreadable.
        """
        return read_file(self.path(index), self.describe(index))

    def describe(self, index: int) -> str:
        """Return the path of an image, with its line in the list where there is one."""
        if self._list_path is None:
            return self.path(index)
        return f"{self.path(index)} ({self._list_path}: line {self._lines[index]})"


class RecordImages:
    """The images of a record set."""

    def __init__(self, reader: RecordReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader)

    def read(self, index: int) -> bytes:
        """Return the encoded image of a record.

        Raises:
            RecordError: If the record is unreadable.
        """
        return self.reader.read(self.reader.keys.item(index)).payload

    def describe(self, index: int) -> str:
        """Return file, key and offset of a record."""
        return self.reader.describe(self.reader.keys.item(index))


class MemoryImages:
    """Images of one file that was read as a whole.

    Args:
        images: The encoded images.
        path: The file.
        numbers: Number of every image in the file, int64 (N,).

    Example:
        >>> images = MemoryImages([b"first", b"second"], "lfw.bin", np.array([0, 3]))
        >>> images.read(1), images.describe(1)
        (b'second', 'lfw.bin: image 3')
    """

    def __init__(self, images: Sequence[bytes], path: str | Path, numbers: NDArray[np.int64]) -> None:
        self._ends = np.cumsum([len(image) for image in images], dtype=np.int64)
        self._data = b"".join(images)
        self._path = str(path)
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._ends)

    def read(self, index: int) -> bytes:
        """Return the bytes of an image file."""
        start = 0 if index == 0 else self._ends.item(index - 1)
        return self._data[start : self._ends.item(index)]

    def describe(self, index: int) -> str:
        """Return the file, and the number of an image in it."""
        return f"{self._path}: image {self._numbers[index]}"
