"""Small data sets of faces for tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset


class ArraySource(Dataset[dict[str, Any]]):
    """Random images; each identity has a colour of its own, so that something can be learnt."""

    families: np.ndarray

    def __init__(self, labels: list[int], size_px: int = 16, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.num_classes = int(self.labels.max()) + 1 if labels else 0
        self.classes = [f"person{identity}" for identity in range(self.num_classes)]
        colours = generator.integers(40, 216, (self.num_classes, 3, 1, 1))
        noise = generator.integers(-40, 40, (len(labels), 3, size_px, size_px))
        self.images = torch.from_numpy((colours[self.labels] + noise).astype(np.uint8))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": self.images[index], "label": int(self.labels[index]), "index": index}

    def describe(self, index: int) -> str:
        return f"image {index}"


def people(num_identities: int = 6, images_per_identity: int = 4, size_px: int = 16) -> ArraySource:
    return ArraySource([identity for identity in range(num_identities) for _ in range(images_per_identity)], size_px)


def with_families(source: ArraySource, family_of_identity: Sequence[int] | np.ndarray) -> ArraySource:
    """Tell a source which people resemble each other."""
    source.families = np.asarray(family_of_identity)[source.labels]
    return source
