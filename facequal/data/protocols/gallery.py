"""Searches for the person of an image in a gallery: which images are the gallery, which the probes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class GallerySearch(NamedTuple):
    """A closed-set search over a set of images: every probe's person is in the gallery.

    Attributes:
        name: How the results are called.
        gallery: Positions (G,) int64 of the gallery's images.
        probes: Positions (P,) int64 of the probes.
    """

    name: str
    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]


def first_image_gallery(name: str, labels: ArrayLike) -> GallerySearch:
    """Return the first image of every person as the gallery, all others as probes.

    Args:
        name: How the results are called.
        labels: Identity of every image, int (N,).
    """
    label = np.asarray(labels, dtype=np.int64)
    is_first = np.zeros(len(label), dtype=bool)
    is_first[np.unique(label, return_index=True)[1]] = True
    return GallerySearch(name, np.flatnonzero(is_first), np.flatnonzero(~is_first))
