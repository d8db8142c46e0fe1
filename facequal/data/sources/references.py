"""Clean pictures of the same person beside every picture, for methods that restore with their help."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facequal.data.source import FaceSource


class ReferencedFaces(Dataset[dict[str, Any]]):
    """A source whose items have `references`: other images of the same identity, never the image itself.

    Each of an image's references is drawn from all others of its identity, with replacement, as a function of (seed,
    epoch, index) alone. Where there is no other image, or the person is unknown, the references are black and
    `num_references` is 0.

    Args:
        source: A data set of faces of one size.
        num_references: n.
        seed: Seed of the draws.

    Attributes:
        epoch: int64 scalar in shared memory: the epoch of the draws, also in the workers of a loader.

    Raises:
        ValueError: If n is below 1.
    """

    def __init__(self, source: FaceSource, num_references: int, seed: int = 0) -> None:
        if num_references < 1:
            raise ValueError(f"num_references must be at least 1, got {num_references}")
        self.source, self.num_references, self.seed = source, num_references, seed
        self.labels, self.num_classes, self.classes = source.labels, source.num_classes, source.classes
        self.others = OtherImages(source.labels)
        self.epoch: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.source[index]
        others = self.others.of(index)
        generator = np.random.default_rng((self.seed, int(self.epoch), index))
        drawn = generator.choice(others, self.num_references) if len(others) else others
        return {**item, **read_references(self.source, drawn, self.num_references, item["image"])}

    def describe(self, index: int) -> str:
        """Return path, or record key and offset, of an image."""
        return self.source.describe(index)


class OtherImages:
    """The other images of each image's identity.

    Args:
        labels: int64 (N,); -1 is nobody.
    """

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self.labels = np.asarray(labels)
        self.order = np.argsort(self.labels, kind="stable")
        self.sorted_labels = self.labels[self.order]

    def of(self, index: int) -> NDArray[np.int64]:
        """Return positions of the other images, in order; none of an unknown person."""
        label = self.labels[index]
        if label < 0:
            return np.empty(0, dtype=np.int64)
        first, last = np.searchsorted(self.sorted_labels, [label, label + 1])
        same = self.order[first:last]
        others: NDArray[np.int64] = same[same != index]
        return others


def read_references(source: FaceSource, positions: NDArray[np.int64], num: int, like: Tensor) -> dict[str, Any]:
    """Return `references` uint8 (n,3,H,W), black beyond those there are, and `num_references`, how many there are.

    Args:
        source: The images.
        positions: Positions of at most `num` of them.
        num: n.
        like: The image they are of one size with.
    """
    return padded_references([source[int(position)]["image"] for position in positions], num, like)


def padded_references(images: Sequence[Tensor], num: int, like: Tensor) -> dict[str, Any]:
    """Return the same of images that are read already."""
    missing = [torch.zeros_like(like)] * (num - len(images))
    return {"references": torch.stack([*images, *missing]), "num_references": len(images)}
