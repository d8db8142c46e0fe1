"""What a check learns from reading all images of a set: unreadable ones, copies, sizes, grey ones."""

from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import DataError, Problem
from facequal.data.sources.encoded import EncodedImages
from facequal.data.sources.images import decode_image

Progress = Callable[[int, int], None]
_EXPECTED_PX = 112


def check_images(
    images: EncodedImages, labels: NDArray[np.int64] | None, where: str, on_progress: Progress | None
) -> list[Problem]:
    """Decode every image, and list unreadable ones, copies, other sizes and grey ones.

    Args:
        images: The encoded images.
        labels: Identity of every image, int64 (N,); None leaves copies out.
        where: The set, for notes on all of it.
        on_progress: Called with the number of images read and to read.
    """
    problems: list[Problem] = []
    digests = np.zeros(len(images), dtype=np.uint64)
    readable = np.zeros(len(images), dtype=np.bool_)
    sizes: Counter[tuple[int, int]] = Counter()
    num_grey = 0
    for index in range(len(images)):
        try:
            data = images.read(index)
            digests[index] = int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
            image = decode_image(data, images.describe(index))
        except DataError as error:
            problems.append(as_problem(error, images.describe(index)))
        else:
            readable[index] = True
            sizes[image.shape[0], image.shape[1]] += 1
            num_grey += bool((image == image[..., :1]).all())
        if on_progress is not None:
            on_progress(index + 1, len(images))
    if labels is not None:
        problems += _copies(images, labels, digests, np.flatnonzero(readable))
    grey = [Problem("note", where, f"{num_grey} of {len(images)} images are grey")] if num_grey else []
    return problems + _size_notes(sizes, where) + grey


def _copies(
    images: EncodedImages, labels: NDArray[np.int64], digests: NDArray[np.uint64], readable: NDArray[np.intp]
) -> Iterable[Problem]:
    """Yield a warning for every image whose bytes are those of an earlier one."""
    _, firsts, numbers = np.unique(digests[readable], return_index=True, return_inverse=True)
    originals = readable[firsts][numbers]
    for index, first in zip(readable[readable != originals], originals[readable != originals], strict=True):
        whose = "the same identity" if labels[index] == labels[first] else "another identity"
        yield Problem("warning", images.describe(index), f"the same file, of {whose}: {images.describe(first)}")


def _size_notes(sizes: Counter[tuple[int, int]], where: str) -> list[Problem]:
    others = [(count, size) for size, count in sizes.most_common() if size != (_EXPECTED_PX, _EXPECTED_PX)]
    if not others:
        return []
    listed = ", ".join(f"{count} of {height}x{width}" for count, (height, width) in others[:5])
    more = f", and {len(others) - 5} more sizes" if len(others) > 5 else ""
    total = sum(count for count, _ in others)
    what = f"{total} images are not {_EXPECTED_PX}x{_EXPECTED_PX} (height x width: {listed}{more}) and will be resized"
    return [Problem("note", where, what)]


def single_images(labels: NDArray[np.int64], names: list[str], where: str) -> list[Problem]:
    """Return a note on the identities that have one image only.

    Args:
        labels: Identity of every image, int64 (N,).
        names: Names of the identities.
        where: The set.

    Example:
        >>> print(*single_images(np.array([0, 0, 1]), ["Ann", "Bo"], "people"))
        note: people: 1 of 2 identities have a single image: Bo
    """
    single = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 1)
    if not len(single):
        return []
    listed = ", ".join(names[label] for label in single[:5])
    more = ", ..." if len(single) > 5 else ""
    return [Problem("note", where, f"{len(single)} of {len(names)} identities have a single image: {listed}{more}")]


def as_problem(error: DataError, where: str) -> Problem:
    """Return an error as a problem.

    Args:
        error: The error; its message begins with the file that it is about.
        where: The file that is expected there; another one is taken from the message.
    """
    message = str(error)
    if message.startswith(f"{where}: "):
        return Problem("error", where, message.removeprefix(f"{where}: "))
    file, _, what = message.partition(": ")
    return Problem("error", file, what)
