"""A record set of procedural faces, as users' sets are: 112x112 JPEGs of quality 95."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facequal.data.sources.datasets import RecordDataset
from facequal.data.sources.recordio import write_record_set
from facequal.procedural import render_identity

IMAGES_PER_IDENTITY = 16


def faces(num_images: int) -> NDArray[np.uint8]:
    """Return rendered faces, uint8 RGB (N, 112, 112, 3), 16 of each person."""
    num_people = -(-num_images // IMAGES_PER_IDENTITY)
    images = [render_identity(person, IMAGES_PER_IDENTITY).numpy() for person in range(num_people)]
    return np.ascontiguousarray(np.concatenate(images)[:num_images].transpose(0, 2, 3, 1))


def write_faces(folder: Path, num_images: int, copies: int = 1) -> RecordDataset:
    """Render faces and write them as a record set.

    Args:
        folder: Where the set goes.
        num_images: Number of faces.
        copies: How often the set repeats them, each time as other people: a larger file for the same rendering.
    """
    images = faces(num_images)

    def labelled() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        people_per_copy = -(-num_images // IMAGES_PER_IDENTITY)
        for copy in range(copies):
            for number, image in enumerate(images):
                yield copy * people_per_copy + number // IMAGES_PER_IDENTITY, image

    write_record_set(labelled(), folder / "train.rec", quality=95)
    return RecordDataset(folder)
