"""A picture of many procedural faces."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facequal.procedural.identities import FAMILY_SIZE
from facequal.procedural.renderer import render_identity


def contact_sheet(
    num_families: int = 6,
    size_px: int = 112,
    seed: int = 0,
    first_family: int = 0,
    images: int = 1,
) -> NDArray[np.uint8]:
    """Return families as rows, their six people as columns.

    Args:
        num_families: Number of rows.
        size_px: Height and width of one face.
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


def write_contact_sheet(path: str | os.PathLike[str], sheet: NDArray[np.uint8], bits: int = 6) -> None:
    """Write a contact sheet as a PNG, rounded to fewer levels: six bits of eight take two thirds of the bytes.

    The faces' grain hides the steps between the levels.

    Args:
        path: The file to write; its folder is made.
        sheet: RGB picture, uint8 (H, W, 3).
        bits: Of each colour that are kept, 1..8.

    Raises:
        ValueError: If `bits` is out of its range.
    """
    if not 1 <= bits <= 8:
        raise ValueError(f"bits={bits}: must be in 1..8")
    step = 1 << (8 - bits)
    rounded = np.minimum((sheet.astype(np.int16) + step // 2) // step * step, 255).astype(np.uint8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rounded).save(path, optimize=True)
