"""Identification tests: which images are the gallery, and which the probes that are searched in it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class GallerySearch(NamedTuple):
    """A closed-set identification test on a set of images: every probe's person is in the gallery.

    Attributes:
        name: Name of the test in results.
        gallery: Positions (G,) int64 of the gallery's images.
        probes: Positions (P,) int64 of the probes.
    """

    name: str
    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]


def first_image_gallery(name: str, labels: ArrayLike) -> GallerySearch:
    """Return the first image of every person as the gallery, all others as probes.

    Args:
        name: Name of the test in results.
        labels: Identity of every image, int (N,).

    Example:
        >>> search = first_image_gallery("mine", [0, 0, 1, 0, 1])
        >>> search.gallery.tolist(), search.probes.tolist()
        ([0, 2], [1, 3, 4])
    """
    label = np.asarray(labels, dtype=np.int64)
    is_first = np.zeros(len(label), dtype=bool)
    is_first[np.unique(label, return_index=True)[1]] = True
    return GallerySearch(name, np.flatnonzero(is_first), np.flatnonzero(~is_first))
