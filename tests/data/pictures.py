"""Small pictures and folders of them for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 10, 3), dtype=np.uint8)


def png(number: int) -> bytes:
    """One of `PIXELS` as a PNG."""
    return cv2.imencode(".png", PIXELS[number][..., ::-1])[1].tobytes()


def write_tree(root: Path, names: Sequence[str]) -> Path:
    """Write image n under the n-th name."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return root


def pixels(dataset: Any, index: int) -> NDArray[np.uint8]:
    """The pixels of an item, (H, W, 3)."""
    return dataset[int(index)]["image"].permute(1, 2, 0).numpy()
