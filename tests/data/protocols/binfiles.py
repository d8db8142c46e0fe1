"""A writer of InsightFace verification files for tests."""

import pickle
from collections.abc import Sequence
from pathlib import Path


def write_bin(path: Path, images: Sequence[bytes], is_same: Sequence[bool]) -> None:
    """Write 2P encoded images, images 2i and 2i+1 being pair i, and whether each pair shows one person."""
    path.write_bytes(pickle.dumps((list(images), list(is_same)), protocol=4))
