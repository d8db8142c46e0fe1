"""Verification sets: images, and which pairs of them show the same person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import PairsError, raise_errors
from facequal.data.protocols.pairs_text import find_pair_files, parse_pairs_txt
from facequal.data.protocols.pickles import load_plain_pickle
from facequal.data.source import FaceSource
from facequal.data.sources.datasets import FaceDataset
from facequal.data.sources.encoded import FileImages, MemoryImages
from facequal.data.sources.images import IMAGE_EXTENSIONS
from facequal.data.sources.lists import number_identities


@dataclass(frozen=True)
class VerificationPairs:
    """A verification set.

    Attributes:
        name: Name of the set in results.
        images: Its images, each once, decoded when asked for; `label` is -1 where people are unknown.
        pairs: Positions of both images of each pair in `images`, int64 (P, 2).
        is_same: Whether both show the same person, bool (P,).
        folds: Number of equal parts, in the order of the pairs, for the cross-validated accuracy.

    Raises:
        PairsError: If shapes or types do not fit, a position is outside of `images`, or there are fewer pairs than
            folds.
    """

    name: str
    images: FaceSource
    pairs: NDArray[np.int64]
    is_same: NDArray[np.bool_]
    folds: int = 10

    def __post_init__(self) -> None:
        if self.pairs.dtype != np.int64 or self.pairs.ndim != 2 or self.pairs.shape[1] != 2:
            raise PairsError(f"{self.name}: pairs are int64 (P, 2), got {self.pairs.dtype} {self.pairs.shape}")
        if self.is_same.dtype != np.bool_ or self.is_same.shape != self.pairs.shape[:1]:
            raise PairsError(
                f"{self.name}: is_same is bool {self.pairs.shape[:1]}, got {self.is_same.dtype} {self.is_same.shape}"
            )
        if not 1 <= self.folds <= len(self.pairs):
            raise PairsError(f"{self.name}: {self.folds} folds of {len(self.pairs)} pairs")
        if self.pairs.min() < 0 or self.pairs.max() >= len(self.images):
            raise PairsError(
                f"{self.name}: pairs of the images {self.pairs.min()} to {self.pairs.max()}, there are "
                f"{len(self.images)}"
            )

    def __len__(self) -> int:
        return len(self.pairs)


def read_pairs_txt(
    path: str | Path,
    root: str | Path,
    name: str | None = None,
    size_px: int | None = 112,
    folds: int = 10,
    extensions: Sequence[str] = IMAGE_EXTENSIONS,
) -> VerificationPairs:
    """Read a list of pairs in the format of LFW and XQLFW, over files `<root>/<name>/<name>_NNNN.<extension>`.

    The format is that of `parse_pairs_txt`. Pairs keep their order. The number of folds is that of a header `folds n`;
    a list without a header, or with the single number of LFW's development sets, gets `folds`.

    Args:
        path: The list.
        root: Folder of the people's folders.
        name: Name of the set in results; None takes the list's file name.
        size_px: Side of the images, see `facequal.data.sources.datasets.FaceDataset`.
        folds: Number of folds where the list gives none; a list of fewer pairs has one fold for each pair.
        extensions: File name endings of images, in lower case.

    Raises:
        PairsError: If the list is missing, a line is malformed, or names a missing file; the message names the line.
    """
    lines = parse_pairs_txt(path)
    raise_errors(lines.problems, PairsError)
    files = find_pair_files(lines, path, root, extensions)
    raise_errors(files.problems, PairsError)
    classes, labels = number_identities(files.identities)
    images = FaceDataset(FileImages(root, files.paths, files.lines, path), labels, classes, size_px)
    is_same = np.array([first[0] == second[0] for first, second, _ in lines.pairs])
    pairs = np.array(files.pairs, dtype=np.int64)
    return VerificationPairs(name or Path(path).stem, images, pairs, is_same, lines.folds or min(folds, len(pairs)))


def read_bin(
    path: str | Path, name: str | None = None, size_px: int | None = 112, folds: int = 10
) -> VerificationPairs:
    """Read an InsightFace verification file: `lfw.bin`, `cfp_fp.bin`, `agedb_30.bin`, or a self-made one.

    The file is a pickle of (2P encoded images, P times "same person"), images 2i and 2i+1 being pair i. It is read
    without running anything (`load_plain_pickle`). Images that occur in several pairs are kept once. People are
    unknown: all labels are -1.

    Args:
        path: The file.
        name: Name of the set in results; None takes the file's name.
        size_px: Side of the images, see `facequal.data.sources.datasets.FaceDataset`.
        folds: Number of folds; a set of fewer pairs has one fold for each pair.

    Raises:
        ForeignPickleError: If it is no pickle, or one that asks for more than bytes, lists, bools and arrays.
        PairsError: If what it holds is not a list of images and one of bools that fit each other.
    """
    if not Path(path).is_file():
        raise PairsError(f"{path}: no such file; the .bin sets come with InsightFace's training sets")
    loaded = load_plain_pickle(path)
    if not isinstance(loaded, list | tuple) or len(loaded) != 2:
        raise PairsError(f"{path}: expected a pair (images, is_same), got {_kind(loaded)}")
    encoded = _encoded_images(loaded[0], path)
    is_same = _bools(loaded[1], path)
    if len(encoded) != 2 * len(is_same) or not encoded:
        raise PairsError(f"{path}: {len(encoded)} images for {len(is_same)} pairs, expected two for each")
    position_of: dict[bytes, int] = {}
    positions = np.array([position_of.setdefault(image, len(position_of)) for image in encoded], dtype=np.int64)
    _, first_use = np.unique(positions, return_index=True)
    images = MemoryImages(list(position_of), path, first_use.astype(np.int64))
    dataset = FaceDataset(images, np.full(len(images), -1, dtype=np.int64), [], size_px)
    pairs, folds = positions.reshape(-1, 2), min(folds, len(is_same))
    return VerificationPairs(name or Path(path).stem, dataset, pairs, is_same, folds)


def _encoded_images(value: object, path: str | Path) -> list[bytes]:
    """Return the images of a .bin as bytes; some tools store the uint8 arrays of cv2.imencode."""
    if not isinstance(value, list | tuple):
        raise PairsError(f"{path}: the images are {_kind(value)}, expected a list")
    images = []
    for number, image in enumerate(value):
        if isinstance(image, np.ndarray) and image.dtype == np.uint8:
            image = image.tobytes()
        if not isinstance(image, bytes) or not image:
            raise PairsError(f"{path}: image {number} is {_kind(image)}, expected an encoded image")
        images.append(image)
    return images


def _bools(value: object, path: str | Path) -> NDArray[np.bool_]:
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(items, list | tuple):
        raise PairsError(f"{path}: is_same is {_kind(value)}, expected a list of bools")
    for number, item in enumerate(items):
        if not isinstance(item, int) or item not in (0, 1):
            raise PairsError(f"{path}: is_same of pair {number} is {item!r}, expected True or False")
    return np.array(items, dtype=np.bool_)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return f"{type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else type(value).__name__
