"""A picture of many procedural faces."""

import numpy as np
from numpy.typing import NDArray

from facequal.procedural.identities import FAMILY_SIZE
from facequal.procedural.renderer import render_identity


def contact_sheet(
    num_families: int = 6,
    size_px: int = 112,
    seed: int = 0,
    first_family: int = 0,
    images: int = 1,
) -> NDArray[np.uint8]:
    """Return a picture with families as rows and their six people as columns.

    Args:
        num_families: Number of rows.
        size_px: Height and width of a face.
        seed: Seed of the faces, as in `ProceduralFaces`.
        first_family: Number of the first row's family.
        images: Images of every person, side by side.

    Returns:
        RGB picture, uint8 (num_families * size_px, 6 * images * size_px, 3).
    """
    rows = []
    for family in range(first_family, first_family + num_families):
        people = range(family * FAMILY_SIZE, (family + 1) * FAMILY_SIZE)
        faces = [face for person in people for face in render_identity(person, images, size_px, seed).numpy()]
        rows.append(np.concatenate(faces, axis=2))
    sheet: NDArray[np.uint8] = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    return np.ascontiguousarray(sheet)
